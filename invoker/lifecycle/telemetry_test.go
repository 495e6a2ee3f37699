package lifecycle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

const (
	subscriptionToAll  = `{"schemaVersion":"2022-12-13","types":["platform","function","extension"],"destination":{"protocol":"TCP","port":4000},"buffering":{"timeoutMs":25}}`
	subscriptionToLogs = `{"schemaVersion":"2021-03-18","types":["platform","function"],"destination":{"protocol":"TCP","port":4000},"buffering":{"timeoutMs":25}}`
)

// listen accepts a connection to the platform's receiver of telemetry, which notes when it got which event.
func (p *platform) listen() (net.Conn, error) {
	if p.deaf {
		return nil, errors.New("nobody listens")
	}
	mine, theirs := net.Pipe()
	go func() { // the bubble waits for it
		for s := bufio.NewScanner(theirs); s.Scan(); {
			var e struct {
				Time   time.Time
				Type   string
				Record json.RawMessage
			}
			if err := json.Unmarshal(s.Bytes(), &e); err != nil {
				panic(err)
			}
			age := e.Time.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
			p.note("got", fmt.Sprint(age, " ", strings.TrimPrefix(e.Type, "platform."), " ", string(e.Record)))
		}
	}()
	return mine, nil
}

func (f *fake) subscribe(body string) {
	path := "/2022-07-01/telemetry"
	if strings.Contains(body, "2021-03-18") {
		path = "/2020-08-15/logs/"
	}
	w := f.request("PUT", path, body, int64(len(body)))
	if w.Code != 200 {
		f.platform.note(f.name, w.Body.String())
	}
}

// subscribes is an extension that subscribes 100 ms after its start and works for d after each event.
func subscribes(to string, d time.Duration) func(*fake) {
	return func(f *fake) {
		f.register(subscribedToBoth)
		f.sleep(100 * ms)
		f.subscribe(to)
		for {
			got := f.request("GET", "/2020-01-01/extension/event/next", "", 0).Body.String()
			f.sleep(d)
			if strings.Contains(got, "SHUTDOWN") {
				f.sleep(ms) // until the receiver has read
				f.platform.note(f.name, "SHUTDOWN")
				return
			}
		}
	}
}

// wantEvents compares what the receiver got with the lines of want, in this order, and forgets it.
func (r *rig) wantEvents(want string) {
	r.Helper()
	synctest.Wait()
	r.platform.mu.Lock()
	defer r.platform.mu.Unlock()
	want = strings.ReplaceAll(strings.TrimSpace(want), "\n\t\t\t", "\n")
	want = strings.ReplaceAll(want, "TRACING", `"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5759e988-bd862e3fe1be46a994272793"}`)
	if got := strings.Join(r.platform.notes, "\n"); got != want {
		r.Errorf("got events\n%s\nwant\n%s", got, want)
	}
	r.platform.notes = nil
}

// chatty is a runtime that takes 250 ms for Init and a second for each event, and another 100 ms after its answer.
func chatty(f *fake) {
	f.memory = 36
	f.print("init\n")
	f.sleep(250 * ms)
	for {
		id := f.next()
		f.sleep(10 * ms)
		f.print("hello\n")
		f.sleep(990 * ms)
		f.answer(id, `"hi"`)
		f.sleep(100 * ms)
	}
}

// A subscriber gets the events of Init from the beginning, the end of the runtime's part while it still works itself, and the
// report with the next invocation or with the shutdown.
func TestTelemetryEvents(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": subscribes(subscriptionToAll, 1500*ms)})
		e := r.start()
		time.Sleep(30 * ms)
		r.wantEvents(`
			125ms got: 0s initStart {"initializationType":"on-demand","phase":"init","functionName":"f","functionVersion":"$LATEST","instanceMaxMemory":134217728}
			125ms got: 0s function "init"
			125ms got: 100ms telemetrySubscription {"name":"x","state":"Subscribed","types":["platform","function","extension"]}`)
		if answered, free := r.traced(e, "a"); answered != `1.28s  "hi"` || free != 1780*ms {
			t.Errorf("answered: %s; free at %v", answered, free)
		}
		r.wantEvents(`
			280ms got: 250ms initRuntimeDone {"initializationType":"on-demand","phase":"init","status":"success"}
			280ms got: 250ms extension {"name":"x","state":"Ready","events":["INVOKE","SHUTDOWN"]}
			280ms got: 250ms initReport {"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":250}}
			280ms got: 280ms start {"requestId":"a","version":"$LATEST",TRACING}
			315ms got: 290ms function "hello"
			1.405s got: 1.38s runtimeDone {"requestId":"a","status":"success","metrics":{"durationMs":1100,"producedBytes":4},` +
			`"spans":[{"name":"responseLatency","start":"2000-01-01T00:00:00.280Z","durationMs":1000},` +
			`{"name":"responseDuration","start":"2000-01-01T00:00:01.280Z","durationMs":0},` +
			`{"name":"runtimeOverhead","start":"2000-01-01T00:00:01.280Z","durationMs":100}],TRACING}`)
		time.Sleep(minute)
		r.wantEvents("")
		e.Close()
		r.wantEvents(`
			1m1.78s got: 1.78s report {"requestId":"a","status":"success","metrics":{"durationMs":1500,"billedDurationMs":1750,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":250},` +
			`"spans":[{"name":"extensionOverhead","start":"2000-01-01T00:00:01.380Z","durationMs":400}],TRACING}
			1m3.281s x: SHUTDOWN`)
		r.mu.Lock()
		defer r.mu.Unlock()
		if want := "[] TELEMETRY|Name: x|State: Subscribed|Types: [Platform, Function, Extension]"; r.log[1] != want {
			t.Errorf("got log %q, want %q", r.log[1], want)
		}
	}, chatty)
}

