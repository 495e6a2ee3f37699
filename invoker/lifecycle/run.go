package lifecycle

import (
	"cmp"
	"context"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/invoker/telemetry"
)

// Limits of Lambda's lifecycle.
const (
	onDemandInitLimit    = 10 * time.Second
	provisionedInitLimit = 130 * time.Second      // or the function's timeout, if that is longer
	internalShutdown     = 500 * time.Millisecond // for a runtime to end after SIGTERM, if all extensions are internal
	externalShutdown     = 2 * time.Second        // for the runtime and external extensions to end
	runtimeShare         = 600 * time.Millisecond // of externalShutdown
	initErrorExit        = 500 * time.Millisecond // for a runtime to end by itself after it reported a failed Init
)

// lastWords is the time allowed for an answer that arrives with the timeout, and for the end of a runtime whose answer
// broke off.
const lastWords = 200 * time.Millisecond

// run is one runtime and the extensions beside it, from their start to their end.
type run struct {
	Runtime
	api     session
	exited  chan struct{}       // closed when the runtime or an extension has failed or ended
	failure *runtimeapi.Failure // the first; set before exited is closed

	telemetry *telemetry.Subscriptions
	extended  bool      // there are extensions; known at the end of Init
	asked     time.Time // when the runtime asked last, of an outcome asks
}

// launch starts the runtime and the extensions.
func (e *environment) launch(ctx context.Context) error {
	names, err := e.extensions()
	if err != nil {
		return err
	}
	s := runtimeapi.New(e.fn, names...)
	s.Subscribe = e.reporter.subscribe
	r, err := e.core.launch(ctx, s)
	if err != nil {
		return err
	}
	e.session, e.run = s, r
	return nil
}

// watch waits for the end of the run. What an extension reported before it ended is the reason.
func (r *run) watch(ended <-chan *runtimeapi.Failure) {
	defer close(r.exited)
	select {
	case r.failure = <-r.api.Failed():
	case r.failure = <-ended:
		select {
		case r.failure = <-r.api.Failed():
		default:
		}
	}
}

// over reports whether the runtime or an extension has ended or failed.
func (r *run) over() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// gone waits at most d for that.
func (r *run) gone(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.exited:
		return true
	case <-t.C:
		return false
	}
}

// kill ends the run. The session is closed first, so that nothing counts that the runtime still says.
func (r *run) kill(why runtimeapi.Reason) error {
	r.api.Close()
	defer r.telemetry.Stop()
	return r.lastTelemetry(r.shutdown(why), r.Kill)
}

// shutdown returns how the run ends: at once without extensions; otherwise the runtime gets SIGTERM, and after its end the
// external extensions are told, if they want to be.
func (r *run) shutdown(why runtimeapi.Reason) Shutdown {
	var s Shutdown
	for _, ext := range r.api.Extensions() {
		if ext.External {
			s.Grace = runtimeShare
		}
		s.Grace = cmp.Or(s.Grace, internalShutdown)
		if ext.WantsShutdown() {
			s.Told = append(s.Told, ext.Name)
		}
	}
	if len(s.Told) > 0 {
		deadline := time.Now().Add(externalShutdown)
		s.Extensions = externalShutdown
		s.Notify = func() { r.api.Shutdown(why, deadline) }
	}
	return s
}

// outcome is how a wait for the runtime ended.
type outcome int

const (
	idle      outcome = iota // the environment is free
	answered                 // the runtime answered the event, or reported that its Init failed
	exited                   // it ended without either, or an extension failed
	timedOut                 // the timer fired
	cancelled                // ctx ended
	closing                  // the environment is being closed
	asks                     // the runtime asks for an event, while extensions may still work
)

// awaitFree waits like await until the environment is free. It calls done when the runtime asks for an event, with the time.
func (e *environment) awaitFree(ctx context.Context, done func(time.Time)) (outcome, runtimeapi.Answer) {
	for {
		got, answer := e.await(ctx, true)
		switch got {
		case asks:
			done(e.run.asked)
			continue
		case idle:
			select {
			case at := <-e.session.Asked():
				done(at)
			default:
			}
		}
		return got, answer
	}
}

// await waits for the runtime's answer or the run's end. An answer sent before the end counts. Only callers that wait for
// the environment to be free ask for that: it may be free before the answer is received here.
func (e *environment) await(ctx context.Context, untilFree bool) (outcome, runtimeapi.Answer) {
	var free <-chan struct{}
	var asked <-chan time.Time
	if untilFree {
		free, asked = e.session.Idle(), e.session.Asked()
	}
	otherwise := closing
	select {
	case <-free:
		return idle, runtimeapi.Answer{}
	case a := <-e.session.Answers():
		return answered, a
	case e.run.asked = <-asked:
		return asks, runtimeapi.Answer{}
	case <-e.closing:
		return closing, runtimeapi.Answer{}
	case <-e.run.exited:
		otherwise = exited
	case <-e.timer.C:
		e.timer.Reset(lastWords) // for what is still to come, if there is an answer
		otherwise = timedOut
	case <-ctx.Done():
		otherwise = cancelled
	}
	select { // what the runtime said at the same moment wins
	case a := <-e.session.Answers():
		return answered, a
	case <-free:
		return idle, runtimeapi.Answer{}
	default:
		return otherwise, runtimeapi.Answer{}
	}
}
