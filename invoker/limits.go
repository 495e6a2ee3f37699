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
	mu       sync.Mutex
	shared   permits
	quotas   map[string]*quota
	arrivals uint64
	stopped  chan struct{} // closed by StopWaiting
}

// permits is one pool of permits. While anyone waits, none is free.
type permits struct {
	limit, used int
	waiting     list.List // of *waiter, the first to come in front
}

// quota counts what one function uses of a pool.
type quota struct {
	from *permits
	used int
}

// waiter is a call of Wait that blocks. Its place is nil once it has a permit.
type waiter struct {
	quota   *quota
	arrival uint64
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
		from.grant()
		to.grant()
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
	l.quota(function).giveBack()
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

// SharedInUse returns how many permits of the shared pool are held: Lambda's metric UnreservedConcurrentExecutions.
func (l *Limits) SharedInUse() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shared.used
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
	l.arrivals++
	w := &waiter{quota: q, arrival: l.arrivals, granted: make(chan struct{})}
	w.place = q.from.waiting.PushBack(w)
	return w
}

// leave gets out of the line. A permit that was granted in the same moment goes on to the next.
func (l *Limits) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place == nil {
		w.quota.giveBack()
		return
	}
	w.quota.from.waiting.Remove(w.place)
}

func (l *Limits) quota(function string) *quota {
	q := l.quotas[function]
	if q == nil {
		q = &quota{from: &l.shared}
		l.quotas[function] = q
	}
	return q
}

func (q *quota) take() bool {
	if q.from.used >= q.from.limit {
		return false
	}
	q.from.used++
	q.used++
	return true
}

func (q *quota) giveBack() {
	q.from.used--
	q.used--
	q.from.grant()
}

// moveTo moves what a function has, in use and in line, to another pool.
func (q *quota) moveTo(to *permits) {
	from := q.from
	q.from = to
	from.used -= q.used
	to.used += q.used
	behind := to.waiting.Front()
	for place := from.waiting.Front(); place != nil; {
		w, next := place.Value.(*waiter), place.Next()
		if w.quota == q {
			from.waiting.Remove(place)
			behind = to.insert(w, behind)
		}
		place = next
	}
}

// insert puts w in line by its arrival, searching from the given place on. It returns the place behind w.
func (p *permits) insert(w *waiter, behind *list.Element) *list.Element {
	for behind != nil && behind.Value.(*waiter).arrival < w.arrival {
		behind = behind.Next()
	}
	if behind == nil {
		w.place = p.waiting.PushBack(w)
	} else {
		w.place = p.waiting.InsertBefore(w, behind)
	}
	return behind
}

// grant gives free permits to those who came first.
func (p *permits) grant() {
	for p.used < p.limit && p.waiting.Len() > 0 {
		w := p.waiting.Remove(p.waiting.Front()).(*waiter)
		w.place = nil
		p.used++
		w.quota.used++
		close(w.granted)
	}
}
