package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// order is an event of crowd: how long to take, and what to do then.
type order struct {
	Take time.Duration
	Do   string // answer, exit, or leave: the worker takes no event any more
}

// crowd returns a runtime with workers that ask for events one after the other, every 100 ms.
func crowd(workers int) func(*fake) {
	return func(f *fake) {
		f.memory = 36
		exit := make(chan string)
		var printing sync.Mutex
		for i := range workers {
			go func() { // ends with Kill
				f.sleep(time.Duration(i) * 100 * ms)
				for {
					w := f.request("GET", invocations+"next", "", 0)
					id := w.Header().Get("Lambda-Runtime-Aws-Request-Id")
					var o order
					_ = json.Unmarshal(w.Body.Bytes(), &o)
					printing.Lock()
					f.print(`{"message":"` + id + "\"}\n")
					printing.Unlock()
					f.sleep(o.Take)
					switch o.Do {
					case "exit":
						exit <- "exit status 3"
						f.hang()
					case "leave":
						f.hang()
					}
					got := f.request("POST", invocations+id+"/response", `"`+id+`"`, int64(len(id)+2))
					if got.Code != 202 {
						f.platform.note("late", got.Body.String())
					}
				}
			}()
		}
		select {
		case reason := <-exit:
			f.exit(reason)
		case <-f.life.Done():
		}
	}
}

// multi runs test with a function whose environments run up to three invocations at once.
func multi(t *testing.T, test func(*rig), runtimes ...func(*fake)) {
	t.Helper()
	bubble(t, func(r *rig) {
		r.fn.CapacityProviderConfig = new(config.CapacityProvider)
		r.fn.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency = 3
		test(r)
	}, runtimes...)
}

// later invokes in a goroutine. The result is as of invoke, or the error.
func (r *rig) later(e invoker.Environment, id string, o order) <-chan string {
	payload, _ := json.Marshal(o)
	c := make(chan string, 1)
	go func() {
		resp, err := e.Invoke(r.Context(), esm.Call{ID: id, Function: "f", Payload: payload})
		if err != nil {
			c <- r.at(err.Error())
			return
		}
		c <- r.at(strings.TrimSpace(resp.Fault + " " + string(resp.Payload)))
	}()
	return c
}

// logged returns the log so far.
func (r *rig) logged() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

func last(lines []string) string { return lines[len(lines)-1] }

// free waits for one more free place.
func (r *rig) free(e invoker.Environment, at time.Duration) {
	r.Helper()
	if err := e.Drain(r.Context()); err != nil || time.Since(r.began) != at {
		r.Errorf("free after %v, %v; want %v", time.Since(r.began), err, at)
	}
}

func (r *rig) wantResult(c <-chan string, want string) {
	r.Helper()
	if got := <-c; got != want {
		r.Errorf("got %s, want %s", got, want)
	}
}

// Start returns with one free place, and the others become free as workers ask for events. Answers come in any order. The log
// is JSON; lines of the function belong to no invocation.
func TestInvocationsAtOnce(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		a := r.later(e, "a", order{Take: 3 * second / 2})
		r.free(e, 100*ms)
		b := r.later(e, "b", order{Take: second})
		r.free(e, 200*ms)
		r.wantResult(r.later(e, "c", order{}), `200ms "c"`)
		r.free(e, 200*ms)
		r.wantResult(r.later(e, "d", order{}), `200ms "d"`)
		r.wantResult(b, `1.1s "b"`)
		r.wantResult(a, `1.5s "a"`)
		if got := e.Memory(); got != 36 {
			t.Errorf("memory: %d", got)
		}
		e.Close()
		var got []string
		for _, line := range r.logged() {
			if strings.Contains(line, `"a"`) {
				got = append(got, line)
			}
		}
		want := []string{
			`[a] {"time":"2000-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"a","version":"$LATEST"}}`,
			`[] {"message":"a"}`,
			`[a] {"time":"2000-01-01T00:00:01.500Z","type":"platform.report","record":{"requestId":"a","status":"success","metrics":{"durationMs":1500,"billedDurationMs":1500,"memorySizeMB":128,"maxMemoryUsedMB":36}}}`,
		}
		slices.Sort(got[:2]) // the runtime may be faster
		slices.Sort(want[:2])
		if !slices.Equal(got, want) {
			t.Errorf("got log\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}, crowd(3))
}

// Subscribers to telemetry learn of each invocation's start and report, while others run.
func TestTelemetryOfInvocationsAtOnce(t *testing.T) {
	multi(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": func(f *fake) {
			f.register(`{"events":["SHUTDOWN"]}`)
			f.subscribe(strings.Replace(subscriptionToAll, `"function",`, "", 1))
			f.request("GET", "/2020-01-01/extension/event/next", "", 0)
		}})
		e := r.start()
		r.wantResult(r.later(e, "a", order{Take: second}), `1s "a"`)
		time.Sleep(100 * ms)
		r.wantEvents(`
			25ms got: 0s initStart {"initializationType":"lambda-managed-instances","phase":"init","functionName":"f","functionVersion":"$LATEST","instanceMaxMemory":134217728}
			25ms got: 0s telemetrySubscription {"name":"x","state":"Subscribed","types":["platform","extension"]}
			25ms got: 0s initRuntimeDone {"initializationType":"lambda-managed-instances","phase":"init","status":"success"}
			25ms got: 0s extension {"name":"x","state":"Ready","events":["SHUTDOWN"]}
			25ms got: 0s initReport {"initializationType":"lambda-managed-instances","phase":"init","status":"success","metrics":{"durationMs":0}}
			25ms got: 0s start {"requestId":"a","version":"$LATEST"}
			1.025s got: 1s report {"requestId":"a","status":"success","metrics":{"durationMs":1000,"billedDurationMs":1000,"memorySizeMB":128,"maxMemoryUsedMB":36}}`)
	}, crowd(1))
}

