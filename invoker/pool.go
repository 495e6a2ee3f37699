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
	idle        []*member // those that are not provisioned, in the order in which they became idle
	busy        int       // members in use: running, draining or being closed
	draining    int
	waiting     list.List // of *candidate, first come in front; empty while a member is idle
	patient     int       // those among them that count on a drain
	onDemand    starts    // for those that wait
	scaling     *rate.Limiter
	provisioned provisioning
}

// member is one environment of a pool. The goroutine that took it from the pool is the only one to use it.
type member struct {
	Environment
	as     Initialization
	spare  bool      // it was not started for an invocation that waits
	began  time.Time // when its start began
	retire time.Time // when it is too old
	fresh  bool      // it goes from its start to an invocation that waited; of who has it

	// The pool's mu guards what follows.
	since            time.Time // when it became idle, or began to drain
	freezing, frozen bool      // while it is idle: is about to be frozen, or is
	draining         bool
	closing          bool
	invocations      int
}

func (m *member) isProvisioned() bool { return m.as == Provisioned }

// run runs c in an environment, as [runner] says.
func (p *Pool) run(ctx context.Context, c esm.Call, free func()) (r result, err error) {
	m, err := p.take(ctx)
	if err != nil {
		free()
		if broken, ok := errors.AsType[*Broken](err); ok {
			r.Response = broken.Response(c.ID)
			return r, nil
		}
		return r, err
	}
	r.cold, m.fresh = m.fresh, false
	began := time.Now()
	r.Response, err = m.Invoke(ctx, c)
	r.took, r.provisioned = time.Since(began), m.isProvisioned()
	r.spilled = p.answered(m) // before the caller can ask again
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

// place gives m, which is free, to the first in line, or makes it idle. It reports false if m is to be closed.
func (p *Pool) place(m *member, now time.Time) bool {
	p.drained(m)
	if p.closed || !now.Before(m.retire) || m.isProvisioned() && p.provisioned.surplus() > 0 {
		return false
	}
	if w := p.first(); w != nil {
		p.reply(w, answer{member: m})
		return true
	}
	m.since, m.fresh = now, false
	if m.isProvisioned() {
		p.provisioned.idle = append(p.provisioned.idle, m)
	} else {
		p.idle = append(p.idle, m)
	}
	p.busy--
	return true
}

// pop takes an idle member. It returns nil if there is none.
func (p *Pool) pop() *member {
	m := pop(&p.provisioned.idle)
	if m == nil {
		m = pop(&p.idle)
	}
	if m != nil {
		p.busy++
	}
	return m
}

func pop(idle *[]*member) (m *member) {
	if last := len(*idle) - 1; last >= 0 {
		m, (*idle)[last] = (*idle)[last], nil
		*idle = (*idle)[:last]
		m.freezing, m.frozen = false, false
	}
	return m
}

func (p *Pool) drained(m *member) {
	if m.draining {
		m.draining = false
		p.draining--
	}
}

// answered records that m has answered. It reports whether m is used although the function has provisioned environments,
// which are or were busy then.
func (p *Pool) answered(m *member) (spilled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.draining = true
	m.invocations++
	p.draining++
	if p.Function.Spares > 0 {
		m.since = time.Now()
	}
	return !m.isProvisioned() && p.provisioned.alive > 0
}

// drain waits until m is free, which the function's timeout and Close bound, and gives it back.
func (p *Pool) drain(m *member) {
	if err := m.Drain(p.life); err != nil {
		p.discard(m)
		return
	}
	p.put(m)
}

// put gives m back to the pool.
func (p *Pool) put(m *member) {
	now := time.Now()
	p.mu.Lock()
	placed := p.place(m, now)
	p.mu.Unlock()
	if !placed {
		p.discard(m)
		return
	}
	p.report()
}

// discard closes m, which counts as busy until it is closed.
func (p *Pool) discard(m *member) {
	p.mu.Lock()
	p.drained(m)
	m.closing = true
	if m.isProvisioned() {
		p.provisioned.alive--
		p.allot()
	}
	p.mu.Unlock()
	p.slowly(m.Close)
	p.mu.Lock()
	delete(p.members, m)
	p.busy--
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
		Provisioned: p.provisioned.alive, ProvisionedBusy: p.provisioned.alive - len(p.provisioned.idle),
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
