package logs

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/trace"
)

// engine serves the logs of f and returns its address.
func engine(t *testing.T) (address string, kept *observe.Kept) {
	t.Helper()
	kept = observe.NewKept()
	s := httpserver.Server{Metrics: prometheus.NewRegistry(), Logs: kept, HasFunction: func(name string) bool { return name == "f" }}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(kept.End)
	return server.Listener.Addr().String(), kept
}

var at = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)

func TestPrint(t *testing.T) {
	address, kept := engine(t)
	kept.Trace(trace.Output{Function: "f", ID: "id", Line: "[ERROR] no\rTraceback\r", Time: at})
	kept.Trace(trace.Output{Function: "f", Line: "", Time: at})
	kept.Trace(trace.Output{Function: "f", ID: "id", Line: "END RequestId: id", Platform: true, Time: at})
	var text, json strings.Builder
	r := Request{Address: address}
	if err := r.Print(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	want := "2026-01-02 03:04:05.006 [f id] [ERROR] no\n2026-01-02 03:04:05.006 [f id] Traceback\n" +
		"2026-01-02 03:04:05.006 [f -] \n2026-01-02 03:04:05.006 [f id] END RequestId: id\n"
	if got := text.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.JSON, r.RequestID, r.Since, r.Tail, r.Function = true, "id", at, 1, "f"
	if err := r.Print(t.Context(), &json); err != nil {
		t.Fatal(err)
	}
	if got := json.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"line":"END RequestId: id","platform":true}`) {
		t.Errorf("got %s", got)
	}
}

func TestPrintSaysWhatIsGone(t *testing.T) {
	address, kept := engine(t)
	line := strings.Repeat("x", 1<<20)
	for range 3 {
		kept.Trace(trace.Output{Function: "f", Line: line, Time: at})
	}
	var out strings.Builder
	if err := (Request{Address: address}).Print(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "[f -] … 2 lines before this are not kept any more\n") {
		t.Errorf("got %.200s", got)
	}
}

// written passes on what is written.
type written chan string

func (w written) Write(p []byte) (int, error) { w <- string(p); return len(p), nil }

func TestFollow(t *testing.T) {
	address, kept := engine(t)
	out, ended := make(written, 10), make(chan error, 1)
	r := Request{Address: address, LogSelection: observe.LogSelection{Follow: true}}
	go func() { ended <- r.Print(t.Context(), out) }()
	for n := range 3 {
		kept.Trace(trace.Output{Function: "f", Line: fmt.Sprint(n), Time: at})
		if got, want := <-out, fmt.Sprintf("2026-01-02 03:04:05.006 [f -] %d\n", n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	kept.End()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	address, _ := engine(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer broken.Close()
	for _, c := range []struct {
		Request
		usage bool
		want  string
	}{
		{Request{Address: "127.0.0.1:1"}, false, "no engine answers on 127.0.0.1:1"},
		{Request{Address: "nowhere"}, true, `--listen "nowhere"`},
		{Request{Address: other.Listener.Addr().String()}, false, "no engine of this version answers"},
		{Request{Address: broken.Listener.Addr().String()}, false, "broke off"},
		{Request{Address: address, LogSelection: observe.LogSelection{Function: "g"}}, true, `no function "g"`},
	} {
		err := c.Print(t.Context(), new(strings.Builder))
		if err == nil || errors.As(err, new(usage.Error)) != c.usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.Request, err, c.want)
		}
	}
}

func TestParseSince(t *testing.T) {
	for text, want := range map[string]time.Time{
		"": {}, "10m": at.Add(-10 * time.Minute), "2026-01-02T03:04:05Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	} {
		if got, err := ParseSince(text, at); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-5m", "2026-01-02"} {
		if _, err := ParseSince(text, at); !errors.As(err, new(usage.Error)) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
