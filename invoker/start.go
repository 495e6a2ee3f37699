package invoker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// After a start that failed the next one is delayed, longer each time, and only one is tried at a time. Otherwise a
// handler that cannot start would use up the machine, and its queue's messages, as fast as it can fail.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 10 * time.Second
)

// A function may add this many environments at once, and then so many a second (AWS: "Lambda function scaling").
const (
	scalingBurst = 1000
	scalingRate  = 100
)

// slowdown delays starts after some that failed, until one succeeds.
type slowdown struct {
	pause time.Duration // 0 after a success
	last  time.Time     // when the last start failed
}

// wait returns how long from now on the next start has to wait.
func (s *slowdown) wait(now time.Time) time.Duration { return s.last.Add(s.pause).Sub(now) }

// failed counts a start that failed, and reports whether it is the first of those that began together, which count as one.
func (s *slowdown) failed(began, now time.Time) (first bool) {
	if first = began.After(s.last); first {
		s.pause = min(max(firstPause, 2*s.pause), maxPause)
	}
	s.last = now
	return first
}

// starts are the starts of one kind of environments.
type starts struct {
	slowdown slowdown
	starting int // which includes those that pause before
}

// most returns how many may start concurrently.
func (s *starts) most(p *Pool) int {
	switch {
	case s.slowdown.pause > 0:
		return 1
	case p.Starts == 0:
		return 4
	default:
		return p.Starts
	}
}

// grow starts as many environments as are asked for and may start. The caller holds mu.
func (p *Pool) grow() {
	for p.onDemand.starting < p.onDemand.most(p) && p.unmet() > 0 {
		if !p.scaling.AllowN(time.Now(), 1) {
			p.throttle()
			return
		}
		p.onDemand.starting++
		p.work.Go(func() { p.start(OnDemand) })
	}
}

// unmet returns how many of those that wait need a start that has not begun yet. Provisioned environments that start are
// for them too, unless such starts fail: then they may take long.
func (p *Pool) unmet() int {
	n := p.waiting.Len() - p.patient - p.onDemand.starting
	if p.provisioned.slowdown.pause == 0 {
		n -= p.provisioned.starting
	}
	return n
}

// throttle refuses those who came last and need a start, since no environment may be added now.
func (p *Pool) throttle() {
	for place := p.waiting.Back(); place != nil && p.unmet() > 0; {
		w := place.Value.(*candidate)
		place = place.Prev()
		if !w.patient {
			p.reply(w, answer{err: &Throttled{Function: p.Function.Name}})
		}
	}
}

// start starts one environment, for the first in line once it has started.
func (p *Pool) start(as Initialization) {
	s := p.startsOf(as)
	if !p.pause(as, s) {
		return
	}
	began := time.Now()
	env, err := p.Starter.Start(p.running, p.Function, as)
	now := time.Now()
	if err != nil && p.running.Err() != nil { // stopped, not failed
		p.mu.Lock()
		defer p.mu.Unlock()
		s.starting--
		return
	}
	p.Trace.Emit(trace.Started{Function: p.Function.Name, Took: now.Sub(began), Err: err})
	if err != nil {
		p.failed(as, err, began, now)
		return
	}
	if m := p.joined(env, as, now); m != nil {
		p.discard(m)
		return
	}
	p.report()
}

func (p *Pool) startsOf(as Initialization) *starts {
	if as == Provisioned {
		return &p.provisioned.starts
	}
	return &p.onDemand
}

// joined makes env a member, passes it on, and starts the next if that is not enough. It returns the member if it is to be
// closed.
func (p *Pool) joined(env Environment, as Initialization, now time.Time) *member {
	m := &member{Environment: env, as: as, retire: now.Add(jittered(p.maxAge()))}
	p.work.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[m] = true
	p.busy++
	s := p.startsOf(as)
	s.starting--
	s.slowdown = slowdown{}
	if m.isProvisioned() {
		p.provisioned.add()
	}
	if !p.place(m, now) {
		return m
	}
	p.allot()
	p.grow()
	return nil
}

// pause waits until a start is due. It reports false if there is to be none, because it is not needed any more.
func (p *Pool) pause(as Initialization, s *starts) bool {
	p.mu.Lock()
	wait := s.slowdown.wait(time.Now())
	p.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-p.running.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	needed := p.waiting.Len() > p.patient
	if as == Provisioned {
		needed = p.provisioned.surplus() < 0
	}
	if !needed {
		s.starting--
	}
	return needed
}

// failed handles the error of a start.
func (p *Pool) failed(as Initialization, err error, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.startsOf(as)
	s.starting--
	first := s.slowdown.failed(began, now)
	if as == Provisioned {
		p.provisioned.failed(err, first)
		p.allot()
	} else {
		p.refuse(err)
	}
	p.grow()
}

// refuse gives the error of a start to the first in line. The rest wait for the next start, unless there is no environment
// that could be freed for them: they would wait through one pause after the other, so they get an ErrNotRun.
func (p *Pool) refuse(err error) {
	if w := p.first(); w != nil {
		p.reply(w, answer{err: p.startError(err)})
	}
	for len(p.members) == 0 && p.waiting.Len() > p.onDemand.starting {
		last := p.waiting.Back().Value.(*candidate)
		p.reply(last, answer{err: fmt.Errorf("invoker: %s: %w: its environments do not start: %v",
			p.Function.Name, esm.ErrNotRun, err)})
	}
}

// startError returns err if it is a *Broken, the function's answer, and an ErrNotRun otherwise: the machine is to blame.
func (p *Pool) startError(err error) error {
	if _, broken := errors.AsType[*Broken](err); broken {
		return err
	}
	return fmt.Errorf("invoker: %s: %w: %w", p.Function.Name, esm.ErrNotRun, err)
}

func (p *Pool) maxAge() time.Duration {
	if p.MaxAge == 0 {
		return 4 * time.Hour
	}
	return p.MaxAge
}

// jittered shortens d by up to a tenth, so that environments that started together do not end together.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
