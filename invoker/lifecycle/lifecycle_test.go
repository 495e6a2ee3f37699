package lifecycle

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

var errFull = errors.New("no more processes")

// greet takes a quarter of a second for Init and a second and a half for each event, and works on after its answer.
func greet(f *fake) {
	f.memory = 36
	f.sleep(250 * ms)
	for {
		id := f.next()
		f.print("hello\nhalf a ")
		f.sleep(1500 * ms)
		f.answer(id, `"hi"`)
		f.print("line")
		f.sleep(100 * ms)
	}
}

// fails exits in its n-th invocation.
func fails(n int) func(*fake) {
	return func(f *fake) {
		for range n - 1 {
			f.answer(f.next(), "null")
		}
		f.next()
		f.print("oh no\n")
		f.exit("exit status 3")
	}
}

// Each row is an environment that is started and invoked some times, each time until it is free again.
func TestInvocations(t *testing.T) {
	for _, tt := range []struct {
		name     string
		json     bool
		runtimes []func(*fake)
		failures map[int]error
		answers  []string // when, fault, payload
		log      string   // as framed expects it; of the last call only if it is remarkable
	}{
		{name: "warm", runtimes: []func(*fake){greet}, answers: []string{`1.75s  "hi"`, `3.35s  "hi"`}, log: `
			[a] hello
			[a] half a line
			[a] REPORT RequestId: a|Duration: 1600.00 ms|Billed Duration: 1850 ms|Memory Size: 128 MB|Max Memory Used: 36 MB|Init Duration: 250.00 ms|
			[b] hello
			[b] half a line
			[b] REPORT RequestId: b|Duration: 1600.00 ms|Billed Duration: 1600 ms|Memory Size: 128 MB|Max Memory Used: 36 MB|`},
		{name: "JSON", json: true, runtimes: []func(*fake){fails(2)}, answers: []string{"0s  null",
			`0s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: b Error: Runtime exited with error: exit status 3"}`}, log: `
			[a] {"time":"2000-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"a","version":"$LATEST"}}
			[a] {"time":"2000-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"a","status":"success","metrics":{"durationMs":0,"billedDurationMs":0,"memorySizeMB":128,"maxMemoryUsedMB":0}}}
			[b] {"time":"2000-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"b","version":"$LATEST"}}
			[b] oh no
			[b] {"time":"2000-01-01T00:00:00.000Z","type":"platform.runtimeDone","record":{"requestId":"b","status":"failure","errorType":"Runtime.ExitError","metrics":{"durationMs":0}}}
			[b] {"time":"2000-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"b","status":"failure","errorType":"Runtime.ExitError","metrics":{"durationMs":0,"billedDurationMs":0,"memorySizeMB":128,"maxMemoryUsedMB":0}}}`},
		{name: "crash", runtimes: []func(*fake){fails(1), (*fake).serve}, answers: []string{
			`0s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: Runtime exited with error: exit status 3"}`, "0s  null"}, log: `
			[a] oh no
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.ExitError
			[a] RequestId: a Error: Runtime exited with error: exit status 3
			[a] Runtime.ExitError`},
		{name: "timeout", runtimes: []func(*fake){func(f *fake) { f.next(); f.hang() }, (*fake).serve}, answers: []string{
			`3s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 3.00 seconds"}`, "3s  null"}, log: `
			[a] REPORT RequestId: a|Duration: 3000.00 ms|Billed Duration: 3000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: timeout
			[a] 2000-01-01T00:00:03.000Z a Task timed out after 3.00 seconds`},
		{name: "handler error", runtimes: []func(*fake){func(f *fake) { f.post(invocations+f.next()+"/error", "{}"); f.serve() }},
			answers: []string{"0s Unhandled {}", "0s  null"}, log: `
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|`},
		{name: "truncated answer", runtimes: []func(*fake){func(f *fake) { f.request("POST", invocations+f.next()+"/response", "half", 10); f.hang() }},
			answers: []string{`200ms Runtime.TruncatedResponse {"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: a Error: HTTP request detected as truncated"}`}, log: `
			[a] REPORT RequestId: a|Duration: 200.00 ms|Billed Duration: 200 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.TruncatedResponse`},
		{name: "truncated by an exit", runtimes: []func(*fake){func(f *fake) {
			f.request("POST", invocations+f.next()+"/response", "half", 10)
			f.exit("signal: killed")
		}}, answers: []string{`0s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: Runtime exited with error: signal: killed"}`}, log: `
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.ExitError
			[a] RequestId: a Error: Runtime exited with error: signal: killed
			[a] Runtime.ExitError`},
		{name: "exit after the answer", runtimes: []func(*fake){func(f *fake) { f.answer(f.next(), "1"); f.exit("") }, (*fake).serve},
			answers: []string{"0s  1", "0s  null"}, log: `
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|
			[a] RequestId: a Error: Runtime exited without providing a reason
			[a] Runtime.ExitError`},
		{name: "timeout after the answer", runtimes: []func(*fake){func(f *fake) { f.answer(f.next(), "1"); f.hang() }, (*fake).serve},
			answers: []string{"0s  1", "3s  null"}, log: `
			[a] REPORT RequestId: a|Duration: 3000.00 ms|Billed Duration: 3000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: timeout
			[a] 2000-01-01T00:00:03.000Z a Task timed out after 3.00 seconds`},
		{name: "slow Init", runtimes: []func(*fake){(*fake).hang, func(f *fake) { f.sleep(2 * second); f.serve() }},
			answers: []string{"12s  null", "12s  null"}, log: `
			[] INIT_REPORT Init Duration: 10000.00 ms|Phase: init|Status: timeout
			[a] REPORT RequestId: a|Duration: 2000.00 ms|Billed Duration: 2000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|`},
		{name: "endless Init", json: true, runtimes: []func(*fake){(*fake).hang}, answers: []string{
			`13s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 3.00 seconds"}`}, log: `
			[] {"time":"2000-01-01T00:00:10.000Z","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","status":"timeout"}}
			[] {"time":"2000-01-01T00:00:10.000Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","status":"timeout","metrics":{"durationMs":10000}}}
			[a] {"time":"2000-01-01T00:00:10.000Z","type":"platform.start","record":{"requestId":"a","version":"$LATEST"}}
			[a] {"time":"2000-01-01T00:00:13.000Z","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"invoke","status":"timeout"}}
			[a] {"time":"2000-01-01T00:00:13.000Z","type":"platform.initReport","record":{"initializationType":"on-demand","phase":"invoke","status":"timeout","metrics":{"durationMs":3000}}}
			[a] {"time":"2000-01-01T00:00:13.000Z","type":"platform.runtimeDone","record":{"requestId":"a","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":3000}}}
			[a] {"time":"2000-01-01T00:00:13.000Z","type":"platform.report","record":{"requestId":"a","status":"timeout","errorType":"Sandbox.Timedout","metrics":{"durationMs":3000,"billedDurationMs":3000,"memorySizeMB":128,"maxMemoryUsedMB":0}}}`},
		{name: "Init fails within invocations", runtimes: []func(*fake){fails(1), (*fake).initError, func(f *fake) { f.exit("exit status 4") }},
			failures: map[int]error{3: runtimeapi.InvalidEntrypoint("no such file")}, answers: []string{
				`0s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: Runtime exited with error: exit status 3"}`,
				`500ms Unhandled {"errorType":"ImportError"}`,
				`500ms Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: c Error: Runtime exited with error: exit status 4"}`,
				`500ms Runtime.InvalidEntrypoint {"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: d Error: no such file"}`}, log: `
			[a] oh no
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.ExitError
			[a] RequestId: a Error: Runtime exited with error: exit status 3
			[a] Runtime.ExitError
			[b] INIT_REPORT Init Duration: 0.00 ms|Phase: invoke|Status: error|Error Type: Runtime.Unknown
			[b] REPORT RequestId: b|Duration: 500.00 ms|Billed Duration: 500 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|
			[c] INIT_REPORT Init Duration: 0.00 ms|Phase: invoke|Status: error|Error Type: Runtime.ExitError
			[c] REPORT RequestId: c|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.ExitError
			[c] RequestId: c Error: Runtime exited with error: exit status 4
			[c] Runtime.ExitError
			[d] REPORT RequestId: d|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Runtime.InvalidEntrypoint
			[d] RequestId: d Error: no such file
			[d] Runtime.InvalidEntrypoint`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.platform.failures = tt.failures
				if tt.json {
					r.fn.LoggingConfig.LogFormat = "JSON"
				}
				e := r.start()
				for i, want := range tt.answers {
					got, err := r.invoke(r.Context(), e, string(rune('a'+i)))
					if err != nil || got != want {
						r.Errorf("call %d: got %s, %v; want %s", i, got, err, want)
					}
					if err := e.Drain(r.Context()); err != nil {
						r.Error(err)
					}
					synctest.Wait()
				}
				got, want := strings.Join(r.log, "\n"), framed(tt.log)
				if got != want && !strings.HasPrefix(got, want+"\n[b] START") {
					r.Errorf("got log\n%s\nwant\n%s", got, want)
				}
			}, tt.runtimes...)
		})
	}
}

