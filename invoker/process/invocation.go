package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// said is what became of a wait for the runtime.
type said int

const (
	idle      said = iota // it asks for an event
	answered              // it answered the event, or said that its Init failed
	exited                // it ended without either
	late                  // the timer ran out
	cancelled             // the caller gave up
	closing               // the environment is being closed
)

// await waits for the runtime to speak or to end; what it said before it ended counts. Only who waits for the runtime to
// be free passes its Idle channel: the runtime may be free before its answer is looked at.
func (e *environment) await(ctx context.Context, free <-chan struct{}) (said, runtimeapi.Answer) {
	select {
	case <-free:
		return idle, runtimeapi.Answer{}
	case a := <-e.run.session.Answers():
		return answered, a
	case <-e.run.child.exited:
		e.run.quiet()
		return e.unless(free, exited)
	case <-e.timer.C:
		e.timer.Reset(saidGrace) // for what is still to come, if there is an answer
		return e.unless(free, late)
	case <-ctx.Done():
		return e.unless(free, cancelled)
	case <-e.closing:
		return closing, runtimeapi.Answer{}
	}
}

// unless prefers what the runtime said at the same moment.
func (e *environment) unless(free <-chan struct{}, otherwise said) (said, runtimeapi.Answer) {
	select {
	case a := <-e.run.session.Answers():
		return answered, a
	case <-free:
		return idle, runtimeapi.Answer{}
	default:
		return otherwise, runtimeapi.Answer{}
	}
}

// revive runs Init within the invocation, whose timeout bounds it. When that fails, its answer is the invocation's, and
// no invocation is left; the event has not been seen.
func (e *environment) revive(ctx context.Context) (esm.Response, error) {
	r, err := e.launch()
	if err != nil {
		return e.launchFailed(err)
	}
	e.run = r
	said, answer := e.await(ctx, r.session.Idle())
	took := time.Since(e.now.began)
	id := e.now.id
	switch said {
	case idle:
		return esm.Response{}, nil
	case answered:
		e.run.child.gone(initErrorExit)
		e.reporter.initFailed(id, "invoke", took, "error", answer.ErrorType)
		e.now.ended("error", answer.ErrorType, answer.Response.Fault)
		e.reset(nil)
		return answer.Response, nil
	case exited:
		e.reporter.initFailed(id, "invoke", took, "error", runtimeapi.Exited("").Type)
	case late:
		e.reporter.initFailed(id, "invoke", took, "timeout", "")
	default:
		_, err := e.conclude(ctx, said, answer)
		return esm.Response{}, notRun(err)
	}
	return e.conclude(ctx, said, answer)
}

// launchFailed answers an invocation whose runtime could not be started again.
func (e *environment) launchFailed(err error) (esm.Response, error) {
	inv := e.now
	e.now = nil
	e.journal.during("")
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	if !ok {
		return esm.Response{}, notRun(err)
	}
	e.reporter.end(report{id: inv.id, took: time.Since(inv.began), memory: e.peak, status: "error", errorType: f.Type, fault: f.Type, failure: f})
	return f.Response(inv.id), nil
}

func (i *invocation) ended(status, kind, fault string) {
	i.status, i.kind, i.fault = status, kind, fault
}

// conclude makes the invocation's answer. After an answer of the runtime it goes on until drained; otherwise the runtime
// is reset.
func (e *environment) conclude(ctx context.Context, said said, answer runtimeapi.Answer) (esm.Response, error) {
	id := e.now.id
	if said == answered && answer.Truncated && e.run.child.gone(saidGrace) {
		said = exited // which is why the answer broke off
	}
	switch said {
	case answered:
		e.now.ended("success", answer.ErrorType, answer.Response.Fault)
		if answer.Response.Fault != "" {
			e.now.status = "error"
		}
		if answer.Truncated {
			e.reset(nil)
		}
		return answer.Response, nil
	case exited:
		f := runtimeapi.Exited(e.run.child.reason())
		e.now.ended("error", f.Type, f.Type)
		e.reset(f)
		return f.Response(id), nil
	case late:
		f := runtimeapi.TimedOut(e.fn.TimeLimit())
		e.now.ended("timeout", f.Type, f.Type)
		e.reset(f)
		return f.Response(id), nil
	case closing:
		return esm.Response{}, errClosed // Close ends the runtime
	default:
		e.reset(nil)
		return esm.Response{}, fmt.Errorf("process: invocation %s given up: %w", id, context.Cause(ctx))
	}
}

// drain waits until the runtime asks for its next event, if it owes that. A runtime that ends or runs out of time now
// costs its caller nothing: the answer is given.
func (e *environment) drain(ctx context.Context) error {
	if e.lost.Load() {
		return errStuck
	}
	if e.now == nil || e.run == nil {
		return nil
	}
	switch said, _ := e.await(ctx, e.run.session.Idle()); said {
	case idle:
		e.finish()
	case exited:
		e.reset(runtimeapi.Exited(e.run.child.reason()))
	case late:
		e.now.status = "timeout"
		e.reset(runtimeapi.TimedOut(e.fn.TimeLimit()))
	case closing:
		return errClosed
	default:
		return fmt.Errorf("process: drain: %w", context.Cause(ctx))
	}
	return nil
}

// finish reports an invocation whose runtime is free again.
func (e *environment) finish() {
	took := time.Since(e.now.began)
	e.timer.Stop()
	e.run.drain()
	e.journal.settleLoss()
	e.sample()
	e.reporter.end(e.report(took, nil))
	e.journal.during("")
	e.now = nil
}

// report is the report of the invocation in hand; f is how the platform ended it, if it did.
func (e *environment) report(took time.Duration, f *runtimeapi.Failure) report {
	p := report{id: e.now.id, took: took, init: e.init, memory: e.peak,
		status: e.now.status, errorType: e.now.kind, fault: e.now.fault, failure: f}
	e.init = 0
	return p
}

const sampleEvery = time.Second // looking at memory costs more than a warm invocation

func (e *environment) sample() {
	if now := time.Now(); now.Sub(e.sampled) >= sampleEvery && !e.run.child.over() {
		e.sampled = now
		e.peak = max(e.peak, peakMemory(e.run.child.pid))
	}
}

// reset ends the runtime in the background; stopped is closed when it is gone. An invocation in hand ends with it and is
// reported once the runtime's last words are in. f is how the platform ended it, if it did.
func (e *environment) reset(f *runtimeapi.Failure) {
	e.timer.Stop()
	e.sampled = time.Time{}
	e.sample()
	e.sampled = time.Time{}
	var p *report
	if e.now != nil {
		took := time.Since(e.now.began)
		if e.now.status == "timeout" {
			took = min(took, e.fn.TimeLimit())
		}
		made := e.report(took, f)
		p = &made
	}
	r, stopped := e.run, make(chan struct{})
	e.run, e.now, e.stopped = nil, nil, stopped
	e.work.Go(func() {
		defer close(stopped)
		if !r.stop(e.dir.id) {
			e.lost.Store(true)
		}
		if p != nil {
			e.reporter.end(*p)
		}
		e.journal.settleLoss()
		e.journal.during("")
	})
}

// unsampled is the trace header of an invocation that nobody traces.
func unsampled(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(now.Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
