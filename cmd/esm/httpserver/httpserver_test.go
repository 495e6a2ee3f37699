package httpserver

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

var someMapping = observe.Mapping{UUID: "u", Source: "arn:aws:sqs:us-east-1:000000000000:orders", Function: "f"}

// Until the engine has started, the server knows neither mappings nor Lambda's API.
func TestHandlerWhileStarting(t *testing.T) {
	ready := Status{Version: "v1", Ready: true}
	waiting := Status{Version: "v1", Waiting: []string{"orders → f", "others → f"}}
	const starting = `{"Message":"The engine is starting.","Type":"Service"}` + "\n"
	for _, c := range []struct {
		method, path string
		status       Status
		code         int
		says         string
	}{
		{"GET", "/healthz", waiting, 200, "ok\n"},
		{"HEAD", "/healthz", waiting, 200, ""},
		{"GET", "/readyz", ready, 200, "ok\n"},
		{"GET", "/readyz", waiting, 503, "waiting for orders → f, others → f\n"},
		{"GET", "/metrics", ready, 200, "esm_polled_events_total{"},
		{"GET", StatusPath, ready, 200, `{"Version":"v1",`},
		{"GET", MappingsPath, waiting, 503, starting},
		{"GET", "/2015-03-31/event-source-mappings", waiting, 503, starting},
		{"POST", "/2015-03-31/functions/f/invocations", waiting, 503, starting},
		{"POST", "/esm/v1/sns/f", waiting, 503, starting},
		{"POST", "/readyz", ready, 503, starting},
		{"DELETE", StatusPath, ready, 503, starting},
	} {
		h := (&Server{
			Metrics:  observe.NewMonitor([]observe.Mapping{someMapping}, nil).Registry,
			Status:   func() Status { return c.status },
			Mappings: func() ([]mappings.Registered, bool) { return nil, false },
			Lambda:   func() http.Handler { return nil },

			Subscriber: func() http.Handler { return nil },
		}).Handler()
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(c.method, c.path, nil))
		if answer.Code != c.code || !strings.Contains(answer.Body.String(), c.says) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, answer.Code, answer.Body, c.code, c.says)
		}
		if got := answer.Header(); c.says == starting && (got.Get("Content-Type") != "application/json" ||
			got.Get("X-Amzn-ErrorType") != "ServiceException" || got.Get("X-Amzn-Requestid") == "") {
			t.Errorf("%s %s: got %v", c.method, c.path, got)
		}
	}
}

// What `esm status --json` and scripts read. The members of mappings and functions are the observer's affair.
func TestEngineStatusJSON(t *testing.T) {
	b := observe.NewMonitor(nil, []string{"f"})
	b.Trace(trace.Ran{Function: "f"})
	got, err := json.Marshal(Status{
		Version: "v1", PID: 7, Started: time.Unix(0, 0).UTC(), Waiting: []string{"orders → f"}, Status: b.Status(),
	})
	want := `{"Version":"v1","ProcessId":7,"Started":"1970-01-01T00:00:00Z","Ready":false,"Waiting":["orders → f"],` +
		`"EventSourceMappings":[],"Functions":[{"FunctionName":"f","Environments":0,"Busy":0,"Invocations":1,"Errors":0,"Throttles":0,"AsyncEvents":{"Waiting":0,"InFlight":0,"OldestAgeNanoseconds":0,"Received":0,"Succeeded":0,"Dropped":0}}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// serving runs serve until stop is called, which returns its error.
func serving(t *testing.T, h http.Handler) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, log.New(io.Discard, "", 0)) }()
	return "http://" + l.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

func TestServeFinishesResponses(t *testing.T) {
	asked, goOn := make(chan bool), make(chan bool)
	url, stop := serving(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-goOn
		io.WriteString(w, "late")
	}))
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		answer <- string(text)
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(goOn)
	if got := <-answer; got != "late" {
		t.Errorf("got %q, want the answer", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServeEndsEndlessResponses(t *testing.T) {
	asked := make(chan bool)
	url, stop := serving(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	go func() {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
		}
	}()
	<-asked
	began := time.Now()
	if err := stop(); err != nil || time.Since(began) < lastAnswers {
		t.Errorf("ended with %v after %v, want a clean end after %v", err, time.Since(began), lastAnswers)
	}
}

func TestServeError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, http.NotFoundHandler(), nil); err == nil || !strings.HasPrefix(err.Error(), "http: ") {
		t.Errorf("got %v, want why it ended", err)
	}
}

func TestListen(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	if _, err := Listen(taken); err == nil || !strings.Contains(err.Error(), "Engine.Listen "+taken) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("taken: got %v, want what to do", err)
	}
	if _, err := Listen("256.0.0.1:80"); err == nil || !strings.Contains(err.Error(), "Engine.Listen: ") || strings.Contains(err.Error(), "--listen") {
		t.Errorf("no address: got %v", err)
	}
}