func TestStartsThatFail(t *testing.T) {
	for _, tt := range []struct {
		name    string
		runtime func(*fake)
		failure error
		broken  bool // the function is to blame
		at      time.Duration
		payload string
		text    string
		log     string
	}{
		{"Init exits", func(f *fake) { f.print("no module\n\n"); f.sleep(second); f.exit("exit status 1") }, nil, true, second,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 1"}`,
			`start handler "app.h", runtime python3.13: Runtime.ExitError: Runtime exited with error: exit status 1 (last output: no module)`,
			"[] no module\n[] \n[] INIT_REPORT Init Duration: 1000.00 ms|Phase: init|Status: error|Error Type: Runtime.ExitError"},
		{"Init reports an error and stays", (*fake).initError, nil, true, 500 * ms, `{"errorType":"ImportError"}`,
			`start handler "app.h", runtime python3.13: init failed: {"errorType":"ImportError"}`,
			"[] INIT_REPORT Init Duration: 0.00 ms|Phase: init|Status: error|Error Type: Runtime.Unknown"},
		{"no such command", nil, runtimeapi.InvalidEntrypoint("no"), true, 0,
			`{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: id Error: no"}`,
			`start handler "app.h", runtime python3.13: Runtime.InvalidEntrypoint: no`, ""},
		{"the machine is full", nil, errFull, false, 0, "", `start handler "app.h", runtime python3.13: no more processes`, ""},
		{"the caller cancels", (*fake).hang, nil, false, 5 * second, "", "lifecycle: start: context deadline exceeded", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.platform.failures = map[int]error{0: tt.failure}
				ctx, cancel := context.WithTimeout(r.Context(), 5*second)
				defer cancel()
				_, err := r.Start(ctx, r.fn, invoker.OnDemand)
				r.wantErr(err, err, tt.at)
				broken, ok := errors.AsType[*invoker.Broken](err)
				if err == nil || err.Error() != tt.text || ok != tt.broken || !r.platform.closed {
					r.Fatalf("got %v, broken %v, sandbox closed %v", err, ok, r.platform.closed)
				}
				if ok && string(broken.Response("id").Payload) != tt.payload {
					r.Errorf("got %s", broken.Response("id").Payload)
				}
				if got := strings.Join(r.log, "\n"); got != tt.log {
					r.Errorf("got log\n%s", got)
				}
			}, tt.runtime)
		})
	}
}

