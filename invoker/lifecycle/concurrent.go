package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// managedInstances is the value of AWS_LAMBDA_INITIALIZATION_TYPE in every concurrent environment.
const managedInstances invoker.Initialization = "lambda-managed-instances"

// concurrent is an environment whose runtime handles several events at once. The runtime is started once: after a crash, of the
// runtime or an extension, the environment is replaced. A timeout ends one invocation and nothing else (AWS: "Understanding the
// Lambda Managed Instances execution environment").
type concurrent struct {
	core
	session *runtimeapi.ConcurrentSession
	run     *run              // nil if it could not be started
	why     runtimeapi.Reason // of the end, unless it is a crash

	crashed  atomic.Bool  // run was over when Close began
	reported atomic.Bool  // an invocation has reported the crash
	sampled  atomic.Int64 // when memory was read, in nanoseconds of Unix time
}

var _ invoker.Environment = (*concurrent)(nil)

func newConcurrent(id string, fn config.Function, as invoker.Initialization, output *Output) *concurrent {
	e := &concurrent{core: core{id: id, fn: fn, as: as, output: output}, why: runtimeapi.Spindown}
	e.open()
	return e
}

// start runs Init. If it returns an error, the environment is of no use and has to be closed.
func (e *concurrent) start(ctx context.Context) error {
	began := time.Now()
	e.reporter.initBegan("")
	if err := e.launch(ctx); err != nil {
		e.reporter.notStarted("", err)
		return e.broken(err)
	}
	got, answer := e.awaitInit(ctx)
	if got == exited && e.run.failure.OfMachine() {
		return e.explain(errors.New(e.run.failure.Error())) // no Failure: nothing was run
	}
	done := false
	select {
	case at := <-e.session.Asked():
		done = true
		e.reporter.initRuntimeDone(at, "", statusSuccess, "")
	default:
	}
	e.endInit(e.run, "", began, got, answer, done)
	switch got {
	case idle:
		e.sample()
		<-e.session.Claim() // the place that is free after a start: at least one request waits
		return nil
	case answered:
		e.why = runtimeapi.Faulty
		return &invoker.Broken{
			Response: func(string) esm.Response { return answer.Response },
			Err:      e.explain(fmt.Errorf("init failed: %.1000s", answer.Response.Payload)),
		}
	case exited:
		e.reported.Store(true)
		return e.broken(e.run.failure)
	case timedOut:
		e.why = runtimeapi.Timeout
		return e.broken(runtimeapi.TimedOut(e.initLimit()))
	default:
		return fmt.Errorf("lifecycle: start: %w", context.Cause(ctx))
	}
}

func (e *concurrent) launch(ctx context.Context) error {
	names, err := e.extensions()
	if err != nil {
		return err
	}
	s := runtimeapi.NewConcurrent(e.fn, names...)
	s.Subscribe = e.reporter.subscribe
	r, err := e.core.launch(ctx, s)
	if err != nil {
		return err
	}
	e.session, e.run = s, r
	return nil
}

// initLimit returns how long Init may take.
func (e *concurrent) initLimit() time.Duration { return max(provisionedInitLimit, e.fn.TimeLimit()) }

// awaitInit waits for the outcome of Init: idle, answered, exited, timedOut or cancelled.
func (e *concurrent) awaitInit(ctx context.Context) (outcome, runtimeapi.Answer) {
	limit := time.NewTimer(e.initLimit())
	defer limit.Stop()
	otherwise := cancelled
	select {
	case <-e.session.Ready():
		return idle, runtimeapi.Answer{}
	case a := <-e.session.InitError():
		return answered, a
	case <-e.run.exited:
		otherwise = exited
	case <-limit.C:
		otherwise = timedOut
	case <-ctx.Done():
	}
	select { // what the runtime said at the same moment wins
	case a := <-e.session.InitError():
		return answered, a
	default:
		return otherwise, runtimeapi.Answer{}
	}
}

// Invoke runs c in one of the places, as [invoker.Environment] says.
func (e *concurrent) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if e.run.over() {
		return esm.Response{}, invoker.ErrNoPlace
	}
	inv := &invocation{id: c.ID, began: time.Now(), traceHeader: c.TraceHeader, status: statusFailure, extended: e.run.extended}
	answers, err := e.session.Dispatch(e.event(c, inv.began))
	switch {
	case errors.Is(err, runtimeapi.ErrNoRequest):
		return esm.Response{}, invoker.ErrNoPlace
	case err != nil:
		return esm.Response{}, notRun(err)
	}
	e.reporter.start(inv)
	got, answer := e.await(ctx, c.ID, answers)
	return e.conclude(ctx, inv, got, answer)
}

