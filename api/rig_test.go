package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

const (
	queue  = "arn:aws:sqs:us-east-1:123456789012:orders"
	fifo   = "arn:aws:sqs:us-east-1:123456789012:orders.fifo"
	stream = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
	table  = "arn:aws:dynamodb:us-east-1:123456789012:table/users/stream/2025-11-22T10:00:00.000"

	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:"
)

// rig is a Server over a register, functions and reservations in memory. Set its functions and handler before use.
type rig struct {
	*Server
	functions map[string]config.Function
	handler   func(context.Context, esm.Call) (esm.Response, error)
	check     func(context.Context) error // what the register's Check does
	store     checkpointtest.Memory

	mu         sync.Mutex
	accept     func(context.Context, esm.Event) error
	accepted   []esm.Event
	reserved   map[string]int
	reserveErr error
	calls      []esm.Call
	warned     []string
}

var modified = time.UnixMilli(1763800000250)

// newRig returns a rig with the function f, which echoes its event, and the remote function away.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{reserved: map[string]int{}}
	r.functions = map[string]config.Function{
		"f":    {Name: "f", Runtime: "python3.12", Handler: "app.handler", CodeUri: "/src", FunctionArn: functionARN + "f"},
		"away": {Name: "away", InvokeEndpoint: "http://x", FunctionArn: functionARN + "away"},
	}
	r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		return esm.Response{Payload: c.Payload, Status: 200, Version: "$LATEST"}, nil
	}
	r.accept = func(context.Context, esm.Event) error { return nil }
	r.check = func(context.Context) error { return nil }
	register, _, err := mappings.Open(t.Context(), mappings.Config{
		Store: &r.store, Runner: instantRunner{}, Now: func() time.Time { return modified },
		Check:  func(ctx context.Context, _ config.Mapping, _ *config.Mapping) error { return r.check(ctx) },
		Forget: func(context.Context, string) error { return nil },
		FunctionArn: func(m config.Mapping) string {
			name, _ := config.ParseFunctionName(m.FunctionName)
			return functionARN + name.Qualified()
		},
		LastProcessingResult: func(string) string { return "" },
		Retrying: func(_ config.Mapping, err error) {
			if !errors.Is(err, context.Canceled) { // the test has ended
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(register.Close)
	r.Server = &Server{
		Mappings: register, Functions: r, Invoker: r, Concurrency: reservations{r}, Tails: &Tails{},
		Async: r, EventInvoke: newSettings[config.EventInvokeConfig](), URLs: newSettings[config.FunctionURLConfig](),
		Recursion: newSettings[string](), Policies: newSettings[Policy](), Provisioned: newSettings[int](),
		Provisioner: provisioner{r, Provisioning{Status: ProvisioningInProgress}},
		Region:      "us-east-1", Account: "123456789012", Warn: r.warn,
	}
	return r
}

// instantRunner runs nothing, at once.
type instantRunner struct{}

func (instantRunner) Run(config.Mapping) (<-chan struct{}, error) { return closed(), nil }
func (instantRunner) Stop(string) <-chan struct{}                 { return closed() }

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Function implements [Functions].
func (r *rig) Function(name string) (config.Function, bool) {
	fn, ok := r.functions[name]
	return fn, ok
}

// Functions implements [Functions].
func (r *rig) Functions() []config.Function { return slices.Collect(maps.Values(r.functions)) }

// Modified implements [Functions].
func (r *rig) Modified() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }

// Invoke implements [esm.Invoker].
func (r *rig) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	return r.handler(ctx, c)
}

// Reserve implements [esm.Invoker].
func (r *rig) Reserve(context.Context, string) (esm.Slot, error) {
	return nil, errors.New("only pollers reserve")
}

// Accept implements [esm.Acceptor].
func (r *rig) Accept(ctx context.Context, e esm.Event) error {
	r.mu.Lock()
	r.accepted = append(r.accepted, e)
	r.mu.Unlock()
	return r.accept(ctx, e)
}

// settings is a [Settings] in memory.
type settings[T any] struct {
	mu     sync.Mutex
	values map[string]Setting[T]
	err    error // of changes
}

func newSettings[T any]() *settings[T] { return &settings[T]{values: map[string]Setting[T]{}} }

func (s *settings[T]) Get(function string) (Setting[T], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[strings.TrimSuffix(function, ":$LATEST")]
	return v, ok
}

func (s *settings[T]) List(function string) map[string]Setting[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]Setting[T]{}
	for id, v := range s.values {
		if name, qualifier := config.SplitQualifier(id); name == function {
			all[cmp.Or(qualifier, "$LATEST")] = v
		}
	}
	return all
}

func (s *settings[T]) Change(_ context.Context, function string, change func(*T) (*T, error)) (Setting[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Setting[T]{}, s.err
	}
	id := strings.TrimSuffix(function, ":$LATEST")
	before, ok := s.values[id]
	var now *T
	if ok {
		now = &before.Value
	}
	next, err := change(now)
	if err != nil {
		return Setting[T]{}, err
	}
	if next == nil {
		delete(s.values, id)
		return Setting[T]{}, nil
	}
	s.values[id] = Setting[T]{*next, modified, modified}
	return s.values[id], nil
}

// provisioner is the Provisioner of a rig.
type provisioner struct {
	*rig
	state Provisioning
}

func (p provisioner) Provisionable(function string) (int, bool) {
	if n, ok := (reservations{p.rig}).Reserved(function); ok {
		return n, true
	}
	return 100, false
}

func (p provisioner) Provisioning(string) Provisioning { return p.state }

// reservations is the Concurrency of a rig.
type reservations struct{ *rig }

func (r reservations) Reserved(function string) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.reserved[function]
	return n, ok
}

func (r reservations) Reserve(_ context.Context, function string, n *int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.reserveErr != nil:
		return r.reserveErr
	case n == nil:
		delete(r.reserved, function)
	default:
		r.reserved[function] = *n
	}
	return nil
}

func (r reservations) Unreserved() int { return 100 }

func (r *rig) warn(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warned = append(r.warned, text)
}

func (r *rig) warnings() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.warned, "\n")
}

func (r *rig) called() []esm.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// ask sends one request; headers are names and values in turn.
func (r *rig) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// create makes a mapping of the function f and returns its UUID.
func (r *rig) create(t testing.TB, source string) string {
	t.Helper()
	made, err := r.Mappings.Create(t.Context(), config.Mapping{FunctionName: "f", EventSourceArn: source, StartingPosition: startingPosition(source)})
	if err != nil {
		t.Fatal(err)
	}
	return made.UUID
}

func startingPosition(source string) string {
	if strings.Contains(source, ":sqs:") {
		return ""
	}
	return config.Latest
}

// errorOf returns the status, exception and body of an answer.
func errorOf(w *httptest.ResponseRecorder) string {
	return fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("x-amzn-ErrorType"), w.Body)
}
