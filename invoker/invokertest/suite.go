package invokertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

const (
	// patience bounds what happens at once on an idle machine.
	patience = 30 * time.Second

	// dispatch is long enough for a waiting runtime to receive its event, which the suite cannot observe.
	dispatch = 2 * time.Second

	// limit is a timeout, in seconds, for a handler that exceeds it. An Init takes less.
	limit = 5

	// largest is the largest answer, in bytes (AWS: "Lambda quotas").
	largest = 6_291_556
)

type suite struct {
	*testing.T
	starter *lifecycle.Starter
	fn      config.Function
	calls   int

	mu    sync.Mutex
	lines []trace.Output
}

func (s *suite) trace(e trace.Event) {
	if o, ok := e.(trace.Output); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, o)
	}
}

// variation returns fn with a long timeout and more variables.
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

// start returns an environment that is closed at the end.
func (s *suite) start() *environment {
	s.Helper()
	return s.startAs(invoker.OnDemand)
}

func (s *suite) startAs(as invoker.Initialization) *environment {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	env, err := s.starter.Start(ctx, s.fn, as)
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
}

func (e *environment) call(o order) esm.Call {
	payload, err := json.Marshal(o)
	if err != nil {
		e.Fatal(err)
	}
	e.calls++
	return esm.Call{ID: callID(e.calls), Function: e.fn.Name, Payload: payload}
}

func callID(n int) string { return fmt.Sprintf("8476a536-e9f4-4e8f-8d4c-%012d", n) }

// invoke runs c until the environment is free again.
func (e *environment) invoke(c esm.Call) esm.Response {
	e.Helper()
	resp, err := e.Invoke(e.Context(), c)
	if err == nil {
		err = e.Drain(e.Context())
	}
	if err != nil {
		e.Fatalf("%.100s: %v", c.Payload, err)
	}
	return resp
}

func (e *environment) order(o order) esm.Response {
	e.Helper()
	return e.invoke(e.call(o))
}

// want checks an answer that has to be payload.
func (s *suite) want(resp esm.Response, fault, payload string) {
	s.Helper()
	if resp.Fault != fault || string(resp.Payload) != payload || resp.Status != 200 || resp.Version != "$LATEST" {
		s.Errorf("got %q %.1000s (%d, %s), want %q %.1000s", resp.Fault, resp.Payload, resp.Status, resp.Version, fault, payload)
	}
}

// describe shows that the environment works.
func (e *environment) describe(c esm.Call) (got about) {
	e.Helper()
	resp := e.invoke(c)
	if err := json.Unmarshal(resp.Payload, &got); err != nil || resp.Fault != "" {
		e.Fatalf("got %q %s: %v", resp.Fault, resp.Payload, err)
	}
	return got
}
