package wiring

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile/configfiletest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/queue"
)

// built is the one feed of a mapping to a queue of this name, with these further settings.
func built(t *testing.T, name, settings string) *queue.Feed {
	t.Helper()
	file := configfiletest.Load(t, "Engine: {TimeScale: 0.5}\nAws: {Endpoint: 'http://localhost:4566'}\nFunctions: {f: {Command: [/bin/true]}}\n"+
		"EventSourceMappings: [{FunctionName: 'f:live', EventSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:"+name+"'"+settings+"}]\n")
	p, err := Build(t.Context(), file, &awsclient.Clients{Region: file.Aws.Region}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	feed, err := p.Feeds.Feed(t.Context(), file.Mappings[0])
	if err != nil {
		t.Fatal(err)
	}
	return feed.(*queue.Feed)
}

func TestFeedsOfMappings(t *testing.T) {
	provisioned := func(least, most int, fifo bool) policy.Pollers {
		p := policy.ProvisionedPollers(least, most, false)
		p.FIFO = fifo
		return p
	}
	ten := policy.Batching{Size: 10}
	for _, c := range []struct {
		name, queue, settings string
		batching              policy.Batching
		pollers               policy.Pollers
		filtered, report      bool
	}{
		{"nothing said", "q", "", ten, policy.StandardPollers(0, false), false, false},
		{"reports", "q", ", FunctionResponseTypes: [ReportBatchItemFailures]", ten, policy.StandardPollers(0, true), false, true},
		{"large batches", "q", ", BatchSize: 500, MaximumBatchingWindowInSeconds: 7",
			policy.Batching{Size: 500, Window: 7 * time.Second}, policy.StandardPollers(0, false), false, false},
		{"a limit", "q", ", ScalingConfig: {MaximumConcurrency: 7}", ten, policy.StandardPollers(7, false), false, false},
		{"no limit after all", "q", ", ScalingConfig: {}", ten, policy.StandardPollers(0, false), false, false},
		{"FIFO", "q.fifo", ", ScalingConfig: {MaximumConcurrency: 7}", ten, policy.FIFOPollers(7, false), false, false},
		{"provisioned", "q", ", ProvisionedPollerConfig: {MinimumPollers: 3}", ten, provisioned(3, 200, false), false, false},
		{"provisioned FIFO", "q.fifo", ", ProvisionedPollerConfig: {MaximumPollers: 5}", ten, provisioned(2, 5, true), false, false},
		{"not provisioned after all", "q", ", ProvisionedPollerConfig: {}", ten, policy.StandardPollers(0, false), false, false},
		{"a filter", "q", `, FilterCriteria: {Filters: [{Pattern: '{"body":["x"]}'}, {Pattern: '{"body":["y"]}'}]}`, ten, policy.StandardPollers(0, false), true, false},
	} {
		f := built(t, c.queue, c.settings)
		if f.Batching != c.batching || f.Pollers != c.pollers || f.Report != c.report {
			t.Errorf("%s: got %+v, %+v, %v, want %+v, %+v, %v", c.name, f.Batching, f.Pollers, f.Report, c.batching, c.pollers, c.report)
		}
		if want := c.pollers.PerMinute > policy.StandardPollers(0, false).PerMinute; f.Provisioned != want {
			t.Errorf("%s: provisioned %v, want %v", c.name, f.Provisioned, want)
		}
		if f.Function != "f:live" || f.Invoker == nil || f.Scale != 0.5 || f.Rules.Pauses.Base != 50*time.Millisecond {
			t.Errorf("%s: got %+v", c.name, f)
		}
		for body, wanted := range map[string]bool{"x": true, "y": true, "z": !c.filtered} {
			if got := f.Filter == nil || f.Filter.Match([]byte(`{"body":"`+body+`"}`)); got != wanted {
				t.Errorf("%s: the body %s is let through: %v, want %v", c.name, body, got, wanted)
			}
		}
	}
}

// A feed asks for its function's RecursiveLoop while it runs: HTTP may change it.
func TestRecursionIsAskedForByFunction(t *testing.T) {
	feeds := &Feeds{}
	file := configfiletest.Load(t, "Aws: {Endpoint: 'http://localhost:4566'}\nFunctions: {f: {Command: [/bin/true]}}\n"+
		"EventSourceMappings: [{FunctionName: f, EventSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:q'}]\n")
	feeds.File, feeds.Clients = file, &awsclient.Clients{Region: file.Aws.Region}
	feed, err := feeds.Feed(t.Context(), file.Mappings[0])
	if err != nil {
		t.Fatal(err)
	}
	allows := feed.(*queue.Feed).AllowsRecursion
	if allows() {
		t.Error("recursion is allowed by default")
	}
	feeds.AllowsRecursion = func(function string) bool { return function == "f" }
	if !allows() {
		t.Error("recursion of f is not allowed")
	}
}

func TestPollWait(t *testing.T) {
	for settings, want := range map[string]time.Duration{
		"":                            20 * time.Second,
		"Engine: {GracePeriod: 6s}\n": 4 * time.Second,
		"Aws: {Endpoint: 'http://localhost:4566'}\n": 2 * time.Second,
	} {
		file := configfiletest.Load(t, settings+"Functions: {f: {Command: [/bin/true]}}\n"+
			"EventSourceMappings: [{FunctionName: f, EventSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:q'}]\n")
		if got := (&Feeds{File: file}).pollWait(file.Mappings[0]); got != want {
			t.Errorf("%q: polls wait %v, want %v", settings, got, want)
		}
	}
}

// An invocation elsewhere is asked for once, even if the answer is one that the SDK would try again after.
func TestFunctionsElsewhere(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	asked, status := 0, http.StatusOK
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := "/2015-03-31/functions/f/invocations"; r.URL.Path != want {
			t.Errorf("got %s, want %s", r.URL.Path, want)
		}
		asked++
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `"done"`)
	}))
	defer service.Close()
	file := configfiletest.Load(t, "Functions: {f: {InvokeEndpoint: '"+service.URL+"'}}\n")
	p, err := Build(t.Context(), file, &awsclient.Clients{Region: "us-east-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	call := esm.Call{ID: "1", Function: "f", Payload: []byte("{}")}
	if got, err := p.Functions.Invoke(t.Context(), call); err != nil || string(got.Payload) != `"done"` || asked != 1 {
		t.Errorf("got %s, %v after %d requests", got.Payload, err, asked)
	}
	status, asked = http.StatusServiceUnavailable, 0
	if _, err := p.Functions.Invoke(t.Context(), call); !errors.Is(err, esm.ErrNotRun) || asked != 1 {
		t.Errorf("got %v after %d requests, want that it did not run, after 1", err, asked)
	}
}
