package running

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// loaded returns a System that observes, of the text of a file, and its parts. Nothing runs.
func loaded(t *testing.T, dir, text string) (*System, *wiring.Parts) {
	t.Helper()
	path := filepath.Join(dir, "mappings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := logging.New(logging.Flags{Level: "info"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	file, report := configfile.Load(path, configfile.Overrides{DataDir: dir})
	if report.Err() != nil {
		t.Fatal(report)
	}
	s := &System{File: file, Log: log, Stdout: io.Discard}
	s.observe()
	p, err := wiring.Build(t.Context(), file, &awsclient.Clients{Region: file.Aws.Region}, s.trace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(t.Context()) })
	return s, p
}

func (s *System) runs(ctx context.Context, p *wiring.Parts) *runner {
	return &runner{
		ctx: ctx, feeds: p.Feeds, engine: &engine.Engine{}, observers: s.observers,
		started: func(context.Context, config.Mapping) {},
	}
}

// held is a feed with a batch in hand until release is closed.
type held struct {
	trace   trace.Func
	mapping string
	release chan struct{}
}

func (h held) Run(ctx, _ context.Context, ready func()) {
	ready()
	h.trace.Emit(trace.Invoking{Mapping: h.mapping})
	<-ctx.Done()
	<-h.release
	h.trace.Emit(trace.Invoked{Mapping: h.mapping})
}

const twoFunctions = `
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Functions: {f: {Command: [/bin/true]}, g: {Command: [/bin/true]}}
EventSourceMappings:
  - {UUID: 11111111-1111-4111-8111-111111111111, FunctionName: f, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:a'}
`

// What a mapping had in hand when it got another function is counted for the one that had it.
func TestChangedFunctionIsShownAfterLastBatch(t *testing.T) {
	s, p := loaded(t, t.TempDir(), twoFunctions)
	runs, m := s.runs(t.Context(), p), s.File.Mappings[0]
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); runs.engine.Run(ctx, t.Context()) }()
	defer func() { stop(); <-ended; runs.stopping.Wait() }()

	first := held{s.trace, m.UUID, make(chan struct{})}
	<-runs.engine.Set(m.UUID, observedFeed{first, runs, m})
	for s.observers.monitor.Status().Mappings[0].InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	m.FunctionName = "g"
	ready, err := runs.Run(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.observers.monitor.Status().Mappings[0].Function; got != "f" {
		t.Errorf("while the batch is in hand it is one of %s", got)
	}
	close(first.release)
	<-ready
	<-runs.Stop(m.UUID)
	scraped := httptest.NewRecorder()
	s.handler().ServeHTTP(scraped, httptest.NewRequest("GET", "/metrics", nil))
	if got := scraped.Body.String(); !strings.Contains(got, `esm_batches_in_flight{function="g",mapping="`+m.UUID+`",source="`+m.EventSourceArn+`"} 0`) ||
		strings.Contains(got, `esm_batches_in_flight{function="f"`) {
		t.Errorf("got %s", got)
	}
	if got := s.observers.monitor.Status().Mappings[0]; got.State != mappings.Disabled || got.InFlight != 0 {
		t.Errorf("got %+v, want it disabled with nothing in hand", got)
	}
}

// While its stream cannot be listed a new mapping is not Enabled, and the engine is not ready.
func TestNotEnabledBeforeStreamIsListed(t *testing.T) {
	s, p := loaded(t, t.TempDir(), `
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Functions: {f: {Command: [/bin/true]}}
EventSourceMappings:
  - {FunctionName: f, EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/s', StartingPosition: LATEST}
`)
	runs := s.runs(t.Context(), p)
	register, err := s.register(t.Context(), p, runs)
	if err != nil {
		t.Fatal(err)
	}
	s.known.Store(register)
	s.started.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { runs.engine.Run(ctx, t.Context()) })
	for !s.observers.monitor.Status().Mappings[0].Failing {
		time.Sleep(time.Millisecond)
	}
	if got := s.status(); got.Ready || got.Mappings[0].State != mappings.Enabling {
		t.Errorf("ready %v, state %s", got.Ready, got.Mappings[0].State)
	}
	register.Close()
	stop()
	running.Wait()
}

// A mapping of the file that HTTP has deleted is not waited for, shown or counted at the next start; one that never ran is
// shown.
func TestStartAfterChangesOverHTTP(t *testing.T) {
	dir := t.TempDir()
	s, p := loaded(t, dir, twoFunctions)
	runs := s.runs(t.Context(), p)
	register, err := s.register(t.Context(), p, runs)
	if err != nil {
		t.Fatal(err)
	}
	s.known.Store(register)
	gone := s.File.Mappings[0].UUID
	if got := s.status(); len(got.Mappings) != 1 || got.Mappings[0].Origin != mappings.OriginFile {
		t.Errorf("got %+v", got.Mappings)
	}
	if _, err := register.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	made, err := register.Create(t.Context(), config.Mapping{
		FunctionName: "g", EventSourceArn: "arn:aws:sqs:us-east-1:000000000000:b", Enabled: new(false),
	})
	if err != nil {
		t.Fatal(err)
	}
	for register.List()[0].UUID == gone {
		time.Sleep(time.Millisecond)
	}
	for range 2 { // before and after a start
		s.started.Store(true)
		got := s.status()
		if !got.Ready || len(got.Mappings) != 1 || got.Mappings[0].UUID != made.UUID || got.Mappings[0].State != mappings.Disabled || got.Mappings[0].Origin != mappings.OriginHTTP {
			t.Errorf("ready %v, waiting for %q, with %+v", got.Ready, got.Waiting, got.Mappings)
		}
		if shown := s.observers.monitor.Status().Mappings; len(shown) > 1 {
			t.Errorf("the monitor has %+v", shown)
		}
		register.Close()
		runs.stopping.Wait()
		p.Close(t.Context())
		s, p = loaded(t, dir, twoFunctions)
		runs = s.runs(t.Context(), p)
		if register, err = s.register(t.Context(), p, runs); err != nil {
			t.Fatal(err)
		}
		defer register.Close()
		s.known.Store(register)
	}
}
