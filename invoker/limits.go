package invoker

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/esm-run/esm"
)

// Limits hands out permits, one for each invocation that runs. A function with a reservation has permits of its own:
// as many as are reserved, no more and no less. All others share one pool (AWS: "Understanding Lambda function
// scaling"; unlike there, the shared pool does not shrink by what is reserved).
//
// Within a pool permits are granted in the order in which they were asked for. Methods may be called concurrently, and
// none but Wait blocks.
type Limits struct {
	mu      sync.Mutex
	shared  permits
	quotas  map[string]*quota
	waiting list.List     // of *waiter, of all pools, in the order of their calls
	stopped chan struct{} // closed by StopWaiting
}

// permits is one pool of permits. While anyone waits for it, none is free.
type permits struct {
	limit, used, waiting int
}

// quota counts what one function uses of a pool.
type quota struct {
	from          *permits
	used, waiting int
}

// waiter is a call of Wait that blocks. Its place is nil once it has a permit.
type waiter struct {
	quota   *quota
	place   *list.Element
	granted chan struct{} // closed when it has a permit
}

var errStopping = fmt.Errorf("stopping: %w", esm.ErrNotRun)

// Throttled is an [esm.ErrThrottled] that says which limit was reached.
type Throttled struct {
	Function string
	Reserved bool // the function's own reservation, not the shared pool
}

// Reason returns the Reason of Lambda's TooManyRequestsException.
func (t *Throttled) Reason() string {
	if t.Reserved {
		return "ReservedFunctionConcurrentInvocationLimitExceeded"
	}
	return "ConcurrentInvocationLimitExceeded"
}

func (t *Throttled) Error() string {
	return fmt.Sprintf("invoker: %s: %s: %v", t.Function, t.Reason(), esm.ErrThrottled)
}

// Unwrap is always [esm.ErrThrottled].
func (t *Throttled) Unwrap() error { return esm.ErrThrottled }

// NewLimits returns Limits with shared permits in the shared pool.
func NewLimits(shared int) *Limits {
	return &Limits{shared: permits{limit: shared}, quotas: map[string]*quota{}, stopped: make(chan struct{})}
}

// Set reserves permits for function from now on, or with nil lets it share the pool again. Permits in use stay valid and
// count against the new limit, even beyond it. Those who wait keep their turn by the time they came.
func (l *Limits) Set(function string, reserved *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	to := &l.shared
	if reserved != nil {
		to = &permits{limit: *reserved}
	}
	if from := q.from; from != to {
		q.moveTo(to)
		l.grant(from)
		l.grant(to)
	}
}

// Try takes a permit for function, or returns a [Throttled] if none is free or others wait for one.
func (l *Limits) Try(function string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	if q.take() {
		return nil
	}
	return &Throttled{Function: function, Reserved: q.from != &l.shared}
}

// Wait takes a permit for function and blocks until there is one. If ctx ends first, it returns the cause of that and no
// permit was taken; after [Limits.StopWaiting] it returns an [esm.ErrNotRun] where it would block.
func (l *Limits) Wait(ctx context.Context, function string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := l.join(function)
	if w == nil {
		return nil
	}
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		l.leave(w)
		return context.Cause(ctx)
	case <-l.stopped:
		l.leave(w)
		return errStopping
	}
}

// StopWaiting makes every Wait that blocks return, now and from now on. Free permits can still be taken.
func (l *Limits) StopWaiting() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.stopped:
	default:
		close(l.stopped)
	}
}

// Release gives back one permit of function that Try or Wait took.
func (l *Limits) Release(function string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(l.quota(function))
}

// InUse returns how many permits function holds: Lambda's metric ConcurrentExecutions.
func (l *Limits) InUse(function string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.quotas[function]; q != nil {
		return q.used
	}
	return 0
}

// Reserved returns what is reserved for function, if anything is.
func (l *Limits) Reserved(function string) (n int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quotas[function]
	if q == nil || q.from == &l.shared {
		return 0, false
	}
	return q.from.limit, true
}

// join takes a permit and returns nil, or gets in line.
func (l *Limits) join(function string) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	if q.take() {
		return nil
	}
	w := &waiter{quota: q, granted: make(chan struct{})}
	w.place = l.waiting.PushBack(w)
	q.wait(1)
	return w
}

// leave gets out of the line. A permit that was granted in the same moment goes on to the next.
func (l *Limits) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place == nil {
		l.giveBack(w.quota)
		return
	}
	l.waiting.Remove(w.place)
	w.quota.wait(-1)
}

func (l *Limits) quota(function string) *quota {
	q := l.quotas[function]
	if q == nil {
		q = &quota{from: &l.shared}
		l.quotas[function] = q
	}
	return q
}

func (l *Limits) giveBack(q *quota) {
	q.use(-1)
	l.grant(q.from)
}

// grant gives the free permits of a pool to those who wait for it.
func (l *Limits) grant(from *permits) {
	for place := l.waiting.Front(); from.used < from.limit && from.waiting > 0; {
		w := place.Value.(*waiter)
		place = place.Next()
		if w.quota.from == from {
			l.waiting.Remove(w.place)
			w.place = nil
			w.quota.wait(-1)
			w.quota.use(1)
			close(w.granted)
		}
	}
}

func (q *quota) take() bool {
	if q.from.used >= q.from.limit {
		return false
	}
	q.use(1)
	return true
}

func (q *quota) use(n int)  { q.used += n; q.from.used += n }
func (q *quota) wait(n int) { q.waiting += n; q.from.waiting += n }

// moveTo moves what a function uses and waits for to another pool.
func (q *quota) moveTo(to *permits) {
	q.from.used -= q.used
	q.from.waiting -= q.waiting
	q.from = to
	to.used += q.used
	to.waiting += q.waiting
}
