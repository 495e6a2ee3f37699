package invoker

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// open is called once, before the first use.
func (p *Pool) open() {
	p.life, p.cut = context.WithCancel(context.Background())
	p.running, p.stop = context.WithCancel(p.life)
	p.members, p.launches = map[*member]bool{}, map[*member]bool{}
	p.slow = make(chan struct{}, cmp.Or(p.Closes, 32))
	p.scaling = rate.NewLimiter(scalingRate, scalingBurst)
	p.work.Go(p.reap)
}

// reap closes environments that are idle for too long or too old, and freezes others that are idle, until StopStarting.
// Provisioned ones and spares may be idle.
func (p *Pool) reap() {
	for {
		old, next := p.expire(time.Now())
		for _, m := range old {
			p.work.Go(func() { p.end(m) })
		}
		cold, soon := p.cool(time.Now())
		for _, m := range cold {
			p.work.Go(func() { p.slowly(func() { p.freeze(m) }) })
		}
		select {
		case <-time.After(min(next, soon)):
		case <-p.running.Done():
			return
		}
	}
}

// expire takes the idle environments whose time has come, and returns the time until it is to be called again.
func (p *Pool) expire(now time.Time) (old []*member, next time.Duration) {
	limit := p.IdleTimeout
	if limit == 0 {
		limit = 10 * time.Minute
	}
	next = min(limit, p.maxAge()-p.maxAge()/10) // for those that start or become idle from now on
	p.mu.Lock()
	defer p.mu.Unlock()
	surplus := p.idling() - p.Function.Spares
	expired := func(m *member) bool {
		left := m.retire.Sub(now)
		if !m.isProvisioned() && surplus > 0 {
			left = min(left, m.since.Add(limit).Sub(now))
			surplus--
		}
		if left <= 0 {
			return true
		}
		next = min(next, left)
		return false
	}
	old = append(p.takeIdle(&p.idle, expired), p.takeIdle(&p.provisioned.idle, expired)...)
	for m := range p.members {
		if left := m.retire.Sub(now); left > 0 {
			next = min(next, left)
		} else { // it is closed once it is free
			p.unlistMember(m)
		}
	}
	return old, next
}

// cool takes the environments that have been idle for so long that they are to be frozen, which stay idle, and returns the
// time until it is to be called again.
func (p *Pool) cool(now time.Time) (cold []*member, next time.Duration) {
	if !p.Function.Freeze {
		return nil, math.MaxInt64
	}
	grace := cmp.Or(p.FreezeAfter, time.Second)
	next = grace // for those that become idle from now on
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, idle := range [][]*member{p.idle, p.provisioned.idle} {
		for _, m := range idle {
			if m.freezing || m.frozen {
				continue
			}
			if left := m.since.Add(grace).Sub(now); left > 0 {
				next = min(next, left)
				continue
			}
			m.freezing = true
			cold = append(cold, m)
		}
	}
	return cold, next
}

// freeze freezes m, unless it was taken since.
func (p *Pool) freeze(m *member) {
	p.mu.Lock()
	freezing := m.freezing
	p.mu.Unlock()
	if !freezing {
		return
	}
	m.Freeze()
	p.mu.Lock()
	defer p.mu.Unlock()
	m.freezing, m.frozen = false, m.freezing
}

// Close closes all environments. Starts end at once, and invocations that wait for an environment return an
// [esm.ErrNotRun], as do later ones. Those that run are killed when ctx ends. Close returns when nothing is left.
func (p *Pool) Close(ctx context.Context) {
	p.StopStarting()
	for _, m := range p.shut() {
		p.work.Go(func() { p.end(m) })
	}
	gone := make(chan struct{})
	go func() {
		p.work.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		p.kill()
		<-gone
	}
	p.cut()
}

// shut ends every wait for an environment, and takes the idle ones.
func (p *Pool) shut() []*member {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for w := p.first(); w != nil; w = p.first() {
		p.reply(w, answer{err: p.closedError()})
	}
	all := func(*member) bool { return true }
	idle := append(p.takeIdle(&p.idle, all), p.takeIdle(&p.provisioned.idle, all)...)
	for m := range p.members {
		p.unlistMember(m)
	}
	return idle
}

// kill closes environments that run or drain.
func (p *Pool) kill() {
	p.cut()
	p.mu.Lock()
	var closing sync.WaitGroup
	for m := range p.members {
		closing.Go(func() { p.slowly(m.Close) })
	}
	p.mu.Unlock()
	closing.Wait()
}