// await waits for the answer to an event or the reason why there is none: answered, exited, timedOut, cancelled, closing, or
// idle for an event that was not sent.
func (e *concurrent) await(ctx context.Context, id string, answers <-chan runtimeapi.Answer) (outcome, runtimeapi.Answer) {
	limit := time.NewTimer(e.fn.TimeLimit())
	defer limit.Stop()
	otherwise := cancelled
	select {
	case a, sent := <-answers:
		return whetherSent(sent), a
	case <-e.run.exited:
		otherwise = e.ending()
	case <-e.closing:
		otherwise = e.ending()
	case <-limit.C:
		otherwise = timedOut
	case <-ctx.Done():
	}
	e.session.GiveUp(id)
	select { // what the runtime said at the same moment wins
	case a, sent := <-answers:
		return whetherSent(sent), a
	default:
		return otherwise, runtimeapi.Answer{}
	}
}

func whetherSent(sent bool) outcome {
	if sent {
		return answered
	}
	return idle
}

// ending returns whether an environment that ends does so by itself, exited, or because it is being closed.
func (e *concurrent) ending() outcome {
	select {
	case <-e.closing:
		if !e.crashed.Load() {
			return closing
		}
	default:
	}
	return exited
}

// conclude makes the answer of an invocation and reports its end.
func (e *concurrent) conclude(ctx context.Context, inv *invocation, got outcome, answer runtimeapi.Answer) (esm.Response, error) {
	if got == answered && answer.Truncated && e.run.gone(lastWords) && e.ending() == exited {
		got = exited // which is why the answer broke off
	}
	var resp esm.Response
	switch got {
	case answered:
		inv.answered(answer)
		resp = answer.Response
	case exited:
		e.reported.Store(true)
		inv.failure = e.run.failure
		inv.ended(statusFailure, inv.failure.Type, inv.failure.Type)
		resp = inv.failure.Response(inv.id)
	case timedOut:
		inv.failure = runtimeapi.TimedOut(e.fn.TimeLimit())
		inv.ended(statusTimeout, inv.failure.Type, inv.failure.Type)
		resp = inv.failure.Bare()
	case idle:
		return esm.Response{}, invoker.ErrNoPlace
	case closing:
		return esm.Response{}, errClosed
	default:
		return esm.Response{}, fmt.Errorf("lifecycle: invocation %s given up: %w", inv.id, context.Cause(ctx))
	}
	inv.took = time.Since(inv.began)
	if got == timedOut {
		inv.took = min(inv.took, e.fn.TimeLimit())
	}
	e.sample()
	peak := e.Memory()
	if inv.failure.IsOutOfMemory() { // too late for a sample
		peak = e.fn.Memory()
	}
	e.reporter.concluded(inv, peak)
	return resp, nil
}

// Drain waits until one more request of the runtime for an event waits, as [invoker.Environment] says.
func (e *concurrent) Drain(ctx context.Context) error {
	claim := e.session.Claim()
	var err error
	select {
	case <-claim:
		return nil
	case <-e.run.exited:
		err = fmt.Errorf("lifecycle: %w", e.run.failure)
	case <-e.closing:
		err = errClosed
	case <-ctx.Done():
		err = fmt.Errorf("lifecycle: drain: %w", context.Cause(ctx))
	}
	e.session.Withdraw(claim)
	return err
}

// Freeze does nothing: workers may be busy with what has timed out.
func (e *concurrent) Freeze() {}

// sample reads the memory, at most once a second.
func (e *concurrent) sample() {
	now, last := time.Now(), e.sampled.Load()
	if now.UnixNano()-last < int64(sampleEvery) || e.run.over() || !e.sampled.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	memory := int64(e.run.Memory())
	for peak := e.used.Load(); memory > peak && !e.used.CompareAndSwap(peak, memory); peak = e.used.Load() {
	}
}

// Close ends the environment, as [invoker.Environment] says. If a process cannot be killed, the sandbox stays.
func (e *concurrent) Close() {
	e.once.Do(func() {
		if e.run != nil {
			e.crashed.Store(e.run.over())
		}
		close(e.closing)
		if e.run != nil {
			e.end()
		}
		e.work.Wait()
		if !e.lost.Load() {
			e.sandbox.Close()
		}
	})
}

// end kills the run, and reports a crash that no invocation has reported.
func (e *concurrent) end() {
	why := e.why
	if e.crashed.Load() {
		why = runtimeapi.Faulty
		if !e.reported.Load() {
			e.output.platform("", e.run.failure.Error())
		}
	}
	if e.run.kill(why) != nil {
		e.lost.Store(true)
	}
	e.output.settleLoss()
}
