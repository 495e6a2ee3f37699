package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func with(buffering string) string {
	return strings.TrimSuffix(overHTTP, "}") + `,"buffering":` + buffering + `}`
}

// A batch is sent when it is old, when it has enough events or when it has enough bytes.
func TestBuffering(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.subscribe(with(`{"maxItems":1000,"maxBytes":262144,"timeoutMs":100}`))
		r.line("a")
		time.Sleep(60 * ms)
		r.Emit(time.Now(), Start{ID: "a"})
		time.Sleep(second)
		r.want("100ms POST /p 1: function start")
		for range 1001 {
			r.line("b")
		}
		r.want("1.06s POST /p 2:" + strings.Repeat(" function", 1000))
		time.Sleep(second)
		r.want("1.16s POST /p 3: function")
		big := strings.Repeat("x", 150<<10)
		r.line(big)
		r.want()
		r.line(big)
		r.line("c")
		r.want("2.06s POST /p 4: function function")
	})
}

func TestDefaultBuffering(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.subscribe(with(`{"maxBytes":1048576}`))
		for range 9999 {
			r.line("x")
		}
		time.Sleep(999 * ms)
		r.want()
		r.line("x")
		synctest.Wait()
		if got := len(r.all); got != 10_000 {
			t.Errorf("got %d events, want 10000 at once", got)
		}
	})
}

// Events go to those who subscribed to their kind, in the order in which they were emitted.
func TestTypes(t *testing.T) {
	bubble(t, func(r *receiver) {
		for name, kind := range map[string]string{"a": "platform", "b": "function", "c": "extension"} {
			body := strings.Replace(overHTTP, `"platform","function","extension"`, `"`+kind+`"`, 1)
			if _, p := r.Subscribe(name, Telemetry, []byte(strings.Replace(body, "/p", "/"+name, 1))); p != nil {
				t.Fatal(p)
			}
		}
		r.Emit(time.Now(), Start{ID: "1"})
		r.line("1")
		r.Emit(time.Now(), Line{Text: "1", Extension: true})
		r.Emit(time.Now(), Report{ID: "1"})
		time.Sleep(2 * second)
		synctest.Wait()
		slices.Sort(r.got)
		r.want("1s POST /a 1: start report", "1s POST /b 1: function", "1s POST /c 1: extension")
	})
}

func TestTCP(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.subscribe(overTCP)
		r.line("a")
		r.line("b\r c")
		time.Sleep(second)
		r.line("d")
		time.Sleep(second)
		r.want("25ms line: function", "25ms line: function", "1.025s line: function")
		if want := `"record":"b\r c"}`; !strings.HasSuffix(r.all[1], want) {
			t.Errorf("got %s, want it to end with %s", r.all[1], want)
		}
	})
}

// A batch that is refused is sent again, with the same number. Later events wait for it.
func TestRetries(t *testing.T) {
	for _, body := range []string{overHTTP, strings.Replace(overHTTP, "sandbox.localdomain", "sandbox", 1)} {
		bubble(t, func(r *receiver) {
			r.answers = []int{500, 400, 302}
			r.subscribe(body)
			r.line("a")
			time.Sleep(1200 * ms)
			r.line("b")
			time.Sleep(10 * second)
			r.want("1s POST /p 1: function", "1.1s POST /p 1: function", "1.3s POST /p 1: function", "1.7s POST /p 1: function",
				"2.2s POST /p 2: function")
		})
	}
}

// A batch that cannot be delivered is dropped after five tries, and the loss is an event.
func TestLostBatch(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.answers = slices.Repeat([]int{500}, 5)
		r.subscribe(overHTTP)
		r.line("a")
		r.line("b")
		time.Sleep(10 * second)
		two := "POST /p 1: function function"
		r.want("1s "+two, "1.1s "+two, "1.3s "+two, "1.7s "+two, "2.5s "+two, "3.5s POST /p 2: logsDropped")
		want := `{"time":"2000-01-01T00:00:02.500Z","type":"platform.logsDropped","record":{"reason":"events could not be delivered: ` +
			`http://sandbox.localdomain:8080/p answered with status 500","droppedRecords":2,"droppedBytes":132}}`
		if got := r.all[len(r.all)-1]; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// A receiver that does not answer is waited for five seconds at a time. Meanwhile so many events are kept as four batches have.
func TestSlowReceiver(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.delay.Store(int64(4 * second))
		r.subscribe(with(`{"maxItems":1000,"timeoutMs":100}`))
		for range 1000 {
			r.line("a")
		}
		synctest.Wait() // the first batch is on its way
		for range 4010 {
			r.line("b")
		}
		time.Sleep(30 * second)
		synctest.Wait()
		if got := len(r.got); got != 6 {
			t.Fatalf("got %d batches, want 5 and one of the loss", got)
		}
		if got, want := r.all[len(r.all)-1], `"droppedRecords":10,"droppedBytes":660}}`; len(r.all) != 5001 || !strings.HasSuffix(got, want) {
			t.Errorf("got %d events, the last %s, want %s", len(r.all), got, want)
		}
		r.delay.Store(int64(6 * second))
		r.line("c")
		time.Sleep(second)
		r.Stop()
		if got := time.Since(r.began); got != 31*second {
			t.Errorf("Stop returned at %v", got)
		}
	})
}

