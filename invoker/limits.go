package invoker

import (
	"context"
	"fmt"
	"sync"

	"github.com/esm-run/esm"
)

// Limits hands out permits, one for each invocation that runs. A function with a reservation has permits of its own:
// as many as are reserved, no more and no less. All others share one pool (AWS: "Understanding Lambda function
// scaling"; unlike there, the shared pool does not shrink by what is reserved). Provisioned concurrency is part of a
// function's reservation; without one it is a part of the shared pool that no other function can use.
//
// Within a pool permits are granted in the order in which they were asked for, alternately to those who wait for long and
// those who wait briefly. Methods may be called concurrently, and none but Wait blocks.
type Limits struct {
	mu      sync.Mutex
	shared  permits
	quotas  map[string]*quota
	lines   [kinds]line
	stopped chan struct{} // closed by StopWaiting
}

// permits is one pool of permits. No waiter is left while there is a permit for it.
type permits struct {
	limit   int
	claimed int // by all functions: what each uses, or its floor if that is more
	waiting [kinds]int
	turn    int // the line that is served next
}

// quota counts what one function uses of a pool.
type quota struct {
	from        *permits
	provisioned int // environments
	floor       int // permits of the pool that no other function can use
	used        int
	waiting     [kinds]int
}

var errStopping = fmt.Errorf("stopping: %w", esm.ErrNotRun)

// Throttled is an [esm.ErrThrottled] that says which limit was reached.
type Throttled struct {
	Function string
	Reserved bool // the function's own reservation, not the shared pool or the rate at which environments may be added
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
	from, to, floor := q.from, &l.shared, q.provisioned
	if reserved != nil {
		to, floor = &permits{limit: *reserved}, 0
	}
	if from != to {
		q.place(to, floor)
		l.grantAll(from)
		l.grantAll(to)
	}
}

// Provision sets how many permits of the shared pool no function but this one can use, from now on. It has no effect while
// the function has a reservation. The guarantees of all functions may exceed the pool: then other functions have nothing,
// but each has its guarantee.
func (l *Limits) Provision(function string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	q.provisioned = n
	if q.from == &l.shared {
		q.place(q.from, n)
		l.grantAll(q.from)
	}
}

// Provisionable returns how much provisioned concurrency function can have beside that of others: its reservation, if it
// has one.
func (l *Limits) Provisionable(function string) (n int, reserved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	if q.from != &l.shared {
		return q.from.limit, true
	}
	n = l.shared.limit + q.floor
	for _, other := range l.quotas {
		n -= other.floor // 0 outside of the shared pool
	}
	return max(n, 0), false
}

// Most returns how many permits function can hold: its reservation, or all of the shared pool.
func (l *Limits) Most(function string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.quota(function).from.limit
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
	return l.wait(ctx, function, patient)
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

func (l *Limits) quota(function string) *quota {
	q := l.quotas[function]
	if q == nil {
		q = &quota{from: &l.shared}
		l.quotas[function] = q
	}
	return q
}

// free reports whether there is a permit for the function.
func (q *quota) free() bool { return q.used < q.floor || q.from.claimed < q.from.limit }

func (q *quota) take() bool {
	if !q.free() {
		return false
	}
	q.use(1)
	return true
}

func (q *quota) claim() int { return max(q.used, q.floor) }

func (q *quota) use(n int) {
	before := q.claim()
	q.used += n
	q.from.claimed += q.claim() - before
}

// place moves what a function uses and waits for to a pool, or changes its floor there.
func (q *quota) place(to *permits, floor int) {
	q.from.claimed -= q.claim()
	for i, n := range q.waiting {
		q.from.waiting[i] -= n
		to.waiting[i] += n
	}
	q.from, q.floor = to, floor
	to.claimed += q.claim()
}
