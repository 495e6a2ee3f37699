package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

var (
	errClosed = errors.New("lifecycle: the environment is closed")
	errStuck  = errors.New("lifecycle: a process of the environment cannot be killed")
)

// environment is a sandbox and the runtimes in it. The goroutine that has the turn owns the fields below it.
type environment struct {
	core

	turn    chan struct{}       // holds a value while a goroutine has the turn
	session *runtimeapi.Session // of the run
	run     *run                // nil if the next invocation has to start the runtime and the extensions
	stopped chan struct{}       // closed when the previous run has been killed
	now     *invocation         // nil if the environment is free
	frozen  bool                // the runtime is
	timer   *time.Timer         // bounds Init and the invocation
	peak    int                 // MB
	sampled time.Time           // when peak was updated
	init    time.Duration       // of the first Init, until it is reported; 0 if that was in advance
}

var _ invoker.Environment = (*environment)(nil)

func newEnvironment(id string, fn config.Function, as invoker.Initialization, output *Output) *environment {
	e := &environment{
		core: core{id: id, fn: fn, as: as, output: output},
		turn: make(chan struct{}, 1), stopped: make(chan struct{}), timer: time.NewTimer(time.Hour),
	}
	e.open()
	close(e.stopped)
	e.timer.Stop()
	return e
}

// Invoke runs c, as [invoker.Environment] says.
func (e *environment) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if err := e.enter(ctx); err != nil {
		return esm.Response{}, notRun(err)
	}
	defer e.leave()
	e.begin(c)
	if e.run == nil {
		if resp, err := e.restart(ctx); e.now == nil || err != nil {
			return resp, err
		}
	}
	err := e.session.Dispatch(e.event(c, e.now.began)) // before the thaw, which then costs less
	if thaw := e.thaw(); err == nil {
		err = thaw
	}
	if err != nil {
		e.reset(runtimeapi.Faulty, nil)
		return esm.Response{}, notRun(err)
	}
	got, answer := e.await(ctx, false)
	return e.conclude(ctx, got, answer)
}

// Drain waits until the environment is free, as [invoker.Environment] says.
func (e *environment) Drain(ctx context.Context) error {
	if err := e.take(ctx); err != nil {
		return err
	}
	defer e.leave()
	return e.drain(ctx)
}

// Freeze stops the environment, as [invoker.Environment] says. A platform that cannot leaves it running.
func (e *environment) Freeze() {
	select {
	case e.turn <- struct{}{}:
		defer e.leave()
	default:
		return
	}
	if e.run != nil && e.now == nil && !e.run.over() {
		e.frozen = e.run.Freeze() == nil
	}
}

func (e *environment) thaw() error {
	if !e.frozen {
		return nil
	}
	e.frozen = false
	return e.run.Thaw()
}

// Close ends the environment, as [invoker.Environment] says. If a process cannot be killed, the sandbox stays.
func (e *environment) Close() {
	e.once.Do(func() {
		close(e.closing)
		e.turn <- struct{}{} // for good
		if e.run != nil {
			e.reset(runtimeapi.Spindown, nil)
		}
		e.work.Wait()
		if !e.lost.Load() {
			e.sandbox.Close()
		}
	})
}

// enter takes the turn and readies the environment: the runtime is free, or gone with everything it had started.
func (e *environment) enter(ctx context.Context) error {
	if err := e.take(ctx); err != nil {
		return err
	}
	if err := e.ready(ctx); err != nil {
		e.leave()
		return err
	}
	return nil
}

func (e *environment) ready(ctx context.Context) error {
	if err := e.drain(ctx); err != nil {
		return err
	}
	if e.run != nil && e.run.over() { // it ended while it was idle
		e.output.platform("", e.run.failure.Error())
		e.reset(runtimeapi.Faulty, nil)
	}
	select {
	case <-e.stopped:
		if e.lost.Load() {
			return errStuck
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.closing:
		return errClosed
	}
}

func (e *environment) take(ctx context.Context) error {
	select {
	case <-e.closing:
		return errClosed
	default:
	}
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.closing:
		return errClosed
	}
}

func (e *environment) leave() { <-e.turn }

func notRun(err error) error { return fmt.Errorf("lifecycle: %w: %w", esm.ErrNotRun, err) }
