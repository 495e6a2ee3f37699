package invoker

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Pool holds the environments of one function. Provisioned ones are used first, and of each kind the last used, so that
// those that are not needed go idle and are closed. An invocation that finds none idle waits for whichever comes first: one
// that is freed or one that starts.
//
// A function with Spares has so many environments idle beside those that are busy: what is taken is started again at once,
// and the last ones are not closed for being idle. Idle provisioned environments count as spares. A spare that could never
// be busy, because the function has no permit for it, is not started.
//
// The environments of a function with Freeze are frozen while they are idle.
//
// An environment of a multi-concurrent function has several places. The places of the environment that was used last are filled
// before those of others, and all before another environment is started. It is idle while nothing runs in it.
//
// A Pool has no limit but the rate at which environments are added: it runs each invocation that it is given in an
// environment of its own. Its fields are set before the first use.
type Pool struct {
	Function config.Function
	Starter  Starter
	Trace    trace.Func // receives Started and Environments

	IdleTimeout time.Duration // how long an environment may be idle; 0 means ten minutes
	MaxAge      time.Duration // how old one may become, less up to a tenth at random; 0 means four hours
	Starts      int           // how many may start concurrently; 0 means four
	FreezeAfter time.Duration // how long one is idle before it is frozen; 0 means a second
	Closes      int           // how many are closed or frozen concurrently; 0 means 32

	most func() int // returns how many can be busy, set by Functions; nil means no limit

	once    sync.Once
	running context.Context // ends starts and the pauses before them
	stop    context.CancelFunc
	life    context.Context // ends drains, when Close has waited long enough
	cut     context.CancelFunc
	work    sync.WaitGroup // goroutines, and each member until it is closed
	slow    chan struct{}  // holds a value for each call that closes or freezes an environment

	tracing sync.Mutex // held over the trace, so that the last number traced is the newest
	traced  trace.Environments

	mu          sync.Mutex
	stopping    bool // StopStarting was called
	closed      bool
	launches    map[*member]bool // those whose start has begun, without an Environment
	members     map[*member]bool
	idle        []*member // those that are not provisioned and are idle or have a free place, in the order in which they got there
	busy        int       // members in use: running, draining or being closed
	draining    int       // places
	joining     int       // places of members that have just started, which are about to be free for the first time
	waiting     list.List // of *candidate, first come in front; empty while a member is idle
	patient     int       // those among them that count on a drain
	onDemand    starts    // for those that wait
	scaling     *rate.Limiter
	provisioned provisioning
}

// member is one environment of a pool. The goroutine that took a place of it from the pool is the only one to use that.
type member struct {
	Environment
	as     Initialization
	spare  bool      // it was not started for an invocation that waits
	began  time.Time // when its start began
	retire time.Time // when it is too old

	// The pool's mu guards what follows.
	since            time.Time // when it became idle, or began to drain
	freezing, frozen bool      // while it is idle: is about to be frozen, or is
	listed           bool      // it is in its list of idle members
	free             int       // places
	used             int       // places in which an invocation runs or drains; the workers of the rest have not come back
	draining         int       // places
	closing          bool
	invocations      int
}

func (m *member) isProvisioned() bool { return m.as == Provisioned }

// run runs c in an environment, as [runner] says.
func (p *Pool) run(ctx context.Context, c esm.Call, free func()) (r result, err error) {
	m, cold, err := p.take(ctx)
	if err != nil {
		free()
		if broken, ok := errors.AsType[*Broken](err); ok {
			r.Response = broken.Response(c.ID)
			return r, nil
		}
		return r, err
	}
	began := time.Now()
	r.Response, err = m.Invoke(ctx, c)
	if errors.Is(err, ErrNoPlace) {
		p.work.Go(func() { p.regain(m, 0, func() { p.unuse(m) }) })
		return p.run(ctx, c, free)
	}
	r.took, r.provisioned, r.cold = time.Since(began), m.isProvisioned(), cold
	r.spilled = p.answered(m) // before the caller can ask again
	if p.Function.MultiConcurrent() {
		free() // its worker may never come back
		p.work.Go(func() {
			p.regain(m, drainGrace, func() {
				p.drained(m)
				p.unuse(m)
			})
		})
		return r, err
	}
	p.work.Go(func() {
		p.drain(m)
		free()
	})
	return r, err
}

