package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	subscribedToBoth = `{"events":["INVOKE","SHUTDOWN"]}`
	subscribedToNone = `{"events":[]}`
)

func (f *fake) register(body string) {
	f.id = f.post("/2020-01-01/extension/register", body).Get("Lambda-Extension-Identifier")
}

// event waits for the extension's next event, and notes when it came.
func (f *fake) event() string {
	got := f.request("GET", "/2020-01-01/extension/event/next", "", 0).Body.String()
	f.platform.note(f.name, got)
	return got
}

// note records what an extension sees.
func (p *platform) note(name, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	p.notes = append(p.notes, fmt.Sprint(at, " ", name, ": ", what))
}

// polls is an extension that spends d on every event but SHUTDOWN, and then ends.
func polls(events string, d time.Duration) func(*fake) {
	return func(f *fake) {
		f.register(events)
		for !strings.Contains(f.event(), "SHUTDOWN") {
			f.sleep(d)
		}
	}
}

// quick answers each event at once.
func quick(f *fake) { f.serve() }

// invoked is an INVOKE event with a deadline given in seconds since the bubble's beginning.
func invoked(id string, deadline int) string {
	return fmt.Sprintf(`{"eventType":"INVOKE","deadlineMs":%d,"requestId":"%s","invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f",`+
		`"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5759e988-bd862e3fe1be46a994272793"}}`, 946684800000+deadline*1000, id)
}

func shutdown(reason string, deadline time.Duration) string {
	return fmt.Sprintf(`{"eventType":"SHUTDOWN","shutdownReason":"%s","deadlineMs":%d}`, reason, 946684800000+deadline.Milliseconds())
}

// external makes r's environments have extensions.
func (r *rig) external(extensions map[string]func(*fake)) { r.platform.extensions = extensions }

// traced invokes with a trace, and returns when the answer came and when the environment was free.
func (r *rig) traced(e invoker.Environment, id string) (answered string, free time.Duration) {
	r.Helper()
	resp, err := e.Invoke(r.Context(), esm.Call{ID: id, Function: "f", TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793"})
	if err != nil {
		r.Fatal(err)
	}
	answered = r.at(resp.Fault + " " + string(resp.Payload))
	if err := e.Drain(r.Context()); err != nil {
		r.Fatal(err)
	}
	return answered, time.Since(r.began)
}

func (r *rig) wantNotes(want ...string) {
	r.Helper()
	r.platform.mu.Lock()
	defer r.platform.mu.Unlock()
	slices.Sort(r.platform.notes) // those of one moment have no order
	slices.Sort(want)
	if !slices.Equal(r.platform.notes, want) {
		r.Errorf("extensions saw\n%s\nwant\n%s", strings.Join(r.platform.notes, "\n"), strings.Join(want, "\n"))
	}
}

func (r *rig) wantLog(want string) {
	r.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got, want := strings.Join(r.log, "\n"), framed(want); got != want {
		r.Errorf("got log\n%s\nwant\n%s", got, want)
	}
}

// The runtime starts when the external extensions have registered, Init ends when all have asked for an event, an invocation
// when those have that got it, and the environment when all have ended.
func TestLifeWithExtensions(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){
			"b": func(f *fake) { f.sleep(second); polls(subscribedToBoth, second)(f) },
			"a": func(f *fake) {
				f.register(`{"events":["SHUTDOWN"]}`)
				f.sleep(2 * second)
				f.event()
				f.sleep(300 * ms)
			},
			"c": func(f *fake) { f.register(subscribedToNone); f.event() },
		})
		e := r.start()
		if took := time.Since(r.began); took != 2*second {
			r.Errorf("Init took %v, want 2 s", took)
		}
		if answered, free := r.traced(e, "a"); answered != "2.5s  null" || free != 3*second {
			r.Errorf("answered: %s; free at %v, want 3 s", answered, free)
		}
		time.Sleep(7 * second)
		e.Close()
		if took := time.Since(r.began); took != 10*second+300*ms || r.platform.last.grace != runtimeShare {
			r.Errorf("closed at %v, want 10.3 s; grace %v", took, r.platform.last.grace)
		}
		r.wantNotes("1s runtime: started", "2s b: "+invoked("a", 5), "10s a: "+shutdown("spindown", 12*second), "10s b: "+shutdown("spindown", 12*second))
		r.wantLog(`
			[] EXTENSION|Name: a|State: Ready|Events: [SHUTDOWN]
			[] EXTENSION|Name: b|State: Ready|Events: [INVOKE, SHUTDOWN]
			[] EXTENSION|Name: c|State: Ready|Events: []
			[] EXTENSION|Name: internal|State: Ready|Events: []
			[a] REPORT RequestId: a|Duration: 1000.00 ms|Billed Duration: 3000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Init Duration: 2000.00 ms|`)
	}, func(f *fake) {
		f.platform.note("runtime", "started")
		f.register(`{"events":null}`)
		f.sleep(250 * ms)
		go f.request("GET", "/2020-01-01/extension/event/next", "", 0)
		for {
			id := f.next()
			f.sleep(500 * ms)
			f.answer(id, "null")
		}
	})
}