func TestExitWhileIdle(t *testing.T) {
	bubble(t, func(r *rig) {
		e := r.start()
		time.Sleep(minute)
		if got, err := r.invoke(r.Context(), e, "a"); err != nil || got != "1m0s  null" {
			r.Errorf("got %s, %v", got, err)
		}
		if want := "[] Runtime.ExitError: Runtime exited with error: signal: killed"; r.log[0] != want {
			r.Errorf("got log %q, want it to begin with %q", r.log, want)
		}
	}, func(f *fake) {
		go f.next()
		f.sleep(second)
		f.exit("signal: killed")
	}, (*fake).serve)
}

func TestCallerCancels(t *testing.T) {
	within := func(r *rig, d time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(r.Context(), d)
		r.Cleanup(cancel)
		return ctx
	}
	bubble(t, func(r *rig) {
		e := r.start()
		_, err := r.invoke(within(r, second), e, "a")
		r.wantErr(err, context.DeadlineExceeded, second)
		if errors.Is(err, esm.ErrNotRun) {
			r.Error("the handler may have seen the event")
		}
		_, err = r.invoke(within(r, second), e, "b") // while Init runs again
		r.wantErr(err, esm.ErrNotRun, 2*second)
		if got, err := r.invoke(r.Context(), e, "c"); err != nil || got != "2s  1" {
			r.Errorf("got %s, %v", got, err)
		}
		r.wantErr(e.Drain(within(r, second)), context.DeadlineExceeded, 3*second)
		_, err = r.invoke(within(r, second), e, "d") // which waits for the same
		r.wantErr(err, esm.ErrNotRun, 4*second)
	}, func(f *fake) { f.next(); f.hang() }, (*fake).hang, func(f *fake) { f.answer(f.next(), "1"); f.hang() })
}

