// Package async runs asynchronous invocations: [Feed] accepts events, tries each until it has ended, and sends the notices
// about its end.
//
// Events wait in a store, on disk. Each function that has events is served by one goroutine, its dispatcher, which takes a
// few that are due, waits for a permit for the first of them, and starts its try, which is a goroutine of its own. A
// dispatcher waits for one permit at a time, in the line in which all callers of the invoker wait: however many events a
// function has, it does not delay those of another. Nothing of a function's configuration is kept: it is read anew before
// each try.
//
// A try ends with one change of the store: the event waits for its next try, or it is removed and the notices that it owes
// are stored. The outbox sends those. A crash between any two effects repeats a try or a notice, with the same request ID,
// and loses nothing.
package async

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// Feed runs the asynchronous invocations of all functions. Its fields are set before the first use.
type Feed struct {
	Events  esm.Events
	Invoker esm.Invoker

	// Target returns what is known of a function at this moment, by its name with or without ":qualifier". It is called
	// concurrently, before each try and on its path.
	Target func(function string) policy.Target

	// Open opens a destination, for notices of origin. It should retry each notice a few times.
	Open func(ctx context.Context, arn string, origin config.Origin) (esm.Destination, error)

	Undelivered esm.Undelivered // keeps notices that no destination accepts

	Scale float64        // multiplies delays and the pauses after errors; 0 means 1
	Dice  func() float64 // returns random numbers in [0, 1), and is called concurrently; nil means random
	Trace trace.Func     // nil discards events

	mu          sync.Mutex
	running     *running // nil unless Run runs
	dispatchers map[string]*dispatcher
}

var (
	_ engine.Feed  = (*Feed)(nil)
	_ esm.Acceptor = (*Feed)(nil)
)

// running is one Run. Its contexts are those of Run: when ctx ends no event is begun any more, and what runs is finished
// under work.
type running struct {
	ctx, work context.Context
	outbox    *outbox
	shared    pool
	saving    *semaphore.Weighted // bytes of the results that are being saved
	ended     sync.WaitGroup
}

// The results of tries are saved concurrently, as far as their events and answers together have maxSaving bytes. What exceeds
// that keeps its permit, so that a store in trouble slows the functions down instead of filling the memory. A store that is
// only slow does not: many small results share its commits.
const (
	maxSaving = 32 << 20
	minSaving = 32 << 10 // what a result counts at least, so that a thousand are saved at a time
)

// Run implements [engine.Feed]. It reports errors to Trace and tries again. It is called once.
func (f *Feed) Run(ctx, work context.Context, ready func()) {
	if !f.recover(ctx) {
		return
	}
	r := &running{ctx: ctx, work: work, outbox: newOutbox(f, ctx, work), saving: semaphore.NewWeighted(maxSaving)}
	r.outbox.start()
	f.begin(r)
	f.resume(ctx)
	ready()
	<-ctx.Done()
	f.mu.Lock()
	f.running = nil
	f.mu.Unlock()
	r.ended.Wait()
	r.outbox.wait()
}

// recover makes the events wait that were taken when the engine ended. It returns false if ctx ends before that is done.
func (f *Feed) recover(ctx context.Context) bool {
	return f.repeat(ctx, "", func() error { return f.Events.Recover(ctx, time.Now()) })
}

// begin makes r the Run that starts dispatchers.
func (f *Feed) begin(r *running) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running, f.dispatchers = r, map[string]*dispatcher{}
}

// resume starts the dispatchers of all functions that have events.
func (f *Feed) resume(ctx context.Context) {
	f.repeat(ctx, "", func() error {
		all, err := f.Events.Backlogs(ctx)
		for _, b := range all {
			f.wake(b.Function)
		}
		return err
	})
}

// wake makes the dispatcher of a function, named without a qualifier, look for events that are due. If there is none, one
// starts.
func (f *Feed) wake(function string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.running
	if r == nil {
		return // Run finds the events when it starts
	}
	d := f.dispatchers[function]
	if d == nil {
		d = newDispatcher(f, r, function)
		f.dispatchers[function] = d
		r.ended.Go(d.run)
	}
	d.wake()
}

// leave removes the dispatcher d if it has nothing to do. It returns false if it has.
func (f *Feed) leave(d *dispatcher) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !d.idle() {
		return false
	}
	delete(f.dispatchers, d.function)
	return true
}

// repeat repeats a call of the store, after pauses, until it succeeds. It returns false if ctx ends before that.
func (f *Feed) repeat(ctx context.Context, function string, call func() error) (succeeded bool) {
	retry.Keep(ctx, f.Scale, func() (bool, error) {
		err := call()
		succeeded = err == nil
		return !succeeded, err
	}, f.failing(function))
	return succeeded
}

// failing returns what reports a failure of the store.
func (f *Feed) failing(function string) func(error, time.Duration) {
	return func(err error, wait time.Duration) {
		f.Trace.Emit(trace.EventsFailing{Function: function, Err: err, Wait: wait})
	}
}

// rules returns the decisions about a function's events as it is now.
func (f *Feed) rules(function string) policy.Async {
	return policy.Async{Target: f.Target(function), Scale: f.Scale}
}

func (f *Feed) dice() float64 {
	if f.Dice == nil {
		return rand.Float64()
	}
	return f.Dice()
}
