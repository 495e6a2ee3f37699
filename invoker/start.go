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

// maxInits is how often environments are started in advance for a function whose Init fails each time.
const maxInits = 6

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
	inits    int // attempts since the last success that failed because of the function
}

// ended counts a start that succeeded.
func (s *starts) ended() {
	s.starting--
	s.slowdown, s.inits = slowdown{}, 0
}

// failed counts a start that failed.
func (s *starts) failed(err error, began, now time.Time) {
	s.starting--
	first := s.slowdown.failed(began, now)
	if _, broken := errors.AsType[*Broken](err); broken && first {
		s.inits++
	}
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

// grow starts as many environments as are asked for or missing, and may start. The caller holds mu.
func (p *Pool) grow() {
	for p.onDemand.starting < p.onDemand.most(p) && p.unmet() > 0 {
		if !p.scaling.AllowN(time.Now(), 1) {
			p.throttle()
			return
		}
		p.onDemand.starting++
		p.work.Go(func() { p.start(&member{as: OnDemand}) })
	}
	for p.onDemand.starting < p.onDemand.most(p) && p.missing() > 0 {
		p.onDemand.starting++
		p.work.Go(func() { p.start(&member{as: OnDemand, spare: true}) })
	}
}

// unmet returns how many of those that wait need a start that has not begun yet. Provisioned environments that start are
// for them too, unless such starts fail: then they may take long.
func (p *Pool) unmet() int {
	return p.needed() - p.coming()
}

// coming returns how many environments start, without provisioned ones that may take long.
func (p *Pool) coming() int {
	if p.provisioned.slowdown.pause > 0 {
		return p.onDemand.starting
	}
	return p.onDemand.starting + p.provisioned.starting
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

// start starts the environment of m, for the first in line once it has started.
func (p *Pool) start(m *member) {
	if !p.pause(m) {
		return
	}
	env, err := p.Starter.Start(p.running, p.Function, m.as)
	now := time.Now()
	if err != nil && p.running.Err() != nil { // stopped, not failed
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.launches, m)
		p.startsOf(m).starting--
		return
	}
	p.Trace.Emit(trace.Started{Function: p.Function.Name, Took: now.Sub(m.began), Fault: fault(err), Err: err})
	if err != nil {
		p.failed(m, err, now)
		return
	}
	m.Environment = env
	if !p.joined(m, now) {
		p.end(m)
		return
	}
	p.report()
}

// fault returns the fault of the invocations that get err as their answer.
func fault(err error) string {
	if broken, ok := errors.AsType[*Broken](err); ok {
		return broken.Response("").Fault
	}
	return ""
}

func (p *Pool) startsOf(m *member) *starts {
	if m.isProvisioned() {
		return &p.provisioned.starts
	}
	return &p.onDemand
}

// joined makes m a member, passes a place of it on, and starts the next if that is not enough. It reports false if the caller
// is to end m.
func (p *Pool) joined(m *member, now time.Time) bool {
	m.retire, m.since = now.Add(jittered(p.maxAge())), now
	p.work.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.launches, m)
	p.members[m] = true
	p.startsOf(m).ended()
	if m.isProvisioned() {
		p.provisioned.add()
	}
	if !p.place(m, now, true) {
		p.condemn(m)
		return false
	}
	p.join(m)
	p.allot()
	p.grow()
	return true
}

// pause waits until the start of m is due, which then begins. It reports false if there is to be none, because it is not
// needed any more.
func (p *Pool) pause(m *member) bool {
	p.mu.Lock()
	wait := p.startsOf(m).slowdown.wait(time.Now())
	if m.spare && p.draining > 0 {
		wait = max(wait, drainGrace)
	}
	p.mu.Unlock()
	for {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-p.running.Done():
			}
		}
		switch p.begin(m, time.Now()) {
		case startNow:
			return true
		case startNever:
			return false
		}
		wait = drainGrace
	}
}

// due is whether a start is due.
type due int

const (
	startNow due = iota
	startLater
	startNever
)

// begin begins the start of m if it is due.
func (p *Pool) begin(m *member, now time.Time) due {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.startsOf(m)
	s.starting--
	is := p.due(m, now)
	switch is {
	case startNow:
		m.began = now
		p.launches[m] = true
		s.starting++
	case startLater:
		s.starting++
	}
	return is
}

// due returns whether m is to be started, whose start is not counted.
func (p *Pool) due(m *member, now time.Time) due {
	switch {
	case m.isProvisioned() && p.provisioned.surplus() < 0, !m.isProvisioned() && p.needed() > 0:
		return startNow
	case m.isProvisioned():
		return startNever
	}
	return p.dueSpare(now)
}

// failed handles the error of a start.
func (p *Pool) failed(m *member, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.launches, m)
	p.startsOf(m).failed(err, m.began, now)
	if m.isProvisioned() {
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
	for len(p.members) == 0 && p.environments(p.waiting.Len()) > p.onDemand.starting {
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
