package invoker_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// event tells a fake environment what to do.
type event struct {
	Take  time.Duration // until the answer
	Drain time.Duration // from the answer until the environment is free
	Do    string        // "", "fail", "crash" (and reset), "die" (after the answer)
	In    string        `json:"-"` // the function; empty means f
}

// machine makes fake environments, and fails the test when they are misused.
type machine struct {
	t      testing.TB
	boot   time.Duration
	broken func(start int) error // the error of the start with this number, counted from 1

	mu     sync.Mutex
	starts int
	alive  []*place
}

func (m *machine) Start(ctx context.Context, fn config.Function) (invoker.Environment, error) {
	m.mu.Lock()
	m.starts++
	number := m.starts
	m.mu.Unlock()
	if err := pass(ctx, m.boot, nil); err != nil {
		return nil, err
	}
	if m.broken != nil {
		if err := m.broken(number); err != nil {
			return nil, err
		}
	}
	p := &place{machine: m, number: number, closed: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alive = append(m.alive, p)
	return p, nil
}

func (m *machine) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starts
}

// living returns the numbers of the environments that exist.
func (m *machine) living() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var numbers []int
	for _, p := range m.alive {
		numbers = append(numbers, p.number)
	}
	return numbers
}

// place is a fake environment. Its answer is its number.
type place struct {
	machine *machine
	number  int
	user    atomic.Int32 // goroutines that use it now
	undrain bool         // invoked and not drained; owned by its user
	event   event
	reset   bool
	once    sync.Once
	closed  chan struct{}
}

func (p *place) use() func() {
	if p.user.Add(1) > 1 {
		p.machine.t.Errorf("environment %d is used by two goroutines", p.number)
	}
	return func() { p.user.Add(-1) }
}

func (p *place) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	defer p.use()()
	if p.undrain {
		p.machine.t.Errorf("environment %d is invoked before it is free", p.number)
	}
	p.undrain, p.reset, p.event = true, false, event{}
	if err := json.Unmarshal(c.Payload, &p.event); err != nil {
		p.machine.t.Errorf("payload %q: %v", c.Payload, err)
	}
	if err := pass(ctx, p.event.Take, p.closed); err != nil {
		p.reset = true
		return esm.Response{}, fmt.Errorf("killed: %w", err)
	}
	resp := esm.Response{Payload: json.RawMessage(strconv.Itoa(p.number)), Status: 200, Version: "$LATEST"}
	switch p.event.Do {
	case "fail":
		resp.Fault = "Unhandled"
	case "crash":
		resp.Fault = "Runtime.ExitError"
		p.reset = true
	}
	return resp, nil
}

func (p *place) Drain(ctx context.Context) error {
	defer p.use()()
	if !p.undrain {
		p.machine.t.Errorf("environment %d is drained twice", p.number)
	}
	p.undrain = false
	if p.reset {
		return nil
	}
	if p.event.Do == "die" {
		return errors.New("exited")
	}
	return pass(ctx, p.event.Drain, p.closed)
}

func (p *place) Close() {
	p.once.Do(func() {
		close(p.closed)
		p.machine.mu.Lock()
		defer p.machine.mu.Unlock()
		p.machine.alive = slices.DeleteFunc(p.machine.alive, func(q *place) bool { return q == p })
	})
}

// pass sleeps for d.
func pass(ctx context.Context, d time.Duration, closed <-chan struct{}) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closed:
		return errors.New("closed")
	}
}

// stage is a function on a machine.
type stage struct {
	*testing.T
	*machine
	*invoker.Functions
	pool  *invoker.Pool
	began time.Time

	mu     sync.Mutex
	events []trace.Event
}

// onStage runs test in a bubble, with a stage that change, which may be nil, has set up.
func onStage(t *testing.T, change func(*stage), test func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newStage(t, change)) })
}

// newStage returns a stage with a function "f" that shares three permits and whose environments take a second to start.
// When the test ends it is closed, and must be left empty.
func newStage(t *testing.T, change func(*stage)) *stage {
	t.Helper()
	s := &stage{T: t, machine: &machine{t: t, boot: time.Second}, began: time.Now()}
	trace := func(e trace.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
	s.Functions = &invoker.Functions{Limits: invoker.NewLimits(3), Trace: trace}
	s.pool = &invoker.Pool{Function: config.Function{Name: "f"}, Starter: s.machine, Trace: trace}
	if change != nil {
		change(s)
	}
	s.SetLocal(s.pool)
	t.Cleanup(func() {
		s.Close(context.Background()) // a test's own context is over by now
		s.wantAlive(0)
		s.wantInUse(0)
	})
	return s
}

func call(e event) esm.Call {
	payload, _ := json.Marshal(e)
	return esm.Call{ID: "id", Function: cmp.Or(e.In, "f"), Payload: payload}
}

// answer is the result of a call, and its time.
type answer struct {
	At  time.Duration
	By  string // the environment's number, or the fault
	Err error
}

func (s *stage) answer(resp esm.Response, err error) answer {
	a := answer{At: time.Since(s.began), By: string(resp.Payload), Err: err}
	if resp.Fault != "" {
		a.By = resp.Fault
	}
	return a
}

func (s *stage) invoke(e event) answer {
	return s.answer(s.Functions.Invoke(s.Context(), call(e)))
}

// later invokes in a goroutine.
func (s *stage) later(e event) <-chan answer {
	ch := make(chan answer, 1)
	go func() { ch <- s.invoke(e) }()
	return ch
}

func (s *stage) want(got answer, at time.Duration, by string) {
	s.Helper()
	if got.Err != nil || got.At != at || got.By != by {
		s.Errorf("got %+v, want an answer at %v by %s", got, at, by)
	}
}

func (s *stage) wantErr(got answer, at time.Duration, target error) {
	s.Helper()
	if !errors.Is(got.Err, target) || got.At != at {
		s.Errorf("got %+v, want %q at %v", got, target, at)
	}
}

func (s *stage) wantStarts(want int) {
	s.Helper()
	if got := s.started(); got != want {
		s.Errorf("%d starts, want %d", got, want)
	}
}

func (s *stage) wantAlive(want int) {
	s.Helper()
	synctest.Wait()
	if got := s.living(); len(got) != want {
		s.Errorf("alive: %v, want %d environments", got, want)
	}
}

func (s *stage) wantInUse(want int) {
	s.Helper()
	synctest.Wait()
	if got := s.Limits.InUse("f"); got != want {
		s.Errorf("%d permits are in use, want %d", got, want)
	}
}

// seen returns the events of one type, in order.
func seen[E trace.Event](s *stage) []E {
	s.mu.Lock()
	defer s.mu.Unlock()
	var es []E
	for _, e := range s.events {
		if e, ok := e.(E); ok {
			es = append(es, e)
		}
	}
	return es
}
