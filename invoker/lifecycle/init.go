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
	if err := e.launch(ctx); err != nil {
		return e.broken(err)
	}
	e.timer.Reset(initLimit)
	got, answer := e.await(ctx, e.run.session.Idle())
	took := time.Since(began)
	switch got {
	case idle:
		e.init = took
		e.run.Flush()
		e.sample()
		return nil
	case timedOut:
		e.reporter.initFailed("", took, "timeout", "")
		e.reset(nil)
		return nil
	case answered:
		e.run.gone(initErrorExit)
		e.run.Flush()
		e.reporter.initFailed("", took, "error", answer.ErrorType)
		text := fmt.Errorf("init failed: %.1000s", answer.Response.Payload)
		return &invoker.Broken{
			Response: func(string) esm.Response { return answer.Response },
			Err:      e.explain(text),
		}
	case exited:
		e.run.Flush()
		e.reporter.initFailed("", took, "error", e.run.failure.Type)
		return e.broken(e.run.failure)
	default:
		return fmt.Errorf("lifecycle: start: %w", context.Cause(ctx))
	}
}

// restart runs Init within the invocation, whose timeout bounds it. If Init fails, its answer is that of the invocation,
// which is over then; the event has not been seen.
func (e *environment) restart(ctx context.Context) (esm.Response, error) {
	if err := e.launch(ctx); err != nil {
		return e.launchFailed(err)
	}
	got, answer := e.await(ctx, e.run.session.Idle())
	id, took := e.now.id, time.Since(e.now.began)
	switch got {
	case idle:
		return esm.Response{}, nil
	case answered:
		e.run.gone(initErrorExit)
		e.reporter.initFailed(id, took, "error", answer.ErrorType)
		e.now.ended("error", answer.ErrorType, answer.Response.Fault)
		e.reset(nil)
		return answer.Response, nil
	case exited:
		e.reporter.initFailed(id, took, "error", e.run.failure.Type)
	case timedOut:
		e.reporter.initFailed(id, took, "timeout", "")
	default:
		_, err := e.conclude(ctx, got, answer)
		return esm.Response{}, notRun(err)
	}
	return e.conclude(ctx, got, answer)
}

// launchFailed answers an invocation whose runtime could not be started again.
func (e *environment) launchFailed(err error) (esm.Response, error) {
	inv := e.now
	e.now = nil
	e.timer.Stop()
	e.output.during("")
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	if !ok {
		return esm.Response{}, notRun(err)
	}
	inv.ended("error", f.Type, f.Type)
	inv.took, inv.failure = time.Since(inv.began), f
	e.reporter.end(inv, e.peak)
	return f.Response(inv.id), nil
}