// Each row is an environment with one extension that is closed.
func TestShutdown(t *testing.T) {
	deaf := func(events string) func(*fake) {
		return func(f *fake) { f.register(events); f.event(); f.hang() }
	}
	for _, tt := range []struct {
		name      string
		extension func(*fake)
		stubborn  bool // the runtime ignores SIGTERM
		took      time.Duration
		notes     []string
	}{
		{"ends at once", polls(subscribedToBoth, 0), false, 0, []string{"0s x: " + shutdown("spindown", 2*second)}},
		{"takes its time", func(f *fake) { f.register(subscribedToBoth); f.event(); f.sleep(1999 * ms) }, false, 1999 * ms,
			[]string{"0s x: " + shutdown("spindown", 2*second)}},
		{"never ends", deaf(subscribedToBoth), false, 2 * second, []string{"0s x: " + shutdown("spindown", 2*second)}},
		{"never ends, nor does the runtime", deaf(subscribedToBoth), true, 2 * second, []string{"600ms x: " + shutdown("spindown", 2*second)}},
		{"is not told", deaf(`{"events":["INVOKE"]}`), false, 0, nil},
		{"is not told, and the runtime does not end", deaf(subscribedToNone), true, 600 * ms, nil},
		{"asks again after the end was told", func(f *fake) { f.register(subscribedToBoth); f.event(); f.event() }, false, 2 * second,
			[]string{"0s x: " + shutdown("spindown", 2*second)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.platform.stubborn = tt.stubborn
				r.external(map[string]func(*fake){"x": tt.extension})
				r.start().Close()
				if took := time.Since(r.began); took != tt.took || !r.platform.closed {
					r.Errorf("took %v, want %v; sandbox closed: %v", took, tt.took, r.platform.closed)
				}
				r.wantNotes(tt.notes...)
			}, quick)
		})
	}
}

// An extension that works on after the answer holds up the environment and not the caller; if it is too slow, the caller has
// its answer nevertheless. It gets its SHUTDOWN when it asks for an event.
func TestExtensionTooSlow(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"slow": polls(subscribedToBoth, 4*second), "quick": polls(subscribedToBoth, 0)})
		e := r.start()
		if answered, free := r.traced(e, "a"); answered != "0s  null" || free != 3*second {
			r.Errorf("answered: %s; free at %v, want 3 s", answered, free)
		}
		resp, err := e.Invoke(r.Context(), esm.Call{ID: "b", Function: "f"})
		if got := r.at(string(resp.Payload)); err != nil || got != "4s null" {
			r.Errorf("got %s, %v: want an answer as soon as the slow extension has ended", got, err)
		}
		r.platform.mu.Lock()
		notes := r.platform.notes[:4]
		r.platform.mu.Unlock()
		slices.Sort(notes[:2])
		want := []string{"0s quick: " + invoked("a", 3), "0s slow: " + invoked("a", 3), "3s quick: " + shutdown("timeout", 5*second), "4s slow: " + shutdown("timeout", 5*second)}
		if !slices.Equal(notes, want) {
			r.Errorf("extensions saw\n%s\nwant\n%s", strings.Join(notes, "\n"), strings.Join(want, "\n"))
		}
		e.Close()
		if !slices.ContainsFunc(r.log, func(line string) bool { return strings.HasSuffix(line, "Max Memory Used: 0 MB|Status: timeout") }) {
			r.Errorf("got log\n%s", strings.Join(r.log, "\n"))
		}
	}, quick)
}

