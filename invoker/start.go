package invoker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// After a start that failed the next one waits, longer each time, and only one is tried at a time. Otherwise a
// handler that cannot start would use up the machine, and its queue's messages, as fast as they can fail.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 10 * time.Second
)

// trouble is what is remembered of starts that failed, until one succeeds.
type trouble struct {
	failures int
	last     time.Time // when the last start failed
}

// pause is how long to wait from now on before the next start.
func (t trouble) pause(now time.Time) time.Duration {
	if t.failures == 0 {
		return 0
	}
	return t.last.Add(min(firstPause<<min(t.failures-1, 10), maxPause)).Sub(now)
}

// after is the trouble after one more start failed. Those that began together count as one.
func (t trouble) after(began, now time.Time) trouble {
	if began.After(t.last) {
		t.failures++
	}
	t.last = now
	return t
}

// grow starts as many environments as are asked for and may start. The caller holds mu.
func (p *Pool) grow() {
	most := p.Starts
	if most == 0 {
		most = 4
	}
	if p.trouble.failures > 0 {
		most = 1
	}
	for !p.closed && p.starting < most && p.starting < p.waiting.Len()-p.patient {
		p.starting++
		p.work.Go(p.start)
	}
}

// start starts one environment, for whoever waits first once it has started.
func (p *Pool) start() {
	if !p.pause() {
		return
	}
	began := time.Now()
	env, err := p.Starter.Start(p.starts, p.Function)
	now := time.Now()
	p.Trace.Emit(trace.Started{Function: p.Function.Name, Took: now.Sub(began), Err: err})
	if err != nil {
		p.failed(err, began, now)
		return
	}
	if m := p.joined(env, now); m != nil {
		p.discard(m)
		return
	}
	p.tell()
}

// joined makes env a member, passes it on, and starts the next if that is not enough. It returns the member if it comes
// too late to be of use.
func (p *Pool) joined(env Environment, now time.Time) *member {
	m := &member{Environment: env, retire: now.Add(jittered(p.maxAge()))}
	p.work.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[m] = true
	p.busy++
	p.starting--
	p.trouble = trouble{}
	if !p.place(m, now) {
		return m
	}
	p.grow()
	return nil
}

// pause waits until a start is due. It reports false when nobody waits for one by then.
func (p *Pool) pause() bool {
	p.mu.Lock()
	wait := p.trouble.pause(time.Now())
	p.mu.Unlock()
	if wait <= 0 {
		return true
	}
	select {
	case <-time.After(wait):
	case <-p.starts.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.waiting.Len() == p.patient {
		p.starting--
		return false
	}
	return true
}

// failed answers a start that failed to the one who waits first. The others wait for the next, unless there is no
// environment at all that could be freed for them: they would wait through one pause after the other, so they are told
// to try again later.
func (p *Pool) failed(err error, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	if p.closed {
		return
	}
	p.trouble = p.trouble.after(began, now)
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

// startError leaves a *Broken as it is: an answer of the function. Anything else is the machine's fault.
func (p *Pool) startError(err error) error {
	if _, broken := errors.AsType[*Broken](err); broken {
		return err
	}
	return fmt.Errorf("invoker: %s: %w: start: %w", p.Function.Name, esm.ErrNotRun, err)
}

func (p *Pool) maxAge() time.Duration {
	if p.MaxAge == 0 {
		return 4 * time.Hour
	}
	return p.MaxAge
}

// jittered takes up to a tenth from d, so that environments which started together do not end together.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
