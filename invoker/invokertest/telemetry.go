package invokertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/invoker/telemetry"
)

// observe subscribes an extension to telemetry, and prints the events that it receives, a batch in a line.
func observe(id string) {
	l, err := net.Listen("tcp", ":0") // the platform connects from outside
	must(err)
	go func() { // ends with the process
		_ = http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			must(err)
			fmt.Println(gotEvents + string(body))
		}))
	}()
	uri := fmt.Sprintf("http://sandbox.localdomain:%d/events", l.Addr().(*net.TCPAddr).Port)
	body := fmt.Sprintf(`{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":%q}}`, uri)
	req, err := http.NewRequest(http.MethodPut, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2022-07-01/telemetry", strings.NewReader(body))
	must(err)
	req.Header.Set("Lambda-Extension-Identifier", id)
	resp, err := http.DefaultClient.Do(req)
	must(err)
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "\"OK\"\n" {
		fail(fmt.Errorf("subscription: %s %s", resp.Status, got))
	}
}

// telemetryEvent is an event of telemetry.
type telemetryEvent struct {
	Time   time.Time
	Type   string
	Record json.RawMessage
}

// observed returns the events that the extension has received.
func (s *suite) observed() (got []telemetryEvent) {
	s.Helper()
	for _, line := range s.printed(gotEvents) {
		var batch []telemetryEvent
		if err := json.Unmarshal([]byte(line), &batch); err != nil {
			s.Fatalf("%s: %v", line, err)
		}
		got = append(got, batch...)
	}
	return got
}

// A subscriber receives the events of Init, of each invocation and what the function prints, the last ones at the shutdown,
// even of an environment that is frozen.
func (s *suite) telemetry() {
	e := s.extended(observes)
	for range 2 {
		e.order(order{Do: "print"})
	}
	e.Freeze()
	e.Close()
	var types []string
	var produced []string
	for _, got := range s.observed() {
		if got.Type == "function" {
			produced = append(produced, string(got.Record))
			continue
		}
		types = append(types, strings.TrimPrefix(got.Type, "platform."))
		if got.Type != (telemetry.Report{}).Type() {
			continue
		}
		var r telemetry.Report
		if err := json.Unmarshal(got.Record, &r); err != nil {
			s.Fatal(err)
		}
		if r.Status != "success" || r.Metrics.Duration <= 0 || r.Metrics.Billed < 1 || r.Metrics.Size != s.fn.Memory() || len(r.Spans) != 1 {
			s.Errorf("got report %s", got.Record)
		}
	}
	const subscription = "telemetrySubscription" // at some time in Init
	if n := count(types, subscription); n != 1 {
		s.Errorf("got %d subscriptions, want 1", n)
	}
	types = slices.DeleteFunc(types, func(kind string) bool { return kind == subscription })
	want := "initStart initRuntimeDone extension initReport" + strings.Repeat(" start runtimeDone report", 2)
	if got := strings.Join(types, " "); got != want {
		s.Errorf("got events %q, want %q", got, want)
	}
	for _, line := range []string{`"to stdout"`, `"to stderr"`, `"half a line"`} {
		if n := count(produced, line); n != 2 {
			s.Errorf("got %d times the line %s, want twice: %q", n, line, produced)
		}
	}
}

func count(in []string, text string) (n int) {
	for _, one := range in {
		if one == text {
			n++
		}
	}
	return n
}
