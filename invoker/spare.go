package invoker

import "time"

// startSpares starts the spares that are missing, if there are to be any.
func (p *Pool) startSpares() {
	p.once.Do(p.open)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grow()
}

// missing returns how many environments are to be started so that there are enough spares, beside those that start. There
// are none after six failures of Init, until an invocation starts an environment. The caller holds mu.
func (p *Pool) missing() int {
	spares := p.Function.Spares
	if spares == 0 || p.stopping || p.closed || p.onDemand.inits >= maxInits {
		return 0
	}
	n := spares + p.needed() - p.idling() - p.coming()
	if n > 0 && p.most != nil {
		n = min(n, p.environments(p.most())-len(p.members)-p.coming())
	}
	return n
}

// dueSpare returns whether another spare is to be started: not while environments that are about to be free will do, and
// within the rate at which environments may be added. The caller holds mu.
func (p *Pool) dueSpare(now time.Time) due {
	missing := p.missing()
	switch {
	case missing <= 0:
		return startNever
	case p.draining > 0 && missing <= p.freeSoon(now), !p.scaling.AllowN(now, 1):
		return startLater
	}
	return startNow
}

// freeSoon returns how many environments have just answered. The caller holds mu.
func (p *Pool) freeSoon(now time.Time) (n int) {
	for m := range p.members {
		if now.Sub(m.since) < drainGrace {
			n += m.draining
		}
	}
	return n - p.patient
}

// idling returns the number of idle environments. The caller holds mu.
func (p *Pool) idling() int { return idling(p.idle) + idling(p.provisioned.idle) }
