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

// slowdown delays starts after some that failed, until one succeeds.
type slowdown struct {
	pause time.Duration // 0 after a success
	last  time.Time     // when the last start failed
}

// wait returns how long from now on the next start has to wait.
func (s *slowdown) wait(now time.Time) time.Duration { return s.last.Add(s.pause).Sub(now) }

// failed counts a start that failed. Those that began together count as one.
func (s *slowdown) failed(began, now time.Time) {
	if began.After(s.last) {
		s.pause = min(max(firstPause, 2*s.pause), maxPause)
	}
	s.last = now
}

// grow starts as many environments as are asked for and may start. The caller holds mu.
func (p *Pool) grow() {
	most := p.Starts
	if most == 0 {
		most = 4
	}
	if p.slowdown.pause > 0 {
		most = 1
	}
	for p.starting < most && p.starting < p.waiting.Len()-p.patient {
		p.starting++
		p.work.Go(p.start)
	}
}

// start starts one environment, for the first in line once it has started.
func (p *Pool) start() {
	if !p.pause() {
		return
	}
	began := time.Now()
	env, err := p.Starter.Start(p.starts, p.Function)
	now := time.Now()
	if err != nil && p.starts.Err() != nil { // stopped, not failed
		p.mu.Lock()
		defer p.mu.Unlock()
		p.starting--
		return
	}
	p.Trace.Emit(trace.Started{Function: p.Function.Name, Took: now.Sub(began), Err: err})
	if err != nil {
		p.failed(err, began, now)
		return
	}
	if m := p.joined(env, now); m != nil {
		p.discard(m)
		return
	}
	p.report()
}

// joined makes env a member, passes it on, and starts the next if that is not enough. It returns the member if it is to be
// closed.
func (p *Pool) joined(env Environment, now time.Time) *member {
	m := &member{Environment: env, retire: now.Add(jittered(p.maxAge()))}
	p.work.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[m] = true
	p.busy++
	p.starting--
	p.slowdown = slowdown{}
	if !p.place(m, now) {
		return m
	}
	p.grow()
	return nil
}

// pause waits until a start is due. It reports false if there is to be none: nobody waits for it any more.
func (p *Pool) pause() bool {
	p.mu.Lock()
	wait := p.slowdown.wait(time.Now())
	p.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-p.starts.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting.Len() == p.patient {
		p.starting--
		return false
	}
	return true
}

// failed gives the error of a start to the first in line. The rest wait for the next start, unless there is no
// environment that could be freed for them: they would wait through one pause after the other, so they get an ErrNotRun.
func (p *Pool) failed(err error, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	p.slowdown.failed(began, now)
	if w := p.first(); w != nil {
		p.reply(w, answer{err: p.startError(err)})
	}
	for len(p.members) == 0 && p.waiting.Len() > p.starting {
		last := p.waiting.Back().Value.(*candidate)
		p.reply(last, answer{err: fmt.Errorf("invoker: %s: %w: its environments do not start: %v",
			p.Function.Name, esm.ErrNotRun, err)})
	}
	p.grow()
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