// An extension that fails ends the environment, and with it the invocation unless that is answered.
func TestExtensionFails(t *testing.T) {
	report := func(path string) func(*fake) {
		return func(f *fake) { f.post("/2020-01-01/extension/"+path, "{}"); f.hang() }
	}
	inEvent := func(then func(*fake)) func(*fake) {
		return func(f *fake) { f.register(subscribedToBoth); f.event(); then(f) }
	}
	crash := func(f *fake) { f.exit("exit status 3") }
	const payload = `{"errorType":"Extension.%s","errorMessage":"RequestId: a Error: %s"}`
	for _, tt := range []struct {
		name      string
		extension func(*fake)
		runtime   func(*fake)
		answer    string
		log       string
	}{
		{"exit", inEvent(crash), waits, "0s Extension.Crash " + fmt.Sprintf(payload, "Crash", "exit status 3"), `
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Extension.Crash
			[a] RequestId: a Error: exit status 3
			[a] Extension.Crash`},
		{"exit without a reason", inEvent(func(f *fake) { f.sleep(second) }), waits, "1s Extension.Crash " + fmt.Sprintf(payload, "Crash", "exit code 0"), `
			[a] REPORT RequestId: a|Duration: 1000.00 ms|Billed Duration: 1000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Extension.Crash
			[a] RequestId: a Error: exit code 0
			[a] Extension.Crash`},
		{"exit/error", inEvent(report("exit/error")), waits, "0s Extension.ExitError " + fmt.Sprintf(payload, "ExitError", "Extension.Broken"), `
			[a] REPORT RequestId: a|Duration: 0.00 ms|Billed Duration: 0 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|Status: error|Error Type: Extension.ExitError
			[a] RequestId: a Error: Extension.Broken
			[a] Extension.ExitError`},
		{"exit/error, then exit", inEvent(func(f *fake) { f.post("/2020-01-01/extension/exit/error", ""); crash(f) }), waits,
			"0s Extension.ExitError " + fmt.Sprintf(payload, "ExitError", "Extension.Broken"), ""},
		{"exit after the answer", inEvent(func(f *fake) { f.sleep(second); crash(f) }), quick, "0s  null", `
			[a] REPORT RequestId: a|Duration: 1000.00 ms|Billed Duration: 1000 ms|Memory Size: 128 MB|Max Memory Used: 0 MB|
			[a] RequestId: a Error: exit status 3
			[a] Extension.Crash`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.external(map[string]func(*fake){"x": tt.extension, "other": polls(`{"events":["SHUTDOWN"]}`, 0)})
				e := r.start()
				r.log = nil // Init has its own tests
				answered, _ := r.traced(e, "a")
				if answered != tt.answer {
					r.Errorf("got %s, want %s", answered, tt.answer)
				}
				synctest.Wait()
				r.platform.mu.Lock()
				if got := strings.Join(r.platform.notes, "\n"); !strings.Contains(got, `other: {"eventType":"SHUTDOWN","shutdownReason":"failure"`) {
					r.Errorf("extensions saw\n%s", got)
				}
				r.platform.mu.Unlock()
				if tt.log != "" {
					time.Sleep(externalShutdown) // for those that do not end by themselves
					r.wantLog(tt.log)
				}
				r.platform.extensions = nil // and the environment works again
				if got, err := r.invoke(r.Context(), e, "b"); err != nil || !strings.HasSuffix(got, "  null") {
					r.Errorf("got %s, %v", got, err)
				}
			}, tt.runtime, quick)
		})
	}
}