func TestClose(t *testing.T) {
	register := func(f *fake) {
		f.register(`{}`)
		go f.event()
		f.serve()
	}
	for _, tt := range []struct {
		name    string
		runtime func(*fake)
		grace   time.Duration
		running bool
	}{
		{"idle", (*fake).serve, 0, false},
		{"with an extension", register, 500 * ms, false},
		{"running", func(f *fake) { f.next(); f.hang() }, 0, true},
		{"draining", func(f *fake) { f.answer(f.next(), "null"); f.hang() }, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				e := r.start()
				ended := make(chan error, 1)
				if tt.running {
					go func() {
						_, err := e.Invoke(r.Context(), esm.Call{ID: "a"})
						if err == nil {
							err = e.Drain(r.Context())
						}
						ended <- err
					}()
				}
				time.Sleep(second)
				e.Close()
				e.Close()
				if tt.running {
					if err := <-ended; err == nil || errors.Is(err, esm.ErrNotRun) {
						r.Errorf("got %v, want an error that does not say whether it ran", err)
					}
				}
				if !r.platform.closed || r.platform.last.grace != tt.grace {
					r.Errorf("sandbox closed: %v, grace %v, want %v", r.platform.closed, r.platform.last.grace, tt.grace)
				}
				_, err := r.invoke(r.Context(), e, "b")
				r.wantErr(err, esm.ErrNotRun, second)
				r.wantErr(e.Drain(r.Context()), errClosed, second)
			}, tt.runtime)
		})
	}
}

// An environment with a process that cannot be killed is not used again, and its files are kept.
func TestProcessThatCannotBeKilled(t *testing.T) {
	bubble(t, func(r *rig) {
		r.platform.stuck = true
		e := r.start()
		if _, err := r.invoke(r.Context(), e, "a"); err != nil {
			r.Error(err)
		}
		_, err := r.invoke(r.Context(), e, "b")
		r.wantErr(err, esm.ErrNotRun, 0)
		r.wantErr(e.Drain(r.Context()), errStuck, 0)
		e.Close()
		if r.platform.closed || r.platform.starts != 1 {
			r.Errorf("sandbox closed: %v, %d starts", r.platform.closed, r.platform.starts)
		}
	}, fails(1))
}

// Memory is read once a second at most: a warm invocation takes less time than that.
func TestMemoryIsSampled(t *testing.T) {
	bubble(t, func(r *rig) {
		e := r.start()
		for range 30 {
			if _, err := r.invoke(r.Context(), e, "a"); err != nil {
				r.Fatal(err)
			}
			r.platform.last.memory++
		}
		if got := r.platform.last.looked; got < 2 || got > 4 {
			r.Errorf("memory was read %d times in 3 s, want once a second", got)
		}
	}, func(f *fake) {
		for {
			id := f.next()
			f.sleep(100 * ms)
			f.answer(id, "null")
		}
	})
}
