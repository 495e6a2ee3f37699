package invoker

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// open is called once, before the first use.
func (p *Pool) open() {
	p.life, p.cut = context.WithCancel(context.Background())
	p.running, p.stop = context.WithCancel(p.life)
	p.members = map[*member]bool{}
	p.scaling = rate.NewLimiter(scalingRate, scalingBurst)
	p.work.Go(p.reap)
}

// reap closes environments that are idle for too long or too old, until StopStarting. Provisioned ones may be idle.
func (p *Pool) reap() {
	for {
		old, next := p.expire(time.Now())
		for _, m := range old {
			p.work.Go(func() { p.discard(m) })
		}
		select {
		case <-time.After(next):
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
	expired := func(m *member) bool {
		left := m.retire.Sub(now)
		if !m.isProvisioned() {
			left = min(left, m.since.Add(limit).Sub(now))
		}
		if left <= 0 {
			old = append(old, m)
			return true
		}
		next = min(next, left)
		return false
	}
	p.idle = slices.DeleteFunc(p.idle, expired)
	p.provisioned.idle = slices.DeleteFunc(p.provisioned.idle, expired)
	for m := range p.members {
		if left := m.retire.Sub(now); left > 0 { // otherwise it is closed once it is free
			next = min(next, left)
		}
	}
	p.busy += len(old)
	return old, next
}

// Close closes all environments. Starts end at once, and invocations that wait for an environment return an
// [esm.ErrNotRun], as do later ones. Those that run are killed when ctx ends. Close returns when nothing is left.
func (p *Pool) Close(ctx context.Context) {
	p.StopStarting()
	for _, m := range p.shut() {
		p.work.Go(func() { p.discard(m) })
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
	idle := slices.Concat(p.idle, p.provisioned.idle)
	p.idle, p.provisioned.idle = nil, nil
	p.busy += len(idle)
	return idle
}

// kill closes environments that run or drain.
func (p *Pool) kill() {
	p.cut()
	p.mu.Lock()
	var closing sync.WaitGroup
	for m := range p.members {
		closing.Go(m.Close)
	}
	p.mu.Unlock()
	closing.Wait()
}
