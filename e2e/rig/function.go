package rig

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// FunctionARN is the ARN of a function without the function's name.
const FunctionARN = "arn:aws:lambda:us-east-1:000000000000:function:"

// A Function is a Lambda function whose answers the test makes.
type Function struct {
	Name    string
	Timeout int      // in seconds
	Keys    []string // further ones of its description

	// Description replaces the description in the file, for a handler that is not the test.
	Description string

	URL string // of the test, in the environment of the handler

	path string // of the test at the endpoint, for a handler in a container

	mu            sync.Mutex
	handle        Handler
	calls         []Call
	running, peak int // invocations at a time
}

func newFunction(t testing.TB, name string, h Handler) *Function {
	f := &Function{Name: name, Timeout: 30, handle: h} // an answer that is made at once may take seconds on a busy machine
	f.Keys = []string{fmt.Sprintf("Command: [%q]", handlerCommand(t))}
	path := "/" + rand.Text() // so that handlers which outlive a killed test, on a port that is taken again, are refused
	mux := http.NewServeMux()
	mux.Handle(path, f)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.URL = server.URL + path
	return f
}

func (f *Function) description() string {
	if f.Description != "" {
		return f.Description
	}
	variable := fmt.Sprintf("E2E_URL: %q", f.URL)
	if f.path != "" {
		variable = fmt.Sprintf("E2E_PATH: %q", f.path)
	}
	return fmt.Sprintf("{Timeout: %d, %s, Environment: {Variables: {%s}}}", f.Timeout, strings.Join(f.Keys, ", "), variable)
}

// Named returns an entry of another function with the same description.
func (f *Function) Named(name string) *Function {
	return &Function{Name: name, Description: f.description()}
}

// ARN returns the function's ARN.
func (f *Function) ARN() string { return FunctionARN + f.Name }

// ServeHTTP answers the handler.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, err := io.ReadAll(r.Body)
	if err != nil {
		return // the handler was killed while it passed the event on
	}
	c := parseCall(event, r.Header.Get("Lambda-Runtime-Aws-Request-Id"))
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.running++
	f.peak = max(f.peak, f.running)
	h := f.handle
	f.mu.Unlock()
	text, err := h(c)
	f.mu.Lock()
	f.running--
	f.mu.Unlock()
	if fate, ok := errors.AsType[Fate](err); ok {
		w.Header().Set("E2e-Fate", string(fate))
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		text = err.Error()
	}
	fmt.Fprint(w, text)
}

// Handle replaces the handler, and forgets the calls that it was given.
func (f *Function) Handle(h Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle, f.calls = h, nil
}

// Calls returns the invocations so far.
func (f *Function) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Peak returns how many invocations ran at a time, at the most.
func (f *Function) Peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// Texts returns the records of all invocations, in order and with repeats.
func (f *Function) Texts() (texts []string) {
	for _, c := range f.Calls() {
		texts = append(texts, c.Texts()...)
	}
	return texts
}

// Has reports whether the function was given all of these records.
func (f *Function) Has(texts ...string) bool {
	given := map[string]bool{}
	for _, text := range f.Texts() {
		given[text] = true
	}
	return !slices.ContainsFunc(texts, func(text string) bool { return !given[text] })
}

// WaitFor waits until the function was given all of these records.
func (f *Function) WaitFor(t testing.TB, texts ...string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%s was given %.200q", f.Name, texts), func() bool { return f.Has(texts...) })
}

// Want waits until the function was given as many records, and checks that they are these, in this order and without
// repeats.
func (f *Function) Want(t testing.TB, texts ...string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%s was given %.200q", f.Name, texts), func() bool { return len(f.Texts()) >= len(texts) })
	if got := f.Texts(); !slices.Equal(got, texts) {
		t.Fatalf("%s was given %q, want %q", f.Name, got, texts)
	}
}

// A Handler answers an invocation as the function does.
type Handler func(Call) (string, error)

// Succeed is a handler of success.
func Succeed(Call) (string, error) { return "null", nil }

// Fail is a handler that fails.
func Fail(Call) (string, error) { return "", errors.New("out of order") }

// Answer returns a handler with always the same answer.
func Answer(text string) Handler { return func(Call) (string, error) { return text, nil } }

// FailOn returns a handler that fails when one of these records is in the batch.
func FailOn(texts ...string) Handler {
	return func(c Call) (string, error) {
		if slices.ContainsFunc(c.Texts(), func(text string) bool { return slices.Contains(texts, text) }) {
			return Fail(c)
		}
		return Succeed(c)
	}
}

// Report returns a handler that reports these records as failed if they are in the batch.
func Report(texts ...string) Handler {
	return func(c Call) (string, error) {
		var items []string
		for _, r := range c.Records {
			if slices.Contains(texts, r.Text) {
				items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, r.ID))
			}
		}
		return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`, nil
	}
}

// Script returns a handler that answers the nth invocation with the nth of these handlers, and further ones with the
// last.
func Script(handlers ...Handler) Handler {
	var mu sync.Mutex
	n := 0
	return func(c Call) (string, error) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		return h(c)
	}
}

// A Fate is an error of a [Handler] by which the process of the handler ends, or does not.
type Fate string

// The fates of handlers.
const (
	Exit   Fate = "exit"   // with the status 3
	Hang   Fate = "hang"   // until it is killed
	Memory Fate = "memory" // takes memory until it is killed
)

func (f Fate) Error() string { return string(f) }

// A Gate holds invocations until the test lets them go on, or ends.
type Gate struct {
	Begun  chan Call
	goOn   chan bool
	opened sync.Once
}

// GatedFunction returns a function whose invocations are held at a gate before h answers them.
func (e *Env) GatedFunction(name string, h Handler) (*Function, *Gate) {
	e.Helper()
	g := newGate()
	f := e.Function(name, g.Hold(h))
	e.Cleanup(g.Open) // before the function's server is closed, which waits for its requests
	return f, g
}

// Gate holds the invocations of a function at a gate from now on, before h answers them.
func (f *Function) Gate(t testing.TB, h Handler) *Gate {
	t.Helper()
	g := newGate()
	f.Handle(g.Hold(h))
	t.Cleanup(g.Open)
	return g
}

func newGate() *Gate { return &Gate{Begun: make(chan Call, 1000), goOn: make(chan bool)} }

// Hold returns a handler that holds each invocation at the gate, and then leaves it to h.
func (g *Gate) Hold(h Handler) Handler {
	return func(c Call) (string, error) {
		g.Begun <- c
		<-g.goOn
		return h(c)
	}
}

// Pass lets one invocation go on.
func (g *Gate) Pass(t testing.TB) {
	t.Helper()
	select {
	case g.goOn <- true:
	case <-time.After(time.Minute):
		t.Fatal("no invocation waits")
	}
}

// Open lets all invocations go on from now on.
func (g *Gate) Open() { g.opened.Do(func() { close(g.goOn) }) }

// Count returns how often a text is among texts.
func Count(texts []string, text string) (n int) {
	for _, one := range texts {
		if one == text {
			n++
		}
	}
	return n
}