// drains reports whether an environment has answered and is about to be free.
func (p *Pool) drains() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining > 0
}

// place gives a place of m, which is free, to the first in line, or lists it. cold means that m has just started. It reports
// false if m is to be closed.
func (p *Pool) place(m *member, now time.Time, cold bool) bool {
	if p.closed || !now.Before(m.retire) || m.isProvisioned() && m.used == 0 && p.provisioned.surplus() > 0 {
		return false
	}
	if w := p.first(); w != nil {
		p.use(m)
		p.reply(w, answer{member: m, cold: cold})
		return true
	}
	m.free++
	p.settle(m)
	return true
}

// drained ends the drain of a place of m.
func (p *Pool) drained(m *member) {
	if m.draining > 0 {
		m.draining--
		p.draining--
	}
}

// answered records that a place of m has answered. It reports whether m is used although the function has provisioned
// environments, which are or were busy then.
func (p *Pool) answered(m *member) (spilled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.draining++
	m.invocations++
	p.draining++
	if p.Function.Spares > 0 {
		m.since = time.Now()
	}
	return !m.isProvisioned() && p.provisioned.alive > 0
}

// drain waits until m is free, which the function's timeout and Close bound, and gives it back.
func (p *Pool) drain(m *member) {
	err := m.Drain(p.life)
	p.giveBack(m, err, func() {
		p.drained(m)
		p.unuse(m)
	})
}

// put gives back a place of m that was not used.
func (p *Pool) put(m *member) {
	p.giveBack(m, nil, func() { p.unuse(m) })
}

// giveBack gives a free place of m back to the pool, after uncount has undone how it was counted. With an error, m is closed.
func (p *Pool) giveBack(m *member, err error, uncount func()) {
	p.mu.Lock()
	uncount()
	placed, last := false, false
	if !m.closing {
		placed = err == nil && p.place(m, time.Now(), false)
		last = !placed && (err != nil || m.used == 0)
	}
	switch {
	case last:
		p.condemn(m)
	case !placed: // the last place that is used closes it
		p.unlistMember(m)
	}
	p.mu.Unlock()
	if last {
		p.end(m)
		return
	}
	p.report()
}

// condemn makes m one that is to be closed, which counts as used until then. The caller holds mu, and calls end without it.
func (p *Pool) condemn(m *member) {
	p.use(m)
	m.closing = true
	p.unlistMember(m)
	if m.isProvisioned() {
		p.provisioned.alive--
		p.allot()
	}
}

// end closes m.
func (p *Pool) end(m *member) {
	p.slowly(m.Close)
	p.mu.Lock()
	delete(p.members, m)
	p.unuse(m)
	p.grow()
	p.mu.Unlock()
	p.report()
	p.work.Done()
}

// slowly calls f, which calls the platform and takes its time, while not too many others do.
func (p *Pool) slowly(f func()) {
	p.slow <- struct{}{}
	defer func() { <-p.slow }()
	f()
}

// report traces how many environments there are, if that has changed.
func (p *Pool) report() {
	if p.Trace == nil {
		return
	}
	p.tracing.Lock()
	defer p.tracing.Unlock()
	p.mu.Lock()
	now := trace.Environments{
		Function: p.Function.Name, Alive: len(p.members), Busy: p.busy,
		Provisioned: p.provisioned.alive, ProvisionedBusy: p.provisioned.alive - idling(p.provisioned.idle),
		Spares: min(p.idling(), p.Function.Spares),
	}
	p.mu.Unlock()
	if now != p.traced {
		p.traced = now
		p.Trace(now)
	}
}

func (p *Pool) closedError() error {
	return fmt.Errorf("invoker: %s: its environments are closed: %w", p.Function.Name, esm.ErrNotRun)
}
