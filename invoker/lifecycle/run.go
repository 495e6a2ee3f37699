package lifecycle

import (
	"context"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// Limits of Lambda's lifecycle.
const (
	onDemandInitLimit    = 10 * time.Second
	provisionedInitLimit = 130 * time.Second      // or the function's timeout, if that is longer
	shutdownGrace        = 500 * time.Millisecond // between SIGTERM and SIGKILL, for runtimes with an internal extension
	initErrorExit        = 500 * time.Millisecond // for a runtime to end by itself after it reported a failed Init
)

// lastWords is the time allowed for an answer that arrives with the timeout, and for the end of a runtime whose answer
// broke off.
const lastWords = 200 * time.Millisecond

// noExtensions is the registration of extensions where there are none.
var noExtensions = func() <-chan struct{} {
	registered := make(chan struct{})
	close(registered)
	return registered
}()

// run is one runtime, from its start to its end.
type run struct {
	Runtime
	session *runtimeapi.Session
	exited  chan struct{}       // closed when the runtime has ended
	failure *runtimeapi.Failure // why it ended; set before exited is closed
}

// launch starts the runtime with a session of its own.
func (e *environment) launch(ctx context.Context) error {
	r := &run{session: runtimeapi.New(e.fn), exited: make(chan struct{})}
	var err error
	if r.Runtime, err = e.sandbox.Start(ctx, r.session, noExtensions); err != nil {
		return err
	}
	e.work.Go(func() {
		r.failure = r.Wait()
		close(r.exited)
	})
	e.run = r
	return nil
}

// over reports whether the runtime has ended.
func (r *run) over() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// gone waits at most d for the runtime to end.
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
func (r *run) kill() error {
	r.session.Close()
	if r.session.Extended() {
		return r.Kill(Shutdown{Grace: shutdownGrace})
	}
	return r.Kill(Shutdown{})
}

// outcome is how a wait for the runtime ended.
type outcome int

const (
	idle      outcome = iota // it asks for an event
	answered                 // it answered the event, or reported that its Init failed
	exited                   // it ended without either
	timedOut                 // the timer fired
	cancelled                // ctx ended
	closing                  // the environment is being closed
)

// await waits for the runtime's answer or end. An answer sent before the end counts. Only callers that wait for the
// runtime to be free pass its Idle channel: the runtime may be free before its answer is received here.
func (e *environment) await(ctx context.Context, free <-chan struct{}) (outcome, runtimeapi.Answer) {
	otherwise := closing
	select {
	case <-free:
		return idle, runtimeapi.Answer{}
	case a := <-e.run.session.Answers():
		return answered, a
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
	case a := <-e.run.session.Answers():
		return answered, a
	case <-free:
		return idle, runtimeapi.Answer{}
	default:
		return otherwise, runtimeapi.Answer{}
	}
}
