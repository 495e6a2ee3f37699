package invoker

import (
	"context"
	"slices"
	"time"
)

// joinGrace is how long an invocation waits for the other workers of a multi-concurrent environment that has started before it
// asks for another environment.
const joinGrace = time.Second

// regain waits until one more place of a multi-concurrent member is free, and gives it back. For the time of grace the place
// counts as about to be free, or used, until uncount is called. After that its worker is away: it works on after its timeout,
// has ended, or has not started. It may come back as long as the environment lives.
func (p *Pool) regain(m *member, grace time.Duration, uncount func()) {
	ctx, cancel := context.WithTimeout(p.life, grace)
	err := m.Drain(ctx)
	away := err != nil && ctx.Err() != nil && p.life.Err() == nil
	cancel()
	if away {
		if p.isAway(m, uncount) {
			p.end(m)
			return
		}
		p.report()
		err, uncount = m.Drain(p.life), func() {}
	}
	p.giveBack(m, err, uncount)
}

// isAway takes note that a worker of m is away. It reports whether the caller is to end m, since
// nothing runs in it any more.
func (p *Pool) isAway(m *member, uncount func()) (end bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	uncount()
	p.grow()
	if m.used > 0 || m.closing {
		return false
	}
	if p.closed || !now.Before(m.retire) {
		p.condemn(m)
		return true
	}
	p.settle(m)
	return false
}

// join waits for the places of m, a multi-concurrent member that has just started, but the one that is free. The caller holds
// mu.
func (p *Pool) join(m *member) {
	for range p.Function.PerEnvironment() - 1 {
		p.joining++
		p.work.Go(func() { p.regain(m, joinGrace, func() { p.joining-- }) })
	}
}

// environments returns how many environments have n places. The caller holds mu, also for what follows.
func (p *Pool) environments(n int) int {
	per := p.Function.PerEnvironment()
	return (n + per - 1) / per
}

// needed returns how many environments are needed for those that wait.
func (p *Pool) needed() int { return p.environments(max(p.waiting.Len()-p.patient-p.joining, 0)) }

// use takes a place of m, which is not one of its free ones.
func (p *Pool) use(m *member) {
	if m.used++; m.used == 1 {
		p.busy++
	}
}

// unuse ends the use of a place of m.
func (p *Pool) unuse(m *member) {
	if m.used--; m.used == 0 {
		m.since = time.Now()
		p.busy--
	}
}

// settle lists m if it is idle or has a free place.
func (p *Pool) settle(m *member) {
	if m.listed || m.closing {
		return
	}
	m.listed = true
	if m.isProvisioned() {
		p.provisioned.idle = append(p.provisioned.idle, m)
	} else {
		p.idle = append(p.idle, m)
	}
}

// pop takes a free place of the pool. It returns nil if there is none.
func (p *Pool) pop() *member {
	m := pop(&p.provisioned.idle)
	if m == nil {
		m = pop(&p.idle)
	}
	if m != nil {
		p.use(m)
	}
	return m
}

// pop takes a place of the member that was listed last and has one.
func pop(idle *[]*member) *member {
	for i := len(*idle) - 1; i >= 0; i-- {
		m := (*idle)[i]
		if m.free == 0 {
			continue
		}
		m.freezing, m.frozen = false, false
		if m.free--; m.free == 0 {
			*idle = slices.Delete(*idle, i, i+1)
			m.listed = false
		}
		return m
	}
	return nil
}

// unlistMember takes m out of its list: none of its places is used again unless it settles.
func (p *Pool) unlistMember(m *member) {
	if !m.listed {
		return
	}
	m.listed = false
	list := &p.idle
	if m.isProvisioned() {
		list = &p.provisioned.idle
	}
	if i := slices.Index(*list, m); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

// takeIdle takes idle members out of a list for which want reports true. The caller ends them.
func (p *Pool) takeIdle(list *[]*member, want func(*member) bool) (taken []*member) {
	*list = slices.DeleteFunc(*list, func(m *member) bool {
		if m.used > 0 || !want(m) {
			return false
		}
		m.listed = false
		taken = append(taken, m)
		return true
	})
	for _, m := range taken {
		p.condemn(m)
	}
	return taken
}

// idling returns the number of idle members in a list, whose other members have free places.
func idling(list []*member) (n int) {
	for _, m := range list {
		if m.used == 0 {
			n++
		}
	}
	return n
}