// waits takes events and does not answer.
func waits(f *fake) { f.next(); f.hang() }

func TestExtensionFailsInInit(t *testing.T) {
	for _, tt := range []struct {
		name      string
		extension func(*fake)
		at        time.Duration
		kind      string
		text, log string
	}{
		{"exits before it registers", func(f *fake) { f.sleep(second); f.exit("exit status 3") }, second, "Crash", "exit status 3", `
			[] EXTENSION|Name: x|State: Exited|Events: []|Error Type: Extension.Crash
			[] INIT_REPORT Init Duration: 1000.00 ms|Phase: init|Status: error|Error Type: Extension.Crash`},
		{"exits", func(f *fake) { f.register(subscribedToBoth); f.exit("signal: killed") }, 0, "Crash", "signal: killed", `
			[] EXTENSION|Name: x|State: Exited|Events: [INVOKE, SHUTDOWN]|Error Type: Extension.Crash
			[] INIT_REPORT Init Duration: 0.00 ms|Phase: init|Status: error|Error Type: Extension.Crash`},
		{"init/error", func(f *fake) {
			f.register(subscribedToNone)
			f.post("/2020-01-01/extension/init/error", "{}")
			f.exit("exit status 1")
		}, 0, "InitError", "Extension.Broken", `
			[] EXTENSION|Name: x|State: InitError|Events: []|Error Type: Extension.Broken
			[] INIT_REPORT Init Duration: 0.00 ms|Phase: init|Status: error|Error Type: Extension.InitError`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.external(map[string]func(*fake){"x": tt.extension})
				_, err := r.Start(r.Context(), r.fn, invoker.OnDemand)
				r.wantErr(err, err, tt.at)
				broken, ok := errors.AsType[*invoker.Broken](err)
				if !ok || !r.platform.closed || !strings.Contains(err.Error(), "Extension."+tt.kind+": extension x: "+tt.text) {
					r.Fatalf("got %v, sandbox closed: %v", err, r.platform.closed)
				}
				want := fmt.Sprintf(`{"errorType":"Extension.%s","errorMessage":"RequestId: id Error: %s"}`, tt.kind, tt.text)
				if got := string(broken.Response("id").Payload); got != want {
					r.Errorf("got %s, want %s", got, want)
				}
				r.wantLog(tt.log)
			}, quick)
		})
	}
}

// An extension that never registers, or never asks for an event, takes up the Init phase, and then the invocation that starts
// the environment again.
func TestExtensionThatIsNeverReady(t *testing.T) {
	for name, extension := range map[string]func(*fake){
		"unregistered": func(f *fake) { f.hang() },
		"silent":       func(f *fake) { f.register(subscribedToNone); f.hang() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.external(map[string]func(*fake){"x": extension})
				e := r.start()
				got, err := r.invoke(r.Context(), e, "a")
				want := `13s Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 3.00 seconds"}`
				if err != nil || got != want {
					r.Errorf("got %s, %v", got, err)
				}
			}, quick)
		})
	}
}

// An extension that ends while the environment is idle costs no invocation.
func TestExtensionEndsWhileIdle(t *testing.T) {
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": func(f *fake) { f.register(subscribedToNone); go f.event(); f.sleep(second); f.exit("exit status 1") }})
		e := r.start()
		time.Sleep(minute)
		r.platform.extensions = nil
		if got, err := r.invoke(r.Context(), e, "a"); err != nil || got != "1m0s  null" {
			r.Errorf("got %s, %v", got, err)
		}
		if want := "[] Extension.Crash: extension x: exit status 1"; !slices.Contains(r.log, want) {
			r.Errorf("got log %q, want %q in it", r.log, want)
		}
	}, quick)
}

