package enginetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/trace"
)

// Rig runs a feed in a synctest bubble. It may be started again after it has ended.
type Rig struct {
	*testing.T
	Function *Function

	mu     sync.Mutex
	events []trace.Event

	Stop, Kill context.CancelFunc // end ctx and work
	Ready      chan struct{}      // closed when the feed is ready
	Ended      chan struct{}      // closed when the feed has ended
}

// New returns a rig that runs nothing yet.
func New(t *testing.T, handler Handler) *Rig {
	return &Rig{T: t, Function: &Function{Handler: handler}, Stop: func() {}, Kill: func() {}}
}

// Trace records events.
func (r *Rig) Trace(e trace.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Start runs feed, and returns when it waits for something.
func (r *Rig) Start(feed engine.Feed) {
	ctx, stop := context.WithCancel(context.Background())
	work, kill := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan struct{})
	r.Stop, r.Kill, r.Ready, r.Ended = stop, kill, ready, ended
	go func() {
		defer close(ended)
		feed.Run(ctx, work, sync.OnceFunc(func() { close(ready) }))
	}()
	synctest.Wait()
}

// Close stops the feed and returns how long that took. It fails the test if permits are held after it.
func (r *Rig) Close() time.Duration {
	r.Helper()
	began := time.Now()
	r.Stop()
	if r.Ended != nil {
		<-r.Ended
	}
	r.Kill()
	if held := r.Function.Held(); held != 0 {
		r.Errorf("%d permits are held after the end", held)
	}
	return time.Since(began)
}

// Wait lets d pass, and everything that happens by then.
func (r *Rig) Wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// WantCalls fails the test unless the function was called with these events.
func (r *Rig) WantCalls(want ...string) {
	r.Helper()
	var got []string
	for _, e := range r.Function.Calls() {
		got = append(got, e.String())
	}
	if !slices.Equal(got, want) {
		r.Errorf("calls %q, want %q", got, want)
	}
}

// Events returns the recorded events of one type.
func Events[E trace.Event](r *Rig) (all []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}
