package runtimeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	register   = "/2020-01-01/extension/register"
	eventNext  = "/2020-01-01/extension/event/next"
	extInitE   = "/2020-01-01/extension/init/error"
	extExitE   = "/2020-01-01/extension/exit/error"
	registered = `{"functionName":"f","functionVersion":"$LATEST","handler":"app.handler"}` + "\n"

	invokeBody = `{"eventType":"INVOKE","deadlineMs":1542409706888,"requestId":"` + idA + `","invokedFunctionArn":"arn:aws:lambda:us-east-1:0:function:f:live",` +
		`"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"}}`
	shutdownBody = `{"eventType":"SHUTDOWN","shutdownReason":"timeout","deadlineMs":1542409706888}`
)

func extensionError(kind, text string) string {
	body, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"errorMessage":%s,"errorType":%q}`+"\n", body, kind)
}

// invalidState is the refusal of a transition of an extension.
func invalidState(from, to, who string) string {
	return extensionError("Extension.InvalidExtensionState",
		"State transition from "+from+" to "+to+" failed for extension "+who+". Error: State transition is not allowed")
}

func identified(id string) edit { return header("Lambda-Extension-Identifier", id) }

// register registers an extension and returns its identifier.
func (r *rig) register(name, body string) string {
	r.Helper()
	got := r.post(register, body, header("Lambda-Extension-Name", name))
	r.want(got, 200, registered)
	id := got.header.Get("Lambda-Extension-Identifier")
	if len(id) != 36 {
		r.Errorf("got identifier %q", id)
	}
	return id
}

// poll asks for an extension's event in the background.
func (r *rig) poll(ctx context.Context, id string) <-chan reply {
	c := make(chan reply, 1)
	go func() { c <- r.with(ctx, http.MethodGet, eventNext, nil, identified(id)) }() // the bubble waits for it
	synctest.Wait()
	return c
}

func (r *rig) wantBusy() {
	r.Helper()
	synctest.Wait()
	select {
	case <-r.session.Idle():
		r.Fatal("the environment is idle")
	default:
	}
}

func (r *rig) wantParked(c <-chan reply) {
	r.Helper()
	synctest.Wait()
	if len(c) > 0 {
		r.Fatalf("got %+v, want no answer", <-c)
	}
}

func (r *rig) wantRegistered(want bool) {
	r.Helper()
	select {
	case <-r.session.Registered():
		if !want {
			r.Error("registration is complete")
		}
	default:
		if want {
			r.Error("registration is not complete")
		}
	}
}

func (r *rig) wantEvent(got reply, body string) {
	r.Helper()
	r.want(got, 200, body)
	if got.header.Get("Content-Type") != "application/json" || len(got.header.Get("Lambda-Extension-Event-Identifier")) != 36 {
		r.Errorf("got header %v", got.header)
	}
}

// An internal extension without events, such as that of aws-lambda-go's SIGTERM handler, waits until the process ends.
func TestInternalExtensionWithoutEvents(t *testing.T) {
	bubble(t, func(r *rig) {
		r.wantRegistered(true) // all none of them
		if got := r.session.Extensions(); len(got) > 0 {
			r.Errorf("got %v before anything was registered", got)
		}
		id := r.register("GoLangEnableSIGTERM", `{"events":null}`)
		ctx, cancel := context.WithCancel(r.Context())
		done := r.poll(ctx, id)
		r.want(r.do(http.MethodGet, eventNext, nil, identified(id)), 403, invalidState("Ready", "Ready", id))
		for range 3 {
			r.give(idA)
			r.post(response(idA), "1")
			r.answer()
		}
		time.Sleep(time.Hour)
		r.wantParked(done)
		cancel()
		<-done
		synctest.Wait()
		r.wantParked(r.poll(r.Context(), strings.ToUpper(id))) // after a lost connection
		r.park(r.Context())
		r.idle()
	})
}

// Init ends when the runtime and all extensions wait, an invocation when those do that got it.
func TestEnvironmentIsIdle(t *testing.T) {
	bubble(t, func(r *rig) {
		r.wantRegistered(false)
		a := r.register("a", `{"events":["INVOKE","SHUTDOWN"]}`)
		r.wantRegistered(false)
		b := r.register("b", `{"events":["SHUTDOWN"]}`)
		r.wantRegistered(true)
		c := r.register("c", `{"events":["INVOKE"]}`) // internal
		r.park(r.Context())
		r.wantBusy()
		r.wantNotReady()
		nextA, nextB := r.poll(r.Context(), a), r.poll(r.Context(), b)
		r.wantBusy()
		nextC := r.poll(r.Context(), c)
		r.idle()

		r.dispatch(idA)
		r.wantEvent(<-nextA, invokeBody)
		r.wantEvent(<-nextC, invokeBody)
		r.wantParked(nextB)
		nextA = r.poll(r.Context(), a) // before the answer
		r.want(r.post(response(idA), "1"), 202, okay)
		r.answer()
		r.park(r.Context())
		r.wantBusy()
		r.wantNotReady()
		nextC = r.poll(r.Context(), c)
		r.idle()

		r.session.Close()
		r.session.Shutdown(runtimeapi.Timeout, time.UnixMilli(1542409706888))
		r.wantEvent(<-nextA, shutdownBody)
		r.wantEvent(<-nextB, shutdownBody)
		r.wantParked(nextC)
		r.wantParked(r.poll(r.Context(), a)) // nothing follows
	}, "a", "b")
}

// An external extension may register late, where it cannot be started before the runtime.
func TestLateExternalExtension(t *testing.T) {
	bubble(t, func(r *rig) {
		event := r.park(r.Context())
		r.wantBusy()
		id := r.register("x", `{"events":["INVOKE"]}`)
		r.wantBusy()
		r.poll(r.Context(), id)
		r.idle()
		r.dispatch(idA)
		r.want(<-event, 200, "{\"a\": 1}\n ")
	}, "x")
}

// An extension that is at work gets SHUTDOWN when it asks.
func TestShutdownOfABusyExtension(t *testing.T) {
	bubble(t, func(r *rig) {
		id := r.register("x", `{"events":["INVOKE","SHUTDOWN"]}`)
		c := r.poll(r.Context(), id)
		r.park(r.Context())
		r.idle()
		r.dispatch(idA)
		r.wantEvent(<-c, invokeBody)
		r.session.Close()
		r.session.Shutdown(runtimeapi.Timeout, time.UnixMilli(1542409706888))
		r.wantEvent(<-r.poll(r.Context(), id), shutdownBody)
	}, "x")
}

// The end of a connection is noticed even if the request had a body.
func TestRequestForAnEventWithABody(t *testing.T) {
	bubble(t, func(r *rig) {
		id := r.register("x", `{"events":["INVOKE"]}`)
		for _, path := range []string{eventNext, next} {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second)
			defer cancel()
			r.with(ctx, http.MethodGet, path, strings.NewReader("{}"), identified(id))
		}
		synctest.Wait()
		r.idle()
		r.dispatch(idA)
		r.wantEvent(<-r.poll(r.Context(), id), invokeBody)
		r.want(r.get(next), 200, "{\"a\": 1}\n ")
	}, "x")
}

// A connection that is lost while an extension waits is no end of the wait, and loses no event.
func TestLostConnectionOfAnExtension(t *testing.T) {
	bubble(t, func(r *rig) {
		id := r.register("x", `{"events":["INVOKE"]}`)
		r.park(r.Context())
		lost, cancel := context.WithCancel(r.Context())
		r.poll(lost, id)
		r.idle()
		cancel()
		synctest.Wait()
		r.dispatch(idA)
		r.wantEvent(<-r.poll(r.Context(), id), invokeBody)
		r.want(r.post(response(idA), "1"), 202, okay)
		r.answer()
		r.park(r.Context())
		r.wantBusy()
		r.poll(r.Context(), id)
		r.idle()
	}, "x")
}

// Whatever connections are lost, the environment becomes free after each event, and no extension gets an event twice.
func TestManyLostConnections(t *testing.T) {
	const events = 200
	for seed := range uint64(6) {
		bubble(t, func(r *rig) {
			names := []string{"a", "b", "c"}
			ctx, stop := context.WithCancel(r.Context())
			var work sync.WaitGroup
			got := make([]map[string]int, len(names))
			for i, name := range names {
				id, random := r.register(name, `{"events":["INVOKE"]}`), rand.New(rand.NewPCG(seed, uint64(i)))
				got[i] = map[string]int{}
				work.Go(func() {
					for ctx.Err() == nil {
						short, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(4))*time.Millisecond)
						if answer := r.with(short, http.MethodGet, eventNext, nil, identified(id)); answer.status == 200 {
							got[i][answer.header.Get("Lambda-Extension-Event-Identifier")]++
						} else if answer.trouble == nil && answer.status != 403 { // 403: its last connection is not known to be lost yet
							r.Errorf("seed %d: got %+v", seed, answer)
						}
						cancel()
						wait(ctx, time.Duration(random.IntN(3))*time.Millisecond)
					}
				})
			}
			for range events {
				r.park(r.Context())
				select {
				case <-r.session.Idle():
				case <-time.After(time.Second):
					r.Fatalf("seed %d: the environment is not idle", seed)
				}
				r.dispatch(idA)
				synctest.Wait()
				r.want(r.post(response(idA), "1"), 202, okay)
				r.answer()
			}
			stop()
			work.Wait()
			for i, name := range names {
				for id, times := range got[i] {
					if times > 1 {
						r.Errorf("seed %d: %s got event %s %d times", seed, name, id, times)
					}
				}
				if len(got[i]) < events/2 {
					r.Errorf("seed %d: %s got %d of %d events", seed, name, len(got[i]), events)
				}
			}
		}, "a", "b", "c")
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func TestRegistrationErrors(t *testing.T) {
	const limit = 10
	named := func(name string) edit { return header("Lambda-Extension-Name", name) }
	bubble(t, func(r *rig) {
		for _, tt := range []struct {
			name, body, kind, text string
		}{
			{"", `{}`, "Extension.InvalidExtensionName", "Empty extension name"},
			{"y", `nonsense`, "InvalidRequestFormat", "invalid character 'o' in literal null (expecting 'u')"},
			{"y", ``, "InvalidRequestFormat", "unexpected end of JSON input"},
			{"y", `{"events":[]} {}`, "InvalidRequestFormat", "invalid character '{' after top-level value"},
			{"y", `{"configurationKeys":["a"]}`, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead"},
			{"y", `{"events":["INVOKE","invoke"]}`, "Extension.InvalidEventType", "invoke: ErrorInvalidEventType"},
			{"y", `{"events":["SHUTDOWN"]}`, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"},
			{"x", `{"events":["SHUTDOWN","INIT"]}`, "Extension.InvalidEventType", "INIT: ErrorInvalidEventType"},
		} {
			r.want(r.post(register, tt.body, named(tt.name)), 403, extensionError(tt.kind, tt.text))
		}
		r.register("x", `{"events":["SHUTDOWN"]}`)
		r.want(r.post(register, `{}`, named("x")), 403, invalidState("Registered", "Registered", "x"))
		r.register("1", `{}`)
		r.want(r.post(register, `{}`, named("1")), 403, extensionError("Extension.InvalidExtensionState", "Extension with this name already registered"))
		for i := 2; i < limit; i++ {
			r.register(fmt.Sprint(i), `{"events":[]}`)
		}
		r.want(r.post(register, `{}`, named("y")), 403, extensionError("Extension.TooManyExtensions", "Extension limit (10) reached"))
		r.park(r.Context())
		r.want(r.post(register, `{}`, named("z")), 403, extensionError("Extension.RegistrationClosed", "Extension registration closed already"))
	}, "x")
}

func TestRegistrationFeatures(t *testing.T) {
	bubble(t, func(r *rig) {
		for features, want := range map[string]string{"accountId": "123456789012", "other, accountId": "123456789012", "account": ""} {
			got := r.post(register, `{}`, header("Lambda-Extension-Name", features), header("Lambda-Extension-Accept-Feature", features))
			var body map[string]string
			if err := json.Unmarshal([]byte(got.body), &body); err != nil || body["accountId"] != want {
				r.Errorf("%s: got %s, %v", features, got.body, err)
			}
		}
	})
}

func TestExtensionIdentifiers(t *testing.T) {
	bubble(t, func(r *rig) {
		fault := header("Lambda-Extension-Function-Error-Type", "Extension.Bad")
		for _, call := range []struct{ method, path, unknown string }{
			{http.MethodGet, eventNext, "Unknown extension " + idA},
			{http.MethodPost, extInitE, "Unknown Lambda-Extension-Identifier"},
			{http.MethodPost, extExitE, "Unknown Lambda-Extension-Identifier"},
		} {
			r.want(r.do(call.method, call.path, nil, fault), 403, extensionError("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
			r.want(r.do(call.method, call.path, nil, fault, identified("x")), 403, extensionError("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
			r.want(r.do(call.method, call.path, nil, fault, identified(idA)), 403, extensionError("Extension.UnknownExtensionIdentifier", call.unknown))
		}
		id := r.register("x", `{}`)
		for _, path := range []string{extInitE, extExitE} {
			r.want(r.post(path, "{}", identified(id)), 403, extensionError("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"))
		}
	})
}

// Every report of a failure in every state.
func TestExtensionFailures(t *testing.T) {
	for _, tt := range []struct {
		state string
		reach func(r *rig, id string)
		path  string
		to    string // where the failure leads to; empty if it is refused
		body  string // of the refusal
	}{
		{"Registered", func(*rig, string) {}, extInitE, "InitError", ""},
		{"Registered", func(*rig, string) {}, extExitE, "ExitError", ""},
		{"Ready", waiting, extInitE, "", "InitError"},
		{"Ready", waiting, extExitE, "ExitError", ""},
		{"Running", working, extInitE, "", "InitError"},
		{"Running", working, extExitE, "ExitError", ""},
		{"InitError", failed(extInitE), extInitE, "InitError", ""},
		{"InitError", failed(extInitE), extExitE, "", "Exited"},
		{"ExitError", failed(extExitE), extInitE, "", "InitError"},
		{"ExitError", failed(extExitE), extExitE, "ExitError", ""},
	} {
		t.Run(tt.state+" "+tt.path, func(t *testing.T) {
			bubble(t, func(r *rig) {
				id := r.register("x", `{"events":["INVOKE"]}`)
				tt.reach(r, id)
				got := r.post(tt.path, `{"errorMessage":"m"}`, identified(id), header("Lambda-Extension-Function-Error-Type", "Extension.Second"))
				if tt.to == "" {
					r.want(got, 403, invalidState(tt.state, tt.body, id))
					return
				}
				r.want(got, 202, okay)
				fault := "Extension.Second"
				if tt.state == tt.to {
					fault = "Extension.First" // which is the one that counts
				}
				want := runtimeapi.Extension{Name: "x", External: true, State: tt.to, Events: []string{"INVOKE"}, ErrorType: fault}
				if got := r.session.Extensions(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
					r.Errorf("got %+v, want %+v", got, want)
				}
				f := <-r.session.Failed()
				if f.Type != "Extension."+tt.to || f.Text != fault || f.Extension != "x" || len(r.session.Failed()) > 0 {
					r.Errorf("got %+v", f)
				}
				r.wantNotReady()
				r.want(r.do(http.MethodGet, eventNext, nil, identified(id)), 403, invalidState(tt.to, "Ready", id))
			}, "x")
		})
	}
}

// waiting makes the extension and the runtime wait for an event.
func waiting(r *rig, id string) {
	r.park(r.Context())
	ctx, cancel := context.WithCancel(r.Context())
	r.poll(ctx, id)
	r.idle()
	cancel()
	synctest.Wait()
}

// working gives the extension an event.
func working(r *rig, id string) {
	r.park(r.Context())
	c := r.poll(r.Context(), id)
	r.idle()
	r.dispatch(idA)
	r.wantEvent(<-c, invokeBody)
}

func failed(path string) func(*rig, string) {
	return func(r *rig, id string) {
		r.want(r.post(path, "", identified(id), header("Lambda-Extension-Function-Error-Type", "Extension.First")), 202, okay)
	}
}

// What an extension reports while the environment ends is no failure.
func TestFailureAfterTheEnd(t *testing.T) {
	bubble(t, func(r *rig) {
		id := r.register("x", `{}`)
		r.session.Close()
		failed(extExitE)(r, id)
		if len(r.session.Failed()) > 0 {
			r.Errorf("got %v", <-r.session.Failed())
		}
	}, "x")
}

func TestTelemetryIsNotSupported(t *testing.T) {
	bubble(t, func(r *rig) {
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry/", nil), 202, extensionError("Telemetry.NotSupported", "Telemetry API is not supported"))
		r.want(r.do(http.MethodPut, "/2020-08-15/logs", nil), 202, extensionError("Logs.NotSupported", "Logs API is not supported"))
	})
}
