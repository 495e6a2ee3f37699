// Package invokertest is the suite that every [invoker.Starter] passes: what its environments owe to the pool, to the
// function and to the one who invoked it, whatever they are made of.
package invokertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// Run runs the suite. fn describes a function whose program calls [ServeIfAsked]; its timeout and variables are changed
// to suit each case. start makes a Starter, and registers with t what there is to clean up.
func Run(t *testing.T, start func(*testing.T) invoker.Starter, fn config.Function) {
	for name, check := range map[string]func(*suite){
		"answers as the handler does":      (*suite).echo,
		"tells the handler what it is":     (*suite).about,
		"takes and gives what is large":    (*suite).large,
		"keeps the runtime":                (*suite).kept,
		"reports what the handler reports": (*suite).failure,
		"reports an exit":                  (*suite).exit,
		"reports a signal":                 (*suite).signal,
		"ends what takes too long":         (*suite).timeout,
		"drains":                           (*suite).drain,
		"drains no longer than allowed":    (*suite).drainTimeout,
		"gives the answer before an exit":  (*suite).exitAfterAnswer,
		"kills for a caller who leaves":    (*suite).callerLeaves,
		"closes while it runs":             (*suite).closeRunning,
		"closes while it drains":           (*suite).closeDraining,
		"closes again and again":           (*suite).closeAgain,
		"starts side by side":              (*suite).sideBySide,
		"breaks when Init exits":           (*suite).initExit,
		"breaks when Init fails":           (*suite).initError,
		"ends a start that is not wanted":  (*suite).startCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			check(&suite{T: t, starter: start(t), fn: variation(fn, nil)})
		})
	}
}

// patience is how long the suite waits for what should happen soon.
const patience = 30 * time.Second

type suite struct {
	*testing.T
	starter invoker.Starter
	fn      config.Function
	calls   int
}

// variation is fn with time enough and with more variables.
func variation(fn config.Function, more map[string]string) config.Function {
	variables := map[string]string{
		handlerVariable: "1",
		"GREETING":      "hello",
		"GORACE":        "atexit_sleep_ms=0", // a handler with the race detector in it would wait a second at its end
	}
	maps.Copy(variables, fn.Environment.Variables)
	maps.Copy(variables, more)
	fn.Environment.Variables = variables
	fn.Timeout = 60
	return fn
}

// start makes an environment that is closed at the end.
func (s *suite) start() *environment {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	env, err := s.starter.Start(ctx, s.fn)
	if err != nil {
		s.Fatalf("Start: %v", err)
	}
	s.Cleanup(env.Close)
	return &environment{Environment: env, suite: s}
}

// environment is one under test.
type environment struct {
	invoker.Environment
	*suite
	id string // of the last call
}

func (e *environment) call(o order) esm.Call {
	payload, err := json.Marshal(o)
	if err != nil {
		e.Fatal(err)
	}
	e.calls++
	e.id = fmt.Sprintf("8476a536-e9f4-4e8f-8d4c-%012d", e.calls)
	return esm.Call{ID: e.id, Function: e.fn.Name, Payload: payload}
}

// order invokes and does not drain.
func (e *environment) order(o order) esm.Response {
	e.Helper()
	resp, err := e.Invoke(e.Context(), e.call(o))
	if err != nil {
		e.Fatalf("%s: %v", o.Do, err)
	}
	return resp
}

func (e *environment) drained() {
	e.Helper()
	if err := e.Drain(e.Context()); err != nil {
		e.Fatalf("Drain: %v", err)
	}
}

// about invokes and drains, and shows that the environment works.
func (e *environment) about() about {
	e.Helper()
	resp := e.order(order{Do: "about"})
	e.drained()
	var a about
	if err := json.Unmarshal(resp.Payload, &a); err != nil || resp.Fault != "" {
		e.Fatalf("about: %q %s: %v", resp.Fault, resp.Payload, err)
	}
	return a
}

func (e *environment) wantFault(resp esm.Response, fault, payload string) {
	e.Helper()
	if resp.Fault != fault || string(resp.Payload) != payload {
		e.Errorf("got %q %s, want %q %s", resp.Fault, resp.Payload, fault, payload)
	}
}

func (s *suite) echo() {
	e := s.start()
	for _, want := range []string{`{"a":[1,2.50,"\u00e9 é"],"b":null}`, `"text"`, `null`, `12345678901234567890`} {
		resp, err := e.Invoke(e.Context(), esm.Call{
			ID: e.call(order{}).ID, Function: e.fn.Name, Payload: []byte(`{"do":"echo","value":` + want + `}`),
		})
		if err != nil {
			e.Fatal(err)
		}
		if string(resp.Payload) != want || resp.Fault != "" || resp.Status != 200 || resp.Version != "$LATEST" {
			e.Errorf("got %+v %s, want %s", resp, resp.Payload, want)
		}
		e.drained()
	}
}