// A timeout ends one invocation. Its place is free again when the worker asks for its next event.
func TestTimeoutOfOneInvocation(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		a := r.later(e, "a", order{Take: 5 * second})
		r.free(e, 100*ms)
		b := r.later(e, "b", order{Take: 2500 * ms})
		r.free(e, 200*ms)
		time.Sleep(800 * ms)
		c := r.later(e, "c", order{Take: 2500 * ms})
		r.wantResult(b, `2.6s "b"`)
		r.wantResult(a, `3s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`)
		r.wantResult(c, `3.5s "c"`)
		r.free(e, 3500*ms) // of b
		r.free(e, 3500*ms) // of c
		r.free(e, 5*second)
		synctest.Wait()
		r.platform.mu.Lock()
		notes := slices.Clone(r.platform.notes)
		r.platform.mu.Unlock()
		if want := []string{`5s late: {"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}` + "\n"}; !slices.Equal(notes, want) {
			t.Errorf("got %q, want %q", notes, want)
		}
		r.wantResult(r.later(e, "d", order{}), `5s "d"`)
		if r.platform.starts != 1 {
			t.Errorf("%d starts", r.platform.starts)
		}
		if got := strings.Join(r.logged(), "\n"); !strings.Contains(got, `[a] {"time":"2000-01-01T00:00:03.000Z","type":"platform.report","record":{"requestId":"a","status":"timeout",`+
			`"errorType":"Sandbox.Timedout","metrics":{"durationMs":3000,"billedDurationMs":3000,"memorySizeMB":128,"maxMemoryUsedMB":36}}}`) {
			t.Errorf("got log\n%s", got)
		}
	}, crowd(3))
}

// A worker that never comes back takes its place with it. A drain can be given up and tried again.
func TestWorkerThatLeaves(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		r.wantResult(r.later(e, "a", order{Do: "leave"}), `3s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`)
		r.free(e, 3*second) // the second worker
		ctx, cancel := context.WithTimeout(r.Context(), minute)
		defer cancel()
		if err := e.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(r.began) != 63*second {
			t.Errorf("got %v at %v", err, time.Since(r.began))
		}
		r.wantResult(r.later(e, "b", order{}), `1m3s "b"`)
		r.free(e, 63*second)
	}, crowd(2))
}

// A crash ends everything that runs, and the environment.
func TestCrashOfARuntimeOfMany(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		a := r.later(e, "a", order{Take: second, Do: "exit"})
		r.free(e, 100*ms)
		b := r.later(e, "b", order{Take: 2 * second})
		r.free(e, 200*ms) // a place that is idle
		r.wantResult(a, `1s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: a Error: Runtime exited with error: exit status 3"}`)
		r.wantResult(b, `1s Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"RequestId: b Error: Runtime exited with error: exit status 3"}`)
		if err := e.Drain(r.Context()); err == nil {
			t.Error("free after a crash")
		}
		if _, err := e.Invoke(r.Context(), esm.Call{ID: "c"}); !errors.Is(err, invoker.ErrNoPlace) || !errors.Is(err, esm.ErrNotRun) {
			t.Errorf("got %v, want ErrNoPlace", err)
		}
		e.Close()
		if got := strings.Join(r.logged(), "\n"); strings.Contains(got, "[] Runtime.ExitError") {
			t.Errorf("the crash is logged again\n%s", got)
		}
	}, crowd(3))
}

