package running

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/invoker"
)

// TestMain runs the tests, or is the runtime of a function that never answers.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		resp, err := http.Get("http://" + api + "/2018-06-01/runtime/invocation/next")
		fmt.Fprintln(os.Stderr, resp, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Spares of a file's functions start with the engine, stand still when they are idle, and are shown.
func TestSparesStartWithTheEngine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mappings.yaml")
	text := fmt.Sprintf("Aws: {Endpoint: embedded}\nFunctions: {f: {Command: [%q], Spares: 2, Freeze: true}}\n", os.Args[0])
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, report := configfile.Load(path, configfile.Overrides{Listen: "127.0.0.1:0"})
	if report.Err() != nil {
		t.Fatal(report)
	}
	log, err := logging.New(logging.Flags{Level: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := &System{File: file, Log: log, Stdout: io.Discard}
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, t.Context(), stop) }()
	for {
		time.Sleep(10 * time.Millisecond)
		if len(ended) > 0 {
			break
		}
		if !s.started.Load() {
			continue
		}
		f := s.observers.monitor.Status().Functions[0]
		if f.Spares == 2 && f.States[string(invoker.Frozen)] == 2 {
			if f.List[0].Kind != "spare" || len(f.List[0].ID) != 32 || f.Environments != 2 || f.Busy != 0 {
				t.Errorf("got %+v", f)
			}
			break
		}
	}
	stop(nil)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if f := s.observers.monitor.Status().Functions[0]; f.Environments != 0 || f.List != nil {
		t.Errorf("after the end: %+v", f)
	}
}
