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

// fakeStarter makes fake environments, and fails the test when they are misused.
type fakeStarter struct {
	t      testing.TB
	boot   time.Duration
	broken func(start int) error // the error of the start with this number, counted from 1
	pause  time.Duration         // that freezing takes
	end    time.Duration         // that closing takes

	mu          sync.Mutex
	starts      int
	provisioned []int // numbers of the starts in advance
	alive       []*fakeEnvironment
	closing     int // at the moment
	mostClosing int
}

func (m *fakeStarter) Start(ctx context.Context, fn config.Function, as invoker.Initialization) (invoker.Environment, error) {
	m.mu.Lock()
	m.starts++
	number := m.starts
	if as == invoker.Provisioned {
		m.provisioned = append(m.provisioned, number)
	}
	m.mu.Unlock()
	if err := pass(ctx, m.boot, nil); err != nil {
		return nil, err
	}
	if m.broken != nil {
		if err := m.broken(number); err != nil {
			return nil, err
		}
	}
	p := &fakeEnvironment{fakeStarter: m, number: number, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alive = append(m.alive, p)
	return p, nil
}

func (m *fakeStarter) started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starts
}

// living returns the numbers of the environments that exist.
func (m *fakeStarter) living() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var numbers []int
	for _, p := range m.alive {
		numbers = append(numbers, p.number)
	}
	return numbers
}

// frozen returns the numbers of the environments that are frozen.
func (m *fakeStarter) frozen() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var numbers []int
	for _, p := range m.alive {
		if p.frozen.Load() {
			numbers = append(numbers, p.number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// fakeEnvironment is an environment whose answer is its number.
type fakeEnvironment struct {
	fakeStarter *fakeStarter
	number      int
	user        atomic.Int32 // goroutines that use it now
	undrain     bool         // invoked and not drained; owned by its user
	event       event
	reset       bool
	frozen      atomic.Bool
	freezes     atomic.Int32
	turn        chan struct{} // holds a value during Freeze, and while Invoke thaws
	once        sync.Once
	closed      chan struct{}
}

func (p *fakeEnvironment) use() func() {
	if p.user.Add(1) > 1 {
		p.fakeStarter.t.Errorf("environment %d is used by two goroutines", p.number)
	}
	return func() { p.user.Add(-1) }
}

func (p *fakeEnvironment) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	defer p.use()()
	if p.undrain {
		p.fakeStarter.t.Errorf("environment %d is invoked before it is free", p.number)
	}
	p.turn <- struct{}{}
	p.frozen.Store(false)
	<-p.turn
	p.undrain, p.reset, p.event = true, false, event{}
	if err := json.Unmarshal(c.Payload, &p.event); err != nil {
		p.fakeStarter.t.Errorf("payload %q: %v", c.Payload, err)
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

func (p *fakeEnvironment) Drain(ctx context.Context) error {
	defer p.use()()
	if !p.undrain {
		p.fakeStarter.t.Errorf("environment %d is drained twice", p.number)
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

func (p *fakeEnvironment) ID() string { return strconv.Itoa(p.number) }

func (p *fakeEnvironment) Freeze() {
	if p.user.Load() > 0 {
		p.fakeStarter.t.Errorf("environment %d is frozen while it is used", p.number)
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	time.Sleep(p.fakeStarter.pause)
	p.freezes.Add(1)
	p.frozen.Store(true)
}

func (p *fakeEnvironment) Memory() int { return 10 * p.number }

func (p *fakeEnvironment) Close() {
	p.once.Do(func() {
		close(p.closed)
		p.fakeStarter.mu.Lock()
		p.fakeStarter.closing++
		p.fakeStarter.mostClosing = max(p.fakeStarter.mostClosing, p.fakeStarter.closing)
		p.fakeStarter.mu.Unlock()
		time.Sleep(p.fakeStarter.end)
		p.fakeStarter.mu.Lock()
		defer p.fakeStarter.mu.Unlock()
		p.fakeStarter.closing--
		p.fakeStarter.alive = slices.DeleteFunc(p.fakeStarter.alive, func(q *fakeEnvironment) bool { return q == p })
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

// rig runs one function, whose environments are fakes.
type rig struct {
	*testing.T
	*fakeStarter
	*invoker.Functions
	pool  *invoker.Pool
	began time.Time

	mu     sync.Mutex
	events []trace.Event
}

// bubble runs test with a function "f" that shares three permits and whose environments take a second to start. change,
// which may be nil, alters it before. When the test ends the rig is closed, and nothing may be left.
func bubble(t *testing.T, change func(*rig), test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, fakeStarter: &fakeStarter{t: t, boot: time.Second}, began: time.Now()}
		r.Functions = &invoker.Functions{Limits: invoker.NewLimits(3), Trace: r.trace}
		r.pool = &invoker.Pool{Function: config.Function{Name: "f"}, Starter: r.fakeStarter, Trace: r.trace}
		if change != nil {
			change(r)
		}
		r.SetLocal(r.pool)
		defer func() {
			r.Close(context.Background())
			r.wantAlive(0)
			r.wantInUse(0)
		}()
		test(r)
	})
}

func (r *rig) trace(e trace.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
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

func (r *rig) answer(resp esm.Response, err error) answer {
	a := answer{At: time.Since(r.began), By: string(resp.Payload), Err: err}
	if resp.Fault != "" {
		a.By = resp.Fault
	}
	return a
}

func (r *rig) invoke(e event) answer {
	return r.answer(r.Functions.Invoke(r.Context(), call(e)))
}

// invokeWithin invokes with a context that ends after d.
func (r *rig) invokeWithin(d time.Duration, e event) answer {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	return r.answer(r.Functions.Invoke(ctx, call(e)))
}

// reserve waits for a permit of a function.
func (r *rig) reserve(function string) esm.Slot {
	r.Helper()
	slot, err := r.Reserve(r.Context(), function)
	if err != nil {
		r.Fatal(err)
	}
	return slot
}

// later invokes in a goroutine.
func (r *rig) later(e event) <-chan answer {
	ch := make(chan answer, 1)
	go func() { ch <- r.invoke(e) }()
	return ch
}

func (r *rig) want(got answer, at time.Duration, by string) {
	r.Helper()
	if got.Err != nil || got.At != at || got.By != by {
		r.Errorf("got %+v, want an answer at %v by %s", got, at, by)
	}
}

func (r *rig) wantErr(got answer, at time.Duration, target error) {
	r.Helper()
	if !errors.Is(got.Err, target) || got.At != at {
		r.Errorf("got %+v, want %q at %v", got, target, at)
	}
}

func (r *rig) wantElapsed(want time.Duration) {
	r.Helper()
	if got := time.Since(r.began); got != want {
		r.Errorf("after %v, want %v", got, want)
	}
}

func (r *rig) wantStarts(want int) {
	r.Helper()
	if got := r.started(); got != want {
		r.Errorf("%d starts, want %d", got, want)
	}
}

func (r *rig) wantAlive(want int) {
	r.Helper()
	synctest.Wait()
	if got := r.living(); len(got) != want {
		r.Errorf("alive: %v, want %d environments", got, want)
	}
}

func (r *rig) wantInUse(want int) {
	r.Helper()
	synctest.Wait()
	if got := r.Limits.InUse("f"); got != want {
		r.Errorf("%d permits are in use, want %d", got, want)
	}
}

// seen returns the events of one type, in order.
func seen[E trace.Event](r *rig) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var es []E
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			es = append(es, e)
		}
	}
	return es
}