// Events of Init reach extensions that subscribe later. After Init nobody can subscribe.
func TestInitEvents(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.Emit(time.Now(), InitStart{Phase: "init"})
		r.line("a")
		time.Sleep(second)
		r.subscribe(overHTTP)
		r.Emit(time.Now(), Subscribed{Name: "ext", State: "Subscribed", Types: []string{"platform"}})
		time.Sleep(500 * ms)
		r.Close()
		time.Sleep(10 * second)
		r.want("2s POST /p 1: initStart function telemetrySubscription")
		for api, want := range map[API]string{
			Telemetry: "Telemetry.SubscriptionClosed: Telemetry API subscription is closed",
			Logs:      "Logs.SubscriptionClosed: Logs API subscription is closed",
		} {
			if _, p := r.Subscribe("late", api, []byte(overHTTP)); p == nil || p.Status != 403 || p.Error() != want {
				t.Errorf("got %v, want %s", p, want)
			}
		}
	})
}

func TestInitHistoryIsBounded(t *testing.T) {
	bubble(t, func(r *receiver) {
		for range 500 {
			r.line(strings.Repeat("x", 1024))
		}
		r.subscribe(overHTTP)
		time.Sleep(5 * second)
		synctest.Wait()
		if got, want := r.all[len(r.all)-1], `{"reason":"the events of Init exceed 512 KB","droppedRecords":45,"droppedBytes":51840}}`; len(r.all) != 456 || !strings.HasSuffix(got, want) {
			t.Errorf("got %d events, the last %s, want %s", len(r.all), got, want)
		}
	})
}

// While the environment is idle, nothing is delivered. A flush delivers everything.
func TestHold(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.answers = []int{500}
		r.subscribe(overHTTP)
		r.Close()
		r.line("a")
		time.Sleep(1050 * ms) // in the middle of a retry
		r.Hold()
		r.Emit(time.Now(), Report{ID: "1"})
		time.Sleep(time.Hour)
		r.want("1s POST /p 1: function")
		r.Emit(time.Now(), Start{ID: "2"})
		r.Release()
		r.want("1h0m1.05s POST /p 1: function", "1h0m1.05s POST /p 2: report start")
		r.Hold()
		r.Emit(time.Now(), Report{ID: "2"})
		for range 2 {
			ctx, cancel := context.WithTimeout(r.Context(), second)
			r.Flush(ctx)
			if ctx.Err() != nil {
				t.Error("the flush took a second")
			}
			cancel()
		}
		r.want("1h0m1.05s POST /p 3: report")
	})
}

func TestFlushHasADeadline(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.broken.Store(true)
		r.subscribe(overTCP)
		r.line("a")
		ctx, cancel := context.WithTimeout(r.Context(), 300*ms)
		defer cancel()
		r.Flush(ctx)
		if got := time.Since(r.began); got != 300*ms {
			t.Errorf("Flush returned after %v", got)
		}
		r.Stop()
		r.want()
	})
}

// A connection that ends is made again, and the batch is sent again.
func TestTCPConnectionEnds(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.broken.Store(true)
		r.subscribe(overTCP)
		r.line("a")
		time.Sleep(40 * ms)
		r.broken.Store(false)
		time.Sleep(second)
		r.want("125ms line: function")
	})
}

// A second subscription of an extension replaces the first.
func TestSubscriptionIsReplaced(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.subscribe(strings.Replace(overHTTP, "/p", "/old", 1))
		r.subscribe(overHTTP)
		r.line("a")
		time.Sleep(2 * second)
		r.want("1s POST /p 1: function")
		if _, p := r.Subscribe("other", Logs, []byte(strings.Replace(overHTTP, "2022-12-13", "2021-03-18", 1))); p == nil || p.Status != 400 {
			t.Errorf("got %v, want a refusal of the other API", p)
		}
	})
}