func (s *suite) about() {
	e := s.start()
	c := e.call(order{Do: "about"})
	c.Function += ":live"
	c.TraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	c.ClientContext = `{"custom":{"a":"b"}}`
	resp, err := e.Invoke(e.Context(), c)
	if err != nil {
		e.Fatal(err)
	}
	e.drained()
	var got about
	if err := json.Unmarshal(resp.Payload, &got); err != nil {
		e.Fatal(err)
	}
	if got.ID != c.ID || got.Trace != c.TraceHeader || got.ClientContext != c.ClientContext {
		e.Errorf("got %+v, want what was sent: %+v", got, c)
	}
	if !strings.HasPrefix(got.Arn, "arn:") || !strings.HasSuffix(got.Arn, ":function:"+e.fn.Name+":live") {
		e.Errorf("got ARN %q", got.Arn)
	}
	if limit := e.fn.TimeLimit(); got.Left <= 0 || got.Left > limit {
		e.Errorf("%v until the deadline, the function may take %v", got.Left, limit)
	}
	want := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": e.fn.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "GREETING": "hello"}
	if !maps.Equal(got.Env, want) {
		e.Errorf("got variables %v, want %v", got.Env, want)
	}
	if got := e.about(); !strings.HasPrefix(got.Trace, "Root=1-") || !strings.HasSuffix(got.Trace, "Sampled=0") || strings.HasSuffix(got.Arn, ":live") {
		e.Errorf("of a call without trace and qualifier: got %+v", got)
	}
}

func (s *suite) large() {
	e := s.start()
	const around = len(`{"do":"echo","value":""}`)
	text := strings.Repeat("x", esm.MaxPayload-around)
	resp := e.order(order{Do: "echo", Value: json.RawMessage(`"` + text + `"`)})
	if got, want := len(resp.Payload), len(text)+2; got != want || resp.Fault != "" {
		e.Errorf("got %d bytes of %d, fault %q", got, want, resp.Fault)
	}
	e.drained()
	const most = 6_291_556 // AWS: "Lambda quotas", in the words of the error that follows
	if resp := e.order(order{Do: "large", Size: most}); len(resp.Payload) != most || resp.Fault != "" {
		e.Errorf("the largest answer: got %d bytes, fault %q", len(resp.Payload), resp.Fault)
	}
	e.drained()
	resp = e.order(order{Do: "large", Size: most + 1})
	if resp.Fault == "" || !strings.Contains(string(resp.Payload), `"errorType":"Function.ResponseSizeTooLarge"`) {
		e.Errorf("an answer that is too large: got %q %.200s", resp.Fault, resp.Payload)
	}
	e.drained()
	e.about()
}

func (s *suite) kept() {
	e := s.start()
	for want := 1; want <= 3; want++ {
		if got := e.about().Calls; got != want {
			e.Errorf("call %d of the same runtime, want %d", got, want)
		}
	}
}

func (s *suite) failure() {
	e := s.start()
	const text = `{"errorMessage":"oh no","errorType":"Trouble","stackTrace":[]}`
	e.wantFault(e.order(order{Do: "fail", Value: json.RawMessage(text)}), "Unhandled", text)
	e.drained()
	if got := e.about().Calls; got != 2 {
		e.Errorf("the runtime was not kept: call %d, want 2", got)
	}
}

func (s *suite) sideBySide() {
	var starts sync.WaitGroup
	envs := make([]invoker.Environment, 3)
	for i := range envs {
		starts.Go(func() {
			env, err := s.starter.Start(s.Context(), s.fn)
			if err != nil {
				s.Errorf("Start: %v", err)
				return
			}
			s.Cleanup(env.Close)
			envs[i] = env
		})
	}
	starts.Wait()
	for i, env := range envs {
		if env == nil {
			continue
		}
		e := &environment{Environment: env, suite: s}
		if got := string(e.order(order{Do: "read", Name: "note"}).Payload); got != "null" {
			s.Errorf("environment %d sees another's file: %s", i, got)
		}
		e.drained()
		e.order(order{Do: "write", Name: "note", Value: json.RawMessage("1")})
		e.drained()
	}
}

func (s *suite) initExit() {
	resp := s.broken("exit")
	if want := exitText(brokenID, "with error: exit status 3"); resp.Fault != "Runtime.ExitError" || string(resp.Payload) != want {
		s.Errorf("got %q %s, want %s", resp.Fault, resp.Payload, want)
	}
}

func (s *suite) initError() {
	resp := s.broken("error")
	if resp.Fault == "" || string(resp.Payload) != initError {
		s.Errorf("got %q %s, want %s", resp.Fault, resp.Payload, initError)
	}
}

// brokenID is the invocation that waits for a start that fails.
const brokenID = "8476a536-e9f4-4e8f-8d4c-ffffffffffff"

// broken starts a function whose Init fails, and is the answer of the invocation that waits for it.
func (s *suite) broken(how string) esm.Response {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	env, err := s.starter.Start(ctx, variation(s.fn, map[string]string{initVariable: how}))
	if err == nil {
		env.Close()
		s.Fatal("Start: no error")
	}
	broken, ok := errors.AsType[*invoker.Broken](err)
	if !ok {
		s.Fatalf("Start: got %v, want a *Broken", err)
	}
	resp := broken.Response(brokenID)
	if !json.Valid(resp.Payload) || resp.Status != 200 || broken.Err == nil || broken.Error() == "" {
		s.Errorf("got %v and %+v, want a reason and a whole Response", broken.Err, resp)
	}
	return resp
}

func (s *suite) startCancelled() {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if env, err := s.starter.Start(ctx, s.fn); err == nil {
		env.Close()
		s.Error("Start with a context that is over: no error")
	}
}
