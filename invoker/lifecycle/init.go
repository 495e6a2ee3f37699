package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// start runs Init. If it returns an error, the environment is of no use and has to be closed.
func (e *environment) start(ctx context.Context) error {
	began := time.Now()
	got, answer, err := e.initialize(ctx, began)
	if err != nil {
		return e.broken(err)
	}
	switch got {
	case idle:
		e.initialized(time.Since(began))
		return nil
	case timedOut:
		e.reset(runtimeapi.Timeout, nil)
		if e.as == invoker.Provisioned {
			return e.broken(runtimeapi.TimedOut(e.initLimit()))
		}
		return nil
	case answered:
		e.reset(runtimeapi.Faulty, nil)
		return &invoker.Broken{
			Response: func(string) esm.Response { return answer.Response },
			Err:      e.explain(fmt.Errorf("init failed: %.1000s", answer.Response.Payload)),
		}
	case exited:
		f := e.run.failure
		e.reset(runtimeapi.Faulty, nil)
		return e.broken(f)
	default:
		return fmt.Errorf("lifecycle: start: %w", context.Cause(ctx))
	}
}

// initialized records an Init that took so long. The first invocation reports it, unless it was in advance.
func (e *environment) initialized(took time.Duration) {
	e.sample()
	if e.as != invoker.Provisioned {
		e.init = took
	}
	e.reporter.telemetry.Hold()
}

// initLimit returns how long Init may take outside of an invocation.
func (e *environment) initLimit() time.Duration {
	if e.as == invoker.Provisioned {
		return max(provisionedInitLimit, e.fn.TimeLimit())
	}
	return onDemandInitLimit
}

// restart runs Init within the invocation, whose timeout bounds it. If Init fails, its answer is that of the invocation,
// which is over then; the event has not been seen.
func (e *environment) restart(ctx context.Context) (esm.Response, error) {
	got, answer, err := e.initialize(ctx, e.now.began)
	if err != nil {
		return e.launchFailed(err)
	}
	switch got {
	case idle:
		return esm.Response{}, nil
	case answered:
		e.now.ended(statusError, answer.ErrorType, answer.Response.Fault)
		e.reset(runtimeapi.Faulty, nil)
		return answer.Response, nil
	case exited, timedOut:
		return e.conclude(ctx, got, answer)
	default:
		_, err := e.conclude(ctx, got, answer)
		return esm.Response{}, notRun(err)
	}
}

// initialize starts the runtime and the extensions, waits for the outcome of their Init, and reports one that failed. An
// error means that the runtime was not started.
func (e *environment) initialize(ctx context.Context, began time.Time) (outcome, runtimeapi.Answer, error) {
	id := ""
	if e.now != nil {
		id = e.now.id
	}
	e.reporter.initBegan(id)
	if err := e.launch(ctx); err != nil {
		e.reporter.notStarted(id, err)
		return 0, runtimeapi.Answer{}, err
	}
	if e.now == nil {
		e.timer.Reset(e.initLimit())
	}
	done := false
	got, answer := e.awaitFree(ctx, func(at time.Time) {
		done = true
		e.reporter.initRuntimeDone(at, id, statusSuccess, "")
	})
	if got == exited && e.run.failure.OfMachine() {
		return 0, runtimeapi.Answer{}, errors.New(e.run.failure.Error()) // no Failure: nothing was run
	}
	e.endInit(e.run, id, began, got, answer, done)
	return got, answer, nil
}

// launchFailed answers an invocation whose runtime could not be started.
func (e *environment) launchFailed(err error) (esm.Response, error) {
	inv := e.now
	e.now = nil
	e.timer.Stop()
	e.output.during("")
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	if !ok {
		return esm.Response{}, notRun(err)
	}
	inv.ended(statusFailure, f.Type, f.Type)
	inv.took, inv.failure = time.Since(inv.began), f
	e.reporter.end(inv, e.peak)
	return f.Response(inv.id), nil
}
