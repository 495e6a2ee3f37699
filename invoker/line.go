package invoker

import (
	"container/list"
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

// candidate is an invocation that waits for an environment.
type candidate struct {
	place   *list.Element // nil once it has an answer
	patient bool          // it asks for no start yet, because an environment is about to be free
	answer  chan answer   // buffered
}

type answer struct {
	member *member // one of its places
	cold   bool    // it has just started
	err    error
}

// drainGrace is how long an invocation waits for an environment that has answered and is about to be free before it asks
// for another: a runtime takes less than a millisecond to ask for its next event, on a busy machine several.
const drainGrace = 10 * time.Millisecond

// take waits for a place of an environment, which is cold if it was started for this. Its error is an ErrNotRun, which may be a *Throttled, or a *Broken, which is the function's
// answer.
func (p *Pool) take(ctx context.Context) (m *member, cold bool, err error) {
	m, w, err := p.ask()
	if w != nil {
		m, cold, err = p.await(ctx, w)
	}
	if m != nil {
		p.report()
	}
	return m, cold, err
}

// ask takes a place of the environment that became idle last, or gets in line.
func (p *Pool) ask() (*member, *candidate, error) {
	p.once.Do(p.open)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, p.closedError()
	}
	if m := p.pop(); m != nil {
		if p.Function.Spares > 0 {
			p.grow()
		}
		return m, nil, nil
	}
	if p.stopping && p.draining <= p.patient {
		return nil, nil, p.stoppingError()
	}
	w := &candidate{answer: make(chan answer, 1), patient: p.draining > p.patient}
	w.place = p.waiting.PushBack(w)
	if w.patient {
		p.patient++
	}
	p.grow()
	return nil, w, nil
}

func (p *Pool) await(ctx context.Context, w *candidate) (m *member, cold bool, err error) {
	var grace <-chan time.Time
	if w.patient {
		grace = time.After(drainGrace)
	}
	for {
		select {
		case a := <-w.answer:
			return a.member, a.cold, a.err
		case <-grace:
			p.insist(w)
		case <-ctx.Done():
			p.leave(w)
			return nil, false, fmt.Errorf("invoker: %s: %w while waiting for an environment: %w",
				p.Function.Name, esm.ErrNotRun, context.Cause(ctx))
		}
	}
}

// insist ends w's patience: it asks for a start.
func (p *Pool) insist(w *candidate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case w.place == nil || !w.patient:
	case p.stopping:
		p.reply(w, answer{err: p.stoppingError()})
	default:
		w.patient = false
		p.patient--
		p.grow()
	}
}

// StopStarting is [Functions.StopStarting] for one function. It does not block.
func (p *Pool) StopStarting() {
	p.once.Do(p.open)
	p.mu.Lock()
	p.stopping = true
	for place := p.waiting.Front(); place != nil; {
		w := place.Value.(*candidate)
		place = place.Next()
		if !w.patient {
			p.reply(w, answer{err: p.stoppingError()})
		}
	}
	p.mu.Unlock()
	p.stop()
}

func (p *Pool) stoppingError() error {
	return fmt.Errorf("invoker: %s: no environment is started any more: %w", p.Function.Name, errStopping)
}

// leave gets out of the line. An environment that w was given at the same moment goes to the next in line.
func (p *Pool) leave(w *candidate) {
	p.mu.Lock()
	if w.place != nil {
		p.unlist(w)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	if a := <-w.answer; a.member != nil {
		p.put(a.member)
	}
}

// reply answers w, which is in line. The caller holds mu, also for unlist, first, place and drained.
func (p *Pool) reply(w *candidate, a answer) {
	p.unlist(w)
	w.answer <- a
}

func (p *Pool) unlist(w *candidate) {
	p.waiting.Remove(w.place)
	w.place = nil
	if w.patient {
		p.patient--
	}
}

func (p *Pool) first() *candidate {
	if front := p.waiting.Front(); front != nil {
		return front.Value.(*candidate)
	}
	return nil
}