// The Logs API has no events of Init, and its own end of an invocation. A crash is a fault. A new run has new subscriptions.
func TestLogsEvents(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": subscribes(subscriptionToLogs, 0)})
		e := r.start()
		r.traced(e, "a")
		time.Sleep(10 * ms)
		r.wantEvents(`
			125ms got: 0s function "start"
			125ms got: 100ms logsSubscription {"name":"x","state":"Subscribed","types":["platform","function"]}
			125ms got: 100ms extension {"name":"x","state":"Ready","events":["INVOKE","SHUTDOWN"]}
			125ms got: 100ms start {"requestId":"a","version":"$LATEST"}
			1.1s got: 1.1s runtimeDone {"requestId":"a","status":"failure"}
			1.1s got: 1.1s end {"requestId":"a"}
			1.1s got: 1.1s report {"requestId":"a","metrics":{"durationMs":1000,"billedDurationMs":1100,"memorySizeMB":128,"maxMemoryUsedMB":0,"initDurationMs":100}}
			1.1s got: 1.1s fault "RequestId: a Error: Runtime exited with error: exit status 3"
			1.101s x: SHUTDOWN`)
		r.traced(e, "b")
		time.Sleep(minute)
		r.platform.mu.Lock()
		all := strings.Join(r.platform.notes, "\n")
		r.platform.mu.Unlock()
		if !strings.Contains(all, `start {"requestId":"b"`) || strings.Contains(all, `"a"`) {
			t.Errorf("of the second run got\n%s", all)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if want := "[] LOGS|Name: x|State: Subscribed|Types: [Platform, Function]"; r.log[1] != want {
			t.Errorf("got log %q, want %q", r.log[1], want)
		}
	}, func(f *fake) {
		f.print("start\n")
		f.next()
		f.sleep(second)
		f.exit("exit status 3")
	}, chatty)
}

// An invocation that times out is reported to the subscriber before it is told to end.
func TestTelemetryOfATimeout(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": subscribes(strings.Replace(subscriptionToAll, `"platform","function","extension"`, `"platform"`, 1), 0)})
		e := r.start()
		r.traced(e, "a")
		time.Sleep(second)
		r.platform.mu.Lock()
		all := strings.Join(r.platform.notes, "\n")
		r.platform.mu.Unlock()
		want := strings.ReplaceAll(`3.1s got: 3.1s runtimeDone {"requestId":"a","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":3000},TRACING}
3.1s got: 3.1s report {"requestId":"a","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":3000,"billedDurationMs":3100,"memorySizeMB":128,"maxMemoryUsedMB":0,"initDurationMs":100},TRACING}
3.101s x: SHUTDOWN`, "TRACING", `"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5759e988-bd862e3fe1be46a994272793"}`)
		if !strings.HasSuffix(all, want) {
			t.Errorf("got\n%s\nwant it to end with\n%s", all, want)
		}
	}, func(f *fake) { f.next(); f.hang() }, chatty)
}

// A receiver that is gone delays SHUTDOWN by 100 ms, and nothing else.
func TestTelemetryWithoutReceiver(t *testing.T) {
	bubble(t, func(r *rig) {
		r.platform.deaf = true
		r.external(map[string]func(*fake){"x": subscribes(subscriptionToAll, 0)})
		e := r.start()
		if answered, free := r.traced(e, "a"); answered != `1.25s  "hi"` || free != 1350*ms {
			t.Errorf("answered: %s; free at %v", answered, free)
		}
		e.Close()
		r.wantEvents(`1.451s x: SHUTDOWN`)
	}, chatty)
}

// Levels of the platform's events in JSON logs.
func TestSystemLogLevels(t *testing.T) {
	types := func(level string, as invoker.Initialization, run func(*fake)) string {
		var got []string
		bubble(t, func(r *rig) {
			r.as, r.fn.LoggingConfig = as, config.Logging{LogFormat: "JSON", SystemLogLevel: level}
			r.external(map[string]func(*fake){"x": subscribes(subscriptionToAll, 0)})
			e := r.start()
			r.traced(e, "a")
			time.Sleep(minute)
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, line := range r.log {
				if _, kind, ok := strings.Cut(line, `"type":"platform.`); ok {
					name, _, _ := strings.Cut(kind, `"`)
					got = append(got, name)
				}
			}
		}, run, chatty)
		return strings.Join(got, " ")
	}
	for _, tt := range []struct {
		level string
		as    invoker.Initialization
		run   func(*fake)
		want  string
	}{
		{"DEBUG", invoker.OnDemand, chatty, "initStart telemetrySubscription initRuntimeDone extension initReport start runtimeDone report"},
		{"", invoker.OnDemand, chatty, "telemetrySubscription extension start report"},
		{"INFO", invoker.Provisioned, chatty, "telemetrySubscription extension initReport start report"},
		{"WARN", invoker.Provisioned, chatty, ""},
		{"WARN", invoker.OnDemand, fails(1), "runtimeDone report"},
	} {
		if got := types(tt.level, tt.as, tt.run); got != tt.want {
			t.Errorf("%q, %s: got %q, want %q", tt.level, tt.as, got, tt.want)
		}
	}
}