func TestNobodySubscribed(t *testing.T) {
	bubble(t, func(r *receiver) {
		r.Close()
		if r.Active() {
			t.Error("active without a subscriber")
		}
		at, record := time.Now(), Record(Start{ID: "a"})
		if got := testing.AllocsPerRun(100, func() { r.Emit(at, record) }); got != 0 {
			t.Errorf("an event that nobody wants has %v allocations", got)
		}
	})
}

func TestRequests(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(overHTTP) }
	types := `["platform","function","extension"]`
	destination := `{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/p"}`
	for _, tt := range []struct {
		name, body string
		api        API
		want       string // the message; empty if it is accepted
	}{
		{"HTTP", overHTTP, Telemetry, ""},
		{"TCP", overTCP, Telemetry, ""},
		{"newest", edit("2022-12-13", "2025-01-29"), Telemetry, ""},
		{"oldest", edit("2022-12-13", "2022-07-01"), Telemetry, ""},
		{"logs", edit("2022-12-13", "2020-08-15"), Logs, ""},
		{"newer logs", edit("2022-12-13", "2021-03-18"), Logs, ""},
		{"PUT", edit(`"protocol"`, `"method":"PUT","encoding":"JSON","protocol"`), Telemetry, ""},
		{"port 80", edit(":8080", ""), Telemetry, ""},
		{"least", with(`{"maxItems":25,"maxBytes":262144,"timeoutMs":25}`), Telemetry, ""},
		{"most", with(`{"maxItems":30000,"maxBytes":1048576,"timeoutMs":30000}`), Telemetry, ""},

		{"no JSON", "{", Telemetry, "the body is not a subscription: unexpected end of JSON input"},
		{"no version", edit(`"schemaVersion":"2022-12-13",`, ""), Telemetry, `schemaVersion is "", want one of 2022-07-01, 2022-12-13, 2025-01-29`},
		{"a version of logs", edit("2022-12-13", "2021-03-18"), Telemetry, `schemaVersion is "2021-03-18", want one of 2022-07-01, 2022-12-13, 2025-01-29`},
		{"a version of telemetry", overHTTP, Logs, `schemaVersion is "2022-12-13", want one of 2020-08-15, 2021-03-18`},
		{"no types", edit(types, "[]"), Telemetry, "types is empty, want some of platform, function, extension"},
		{"unknown type", edit(types, `["Platform"]`), Telemetry, `types has "Platform", want some of platform, function, extension`},
		{"few items", with(`{"maxItems":24}`), Telemetry, "buffering.maxItems is 24, want 25 to 30000"},
		{"no items", with(`{"maxItems":0}`), Telemetry, "buffering.maxItems is 0, want 25 to 30000"},
		{"few bytes", with(`{"maxBytes":262143}`), Telemetry, "buffering.maxBytes is 262143, want 262144 to 1048576"},
		{"many bytes", with(`{"maxBytes":1048577}`), Telemetry, "buffering.maxBytes is 1048577, want 262144 to 1048576"},
		{"long", with(`{"timeoutMs":30001}`), Telemetry, "buffering.timeoutMs is 30001, want 25 to 30000"},
		{"no destination", edit(destination, "{}"), Telemetry, `destination.protocol is "", want HTTP or TCP`},
		{"other host", edit("sandbox.localdomain", "example.com"), Telemetry,
			`destination.URI is "http://example.com:8080/p", want http://sandbox.localdomain:<port> with any path`},
		{"HTTPS", edit("http:", "https:"), Telemetry,
			`destination.URI is "https://sandbox.localdomain:8080/p", want http://sandbox.localdomain:<port> with any path`},
		{"Runtime API", edit("8080", "9001"), Telemetry, "destination has port 9001, want 1 to 65535 without 9001, the Runtime API's"},
		{"no port", strings.Replace(overTCP, `,"port":4000`, "", 1), Telemetry, "destination has port 0, want 1 to 65535 without 9001, the Runtime API's"},
		{"DELETE", edit(`"protocol"`, `"method":"DELETE","protocol"`), Telemetry, `destination.method is "DELETE", want POST or PUT`},
		{"text", edit(`"protocol"`, `"encoding":"TEXT","protocol"`), Telemetry, `destination.encoding is "TEXT", want JSON`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *receiver) {
				_, p := r.Subscribe("ext", tt.api, []byte(tt.body))
				got := ""
				if p != nil {
					got = p.Message
					if p.Status != 400 || p.Type != "ValidationError" {
						t.Errorf("got %d %s", p.Status, p.Type)
					}
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestSchemas(t *testing.T) {
	at := time.Date(2022, 10, 12, 0, 0, 15, 64_000_000, time.UTC)
	produced := 7
	spans := []Span{NewSpan("responseLatency", at, at.Add(1500*time.Microsecond))}
	const tracing = `"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}`
	const span = `"spans":[{"name":"responseLatency","start":"2022-10-12T00:00:15.064Z","durationMs":1.5}]`
	metrics := ReportMetrics{Duration: 1.2, Billed: 2, Size: 128, Memory: 36, Init: 0.5}
	const metricsText = `"metrics":{"durationMs":1.2,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":0.5}`
	trace := &Tracing{Type: "X-Amzn-Trace-Id", Value: "Root=1"}
	telemetry, old, logs := schema{api: Telemetry, objects: true}, schema{api: Telemetry}, schema{api: Logs, done: true}
	for _, tt := range []struct {
		schema schema
		record Record
		want   string // type and record; empty if there is no such event
	}{
		{telemetry, InitStart{Initialization: "on-demand", Phase: "init", Function: "f", Version: "$LATEST"},
			`platform.initStart {"initializationType":"on-demand","phase":"init","functionName":"f","functionVersion":"$LATEST"}`},
		{telemetry, InitRuntimeDone{Initialization: "on-demand", Phase: "init", Status: "error", ErrorType: "Runtime.ExitError"},
			`platform.initRuntimeDone {"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ExitError"}`},
		{telemetry, InitReport{Initialization: "on-demand", Phase: "init", Status: "success", Metrics: Duration{12.345}},
			`platform.initReport {"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":12.345}}`},
		{telemetry, Start{ID: "1", Version: "$LATEST", Tracing: trace}, `platform.start {"requestId":"1","version":"$LATEST",` + tracing + `}`},
		{telemetry, RuntimeDone{ID: "1", Status: "success", Metrics: RuntimeDoneMetrics{1.5, &produced}, Spans: spans, Tracing: trace},
			`platform.runtimeDone {"requestId":"1","status":"success","metrics":{"durationMs":1.5,"producedBytes":7},` + span + `,` + tracing + `}`},
		{telemetry, Report{ID: "1", Status: "success", Metrics: metrics, Tracing: trace},
			`platform.report {"requestId":"1","status":"success",` + metricsText + `,` + tracing + `}`},
		{telemetry, Extension{Name: "x", State: "Ready", Events: []string{"INVOKE"}}, `platform.extension {"name":"x","state":"Ready","events":["INVOKE"]}`},
		{telemetry, Subscribed{Name: "x", State: "Subscribed", Types: []string{"function"}, API: Telemetry},
			`platform.telemetrySubscription {"name":"x","state":"Subscribed","types":["function"]}`},
		{telemetry, End{ID: "1"}, ""},
		{telemetry, Fault("x"), ""},
		{telemetry, Line{Text: ` {"a": 1}`}, `function {"a":1}`},
		{telemetry, Line{Text: `{"a": 1} b`}, `function "{\"a\": 1} b"`},
		{telemetry, Line{Text: `[1]`}, `function "[1]"`},
		{telemetry, Line{Text: `x`, Extension: true}, `extension "x"`},
		{old, Line{Text: `{"a":1}`}, `function "{\"a\":1}"`},
		{logs, InitStart{}, ""},
		{logs, InitRuntimeDone{}, ""},
		{logs, InitReport{}, ""},
		{logs, Start{ID: "1", Version: "$LATEST", Tracing: trace}, `platform.start {"requestId":"1","version":"$LATEST"}`},
		{logs, RuntimeDone{ID: "1", Status: "error", Spans: spans}, `platform.runtimeDone {"requestId":"1","status":"failure"}`},
		{schema{api: Logs}, RuntimeDone{ID: "1", Status: "success"}, ""},
		{logs, Report{ID: "1", Status: "success", Metrics: metrics, Spans: spans}, `platform.report {"requestId":"1",` + metricsText + `}`},
		{logs, End{ID: "1"}, `platform.end {"requestId":"1"}`},
		{logs, Fault("oh"), `platform.fault "oh"`},
		{logs, Subscribed{Name: "x", State: "Subscribed", Types: []string{"function"}, API: Logs},
			`platform.logsSubscription {"name":"x","state":"Subscribed","types":["function"]}`},
		{logs, LogsDropped{Reason: "r", Records: 1, Bytes: 2}, `platform.logsDropped {"reason":"r","droppedRecords":1,"droppedBytes":2}`},
	} {
		want := ""
		if kind, record, ok := strings.Cut(tt.want, " "); ok {
			want = fmt.Sprintf(`{"time":"2022-10-12T00:00:15.064Z","type":"%s","record":%s}`, kind, record)
		}
		if got := string(tt.schema.encode(at, tt.record)); got != want {
			t.Errorf("%T: got  %s\nwant %s", tt.record, got, want)
		}
	}
}
