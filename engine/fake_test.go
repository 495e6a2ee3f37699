package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// function is a fake esm.Invoker: one function with a number of permits, and a handler that is Go code.
type function struct {
	permits int // 0 is no limit
	handler func(event) (string, error)

	mu      sync.Mutex
	inUse   int
	most    int
	waiters []chan struct{}
	calls   []event
}

// event is what the handler gets.
type event struct {
	At      time.Time
	ID      string
	Records []struct {
		MessageID  string `json:"messageId"`
		Body       string `json:"body"`
		Attributes struct{ ApproximateReceiveCount string }
		Kinesis    struct{ SequenceNumber, PartitionKey, Data string }
	}

	Window struct{ Start, End time.Time }
	State  json.RawMessage
	Final  bool `json:"isFinalInvokeForWindow"`
	Early  bool `json:"isWindowTerminatedEarly"`
}

func (e event) bodies() (bodies []string) {
	for _, r := range e.Records {
		bodies = append(bodies, r.Body)
	}
	return bodies
}

func (f *function) Reserve(ctx context.Context, _ string) (esm.Slot, error) {
	granted := f.ask()
	select {
	case <-granted:
		return &slot{f: f}, nil
	default:
	}
	select {
	case <-granted:
		return &slot{f: f}, nil
	case <-ctx.Done():
		f.withdraw(granted)
		return nil, ctx.Err()
	}
}

// ask returns a channel that is closed once a permit is granted: first come, first served.
func (f *function) ask() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	granted := make(chan struct{})
	f.waiters = append(f.waiters, granted)
	f.grant()
	return granted
}

// grant hands out what is free. The caller holds the lock.
func (f *function) grant() {
	for len(f.waiters) > 0 && (f.permits == 0 || f.inUse < f.permits) {
		f.inUse++
		f.most = max(f.most, f.inUse)
		close(f.waiters[0])
		f.waiters = f.waiters[1:]
	}
}

func (f *function) withdraw(granted chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.waiters, granted); i >= 0 {
		f.waiters = slices.Delete(f.waiters, i, i+1)
		return
	}
	f.inUse--
	f.grant()
}

func (f *function) Invoke(context.Context, esm.Call) (esm.Response, error) {
	return esm.Response{}, esm.ErrThrottled
}

func (f *function) held() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inUse
}

func (f *function) peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *function) seen() []event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

type slot struct {
	f    *function
	once sync.Once
}

func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	e := event{At: time.Now(), ID: c.ID}
	if err := json.Unmarshal(c.Payload, &e); err != nil {
		return esm.Response{}, err
	}
	s.f.mu.Lock()
	s.f.calls = append(s.f.calls, e)
	s.f.mu.Unlock()
	answer, err := s.f.handler(e)
	if ctx.Err() != nil {
		return esm.Response{}, ctx.Err()
	}
	if err != nil {
		if fault, ok := err.(faultError); ok {
			return esm.Response{Fault: string(fault), Payload: json.RawMessage(`{}`), Status: 200}, nil
		}
		return esm.Response{}, err
	}
	return esm.Response{Payload: json.RawMessage(answer), Status: 200}, nil
}

func (s *slot) Release() {
	s.once.Do(func() {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		s.f.inUse--
		s.f.grant()
	})
}

// faultError makes a handler end in a function error.
type faultError string

func (f faultError) Error() string { return string(f) }

func succeed(event) (string, error) { return "null", nil }

// takes makes a handler that needs d.
func takes(d time.Duration) func(event) (string, error) {
	return func(event) (string, error) { time.Sleep(d); return "null", nil }
}

// house is a feed at work inside a bubble.
type house struct {
	*testing.T
	queue *sourcetest.Queue
	fn    *function
	feed  *QueueFeed

	mu     sync.Mutex
	events []trace.Event

	stop, kill context.CancelFunc
	ended      chan struct{}
}

// open prepares a feed of standard pollers; change may alter it before it starts.
func open(t *testing.T, queue sourcetest.QueueConfig, handler func(event) (string, error)) *house {
	t.Helper()
	h := &house{T: t, queue: sourcetest.NewQueue(queue), fn: &function{handler: handler}, ended: make(chan struct{})}
	h.feed = &QueueFeed{
		Mapping: "m", Function: "f", Queue: h.queue, Invoker: h.fn, Pollers: policy.StandardPollers(0, false),
		Trace: func(e trace.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	}
	return h
}

func (h *house) start() {
	ctx, stop := context.WithCancel(context.Background())
	work, kill := context.WithCancel(context.Background())
	h.stop, h.kill = stop, kill
	go func() {
		defer close(h.ended)
		h.feed.Run(ctx, work)
	}()
}

// close stops the feed, waits for its end and checks what must hold for every feed that has ended.
func (h *house) close() {
	h.Helper()
	h.stop()
	<-h.ended
	h.kill()
	if held := h.fn.held(); held != 0 {
		h.Errorf("%d permits are held after the end", held)
	}
}

func (h *house) send(n int, group string) (ids []string) {
	for i := range n {
		ids = append(ids, h.queue.Send(fmt.Sprintf("%s%d", group, i), group))
	}
	return ids
}

// wait lets virtual time pass and everything come to rest.
func (h *house) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// told returns the events of one type.
func told[E trace.Event](h *house) (all []E) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}