func TestExtensionsThatCannotStart(t *testing.T) {
	many := map[string]func(*fake){}
	for i := range 11 {
		many[fmt.Sprintf("x%02d", i)] = polls(subscribedToNone, 0)
	}
	for _, tt := range []struct {
		name       string
		extensions map[string]func(*fake)
		failure    error
		text, log  string
	}{
		{"too many", many, nil, "Extension limit (10) reached", "[] EXTENSION|Name: x10|State: LaunchError|Events: []|Error Type: TooManyExtensions"},
		{"one", nil, runtimeapi.ExtensionNotStarted("x", errors.New("exec format error")), "exec format error", "[] EXTENSION|Name: x|State: LaunchError|Events: []|Error Type: UnknownError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.external(tt.extensions)
				r.platform.failures = map[int]error{0: tt.failure}
				_, err := r.Start(r.Context(), r.fn, invoker.OnDemand)
				broken, ok := errors.AsType[*invoker.Broken](err)
				if !ok {
					r.Fatal(err)
				}
				want := `{"errorType":"Extension.LaunchError","errorMessage":"RequestId: id Error: ` + tt.text + `"}`
				if got := string(broken.Response("id").Payload); got != want {
					r.Errorf("got %s, want %s", got, want)
				}
				r.wantLog(tt.log)
			}, quick)
		})
	}
}

// A machine that has no room for the runtime after the extensions have started is not the function's fault.
func TestMachineThatCannotStartTheRuntime(t *testing.T) {
	full := func(f *fake) { f.failed <- runtimeapi.SandboxFailed("no more processes"); f.hang() }
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": polls(subscribedToNone, 0)})
		_, err := r.Start(r.Context(), r.fn, invoker.OnDemand)
		if _, broken := errors.AsType[*invoker.Broken](err); broken || err == nil || !strings.Contains(err.Error(), "no more processes") {
			r.Errorf("got %v, want no *Broken", err)
		}
	}, full)
	bubble(t, func(r *rig) {
		r.external(map[string]func(*fake){"x": polls(subscribedToNone, 0)})
		e := r.start()
		if _, err := r.invoke(r.Context(), e, "a"); err != nil {
			r.Error(err)
		}
		_, err := r.invoke(r.Context(), e, "b")
		r.wantErr(err, esm.ErrNotRun, 0)
		if got, err := r.invoke(r.Context(), e, "c"); err != nil || got != "0s  null" {
			r.Errorf("got %s, %v", got, err)
		}
	}, fails(1), full, quick)
}

func TestExtensionsInJSON(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fn.LoggingConfig.LogFormat = "JSON"
		r.external(map[string]func(*fake){"x": polls(subscribedToBoth, 0), "y": polls(`{}`, 0)})
		r.start()
		r.wantLog(`
			[] {"time":"2000-01-01T00:00:00.000Z","type":"platform.extension","record":{"name":"x","state":"Ready","events":["INVOKE","SHUTDOWN"]}}
			[] {"time":"2000-01-01T00:00:00.000Z","type":"platform.extension","record":{"name":"y","state":"Ready","events":[]}}`)
	}, quick)
}

func TestVariablesOfExtensions(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fn.Environment.Variables = map[string]string{"MINE": "1"}
		r.start()
		kept := slices.Collect(maps.Keys(r.platform.env))
		kept = slices.DeleteFunc(kept, func(name string) bool { return r.platform.extensionEnv[name] == r.platform.env[name] })
		slices.Sort(kept)
		want := []string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING", "_HANDLER"}
		if !slices.Equal(kept, want) || r.platform.extensionEnv["MINE"] != "1" || len(r.platform.extensionEnv)+len(want) != len(r.platform.env) {
			r.Errorf("extensions do not get %q, want %q", kept, want)
		}
	}, quick)
}
