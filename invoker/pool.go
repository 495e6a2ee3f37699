package invoker

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Pool is the environments of one function. The one used last is used first, so that what is not needed goes idle and
// is ended. An invocation that finds none idle waits for whichever comes first: one that is freed or one that starts.
//
// How many environments there may be is not the pool's affair: it runs what it is given, each in an environment of its
// own. The zero values of the fields below are good; they are set before the first use and not changed afterwards.
type Pool struct {
	Function config.Function
	Starter  Starter
	Trace    trace.Func // told Started and Environments

	IdleTimeout time.Duration // how long an environment may be idle; 0 means ten minutes
	MaxAge      time.Duration // how old one may grow, less up to a tenth by chance; 0 means four hours
	Starts      int           // how many may start side by side; 0 means four

	once   sync.Once
	starts context.Context // ends what starts, pauses or reaps: with the beginning of Close
	stop   context.CancelFunc
	life   context.Context // ends the drains: when Close has waited long enough
	cut    context.CancelFunc
	work   sync.WaitGroup // goroutines, and each member until it is gone

	telling sync.Mutex // held over the trace, so that the last number told is the newest
	told    trace.Environments

	mu       sync.Mutex
	closed   bool
	members  map[*member]bool
	idle     []*member // in the order in which they became idle
	busy     int       // members that are in somebody's hand: running or draining
	draining int
	waiting  list.List // of *candidate, first come in front; nobody waits while a member is idle
	patient  int       // of those, how many count on a drain
	trouble  trouble
	starting int
}

// member is one environment of a pool. Whoever took it from the pool is the only one to use it.
type member struct {
	Environment
	retire   time.Time // when it is too old
	since    time.Time // when it became idle
	draining bool
}

// run runs c in an environment and returns as soon as there is an answer; took is the time in the environment. free is
// called once, when no environment is busy with c any more, which may be later.
func (p *Pool) run(ctx context.Context, c esm.Call, free func()) (resp esm.Response, took time.Duration, err error) {
	m, err := p.take(ctx)
	if err != nil {
		free()
		if broken, ok := errors.AsType[*Broken](err); ok {
			return broken.Response(c.ID), 0, nil
		}
		return esm.Response{}, 0, err
	}
	began := time.Now()
	resp, err = m.Invoke(ctx, c)
	took = time.Since(began)
	p.answered(m) // before the caller can ask again
	p.work.Go(func() {
		p.drain(m)
		free()
	})
	return resp, took, err
}

// drains reports whether an environment has answered and is about to be free.
func (p *Pool) drains() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draining > 0
}

// place passes a member in hand on to who waits first, or lets it be idle. It reports false when m's time has come.
func (p *Pool) place(m *member, now time.Time) bool {
	p.drained(m)
	if p.closed || !now.Before(m.retire) {
		return false
	}
	if w := p.first(); w != nil {
		p.reply(w, answer{member: m})
		return true
	}
	m.since = now
	p.idle = append(p.idle, m)
	p.busy--
	return true
}

func (p *Pool) drained(m *member) {
	if m.draining {
		m.draining = false
		p.draining--
	}
}

func (p *Pool) answered(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.draining = true
	p.draining++
}

// drain waits until m is free, which is bounded by the function's timeout and by Close, and lets go of it.
func (p *Pool) drain(m *member) {
	if err := m.Drain(p.life); err != nil {
		p.discard(m)
		return
	}
	p.put(m)
}

// put lets go of a member in hand.
func (p *Pool) put(m *member) {
	now := time.Now()
	p.mu.Lock()
	placed := p.place(m, now)
	p.mu.Unlock()
	if !placed {
		p.discard(m)
		return
	}
	p.tell()
}

// discard ends a member in hand. It is counted as long as there is something left of it.
func (p *Pool) discard(m *member) {
	p.mu.Lock()
	p.drained(m)
	p.mu.Unlock()
	m.Close()
	p.mu.Lock()
	delete(p.members, m)
	p.busy--
	p.mu.Unlock()
	p.tell()
	p.work.Done()
}

// tell traces how many environments there are, if that is news.
func (p *Pool) tell() {
	if p.Trace == nil {
		return
	}
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	now := trace.Environments{Function: p.Function.Name, Alive: len(p.members), Busy: p.busy}
	p.mu.Unlock()
	if now != p.told {
		p.told = now
		p.Trace(now)
	}
}

func (p *Pool) closedError() error {
	return fmt.Errorf("invoker: %s: the pool of its environments is closed: %w", p.Function.Name, esm.ErrNotRun)
}