// A crash while nothing runs is in the log.
func TestCrashOfAnIdleRuntimeOfMany(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		time.Sleep(minute)
		if _, err := e.Invoke(r.Context(), esm.Call{ID: "c"}); !errors.Is(err, invoker.ErrNoPlace) {
			t.Errorf("got %v, want ErrNoPlace", err)
		}
		e.Close()
		if got, want := last(r.logged()), "[] Runtime.ExitError: Runtime exited with error: exit status 1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}, func(f *fake) {
		go f.next() // ends with Kill
		f.sleep(second)
		f.exit("exit status 1")
	})
}

func TestExtensionCrashEndsAll(t *testing.T) {
	multi(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": func(f *fake) {
			f.register(`{"events":["SHUTDOWN"]}`)
			go f.request("GET", "/2020-01-01/extension/event/next", "", 0) // ends with Kill
			f.sleep(second)
			f.exit("exit status 2")
		}})
		e := r.start()
		r.wantResult(r.later(e, "a", order{Take: 2 * second}),
			`1s Extension.Crash {"errorType":"Extension.Crash","errorMessage":"RequestId: a Error: exit status 2"}`)
	}, crowd(1))
}

// Close does not look like a crash.
func TestCloseWhileInvocationsRun(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		a := r.later(e, "a", order{Take: 2 * second})
		time.Sleep(second)
		e.Close()
		r.wantResult(a, "1s lifecycle: the environment is closed")
		if err := e.Drain(r.Context()); err == nil {
			t.Error("free after Close")
		}
		if got := strings.Join(r.logged(), "\n"); strings.Contains(got, "Runtime.ExitError") {
			t.Errorf("got log\n%s", got)
		}
	}, crowd(1))
}

// The caller can give up one invocation.
func TestCallerLeavesOneInvocation(t *testing.T) {
	multi(t, func(r *rig) {
		e := r.start()
		ctx, cancel := context.WithTimeout(r.Context(), second)
		defer cancel()
		if _, err := e.Invoke(ctx, esm.Call{ID: "a", Payload: []byte(`{"Take":2000000000}`)}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, esm.ErrNotRun) {
			t.Errorf("got %v", err)
		}
		r.free(e, 2*second)
		r.wantResult(r.later(e, "b", order{}), `2s "b"`)
	}, crowd(1))
}

// An Init may take 130 seconds, or the function's timeout. There is no second one.
func TestInitOfMany(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout int
		runtime func(*fake)
		at      time.Duration
		fault   string // empty if Start succeeds
	}{
		{"slow", 3, func(f *fake) { f.sleep(129 * second); crowd(3)(f) }, 129 * second, ""},
		{"too slow", 3, (*fake).hang, 130 * second, "Sandbox.Timedout"},
		{"as slow as the timeout allows", 900, func(f *fake) { f.sleep(899 * second); crowd(3)(f) }, 899 * second, ""},
		{"an error", 3, (*fake).initError, 500 * ms, "Unhandled"},
		{"an exit", 3, func(f *fake) { f.exit("exit status 1") }, 0, "Runtime.ExitError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			multi(t, func(r *rig) {
				r.fn.Timeout = tt.timeout
				e, err := r.Start(r.Context(), r.fn, r.as)
				if at := time.Since(r.began); at != tt.at {
					t.Errorf("started after %v, want %v", at, tt.at)
				}
				if tt.fault == "" {
					if err != nil {
						t.Fatal(err)
					}
					e.Close()
					return
				}
				broken, ok := errors.AsType[*invoker.Broken](err)
				if !ok || !r.platform.closed {
					t.Fatalf("got %v, sandbox closed: %v", err, r.platform.closed)
				}
				if got := broken.Response("id").Fault; got != tt.fault {
					t.Errorf("got %s, want %s", got, tt.fault)
				}
			}, tt.runtime)
		})
	}
}

// Only runtimes of multi-concurrent functions learn of a concurrency.
func TestMaxConcurrencyVariable(t *testing.T) {
	multi(t, func(r *rig) {
		r.start()
		if got := r.platform.env["AWS_LAMBDA_MAX_CONCURRENCY"] + r.platform.env["AWS_LAMBDA_INITIALIZATION_TYPE"] + r.platform.env["AWS_LAMBDA_LOG_FORMAT"]; got != "3lambda-managed-instancesJSON" {
			t.Errorf("got %q", got)
		}
	}, crowd(1))
	bubble(t, func(r *rig) {
		r.start()
		if got, set := r.platform.env["AWS_LAMBDA_MAX_CONCURRENCY"]; set {
			t.Errorf("got %q", got)
		}
	}, (*fake).serve)
}
