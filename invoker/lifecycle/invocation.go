package lifecycle

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// invocation is one that has begun and whose environment is not free yet.
type invocation struct {
	id    string
	began time.Time

	traceHeader string // the caller's; empty if it gave none

	status    string // success, error, timeout, or failure while the runtime has not answered
	errorType string // for logs
	fault     string // as in the Response

	response response  // the zero response before there is one
	asked    time.Time // when the runtime asked for its next event; zero before
	extended bool      // there are extensions

	// Set at its end.
	took    time.Duration
	init    time.Duration       // of the Init before a first invocation
	failure *runtimeapi.Failure // why the platform ended it; nil if the runtime did
}

// response is the runtime's answer, for its report.
type response struct {
	began, ended time.Time
	produced     int // bytes
}

func (i *invocation) ended(status, errorType, fault string) {
	i.status, i.errorType, i.fault = status, errorType, fault
}

// answered takes note of the runtime's answer.
func (i *invocation) answered(a runtimeapi.Answer) {
	i.ended(statusSuccess, a.ErrorType, a.Response.Fault)
	if a.Response.Fault != "" {
		i.status = statusError
	}
	i.response = response{a.Began, a.Ended, a.Produced}
}

// begin opens an invocation. Its timeout starts.
func (e *environment) begin(c esm.Call) {
	e.now = &invocation{id: c.ID, began: time.Now(), traceHeader: c.TraceHeader, status: statusFailure}
	e.timer.Reset(e.fn.TimeLimit())
	e.output.during(c.ID)
	e.reporter.start(e.now)
	e.reporter.telemetry.Release()
}

// event returns what the runtime is given of call, an invocation that began then.
func (c *core) event(call esm.Call, began time.Time) runtimeapi.Event {
	arn := c.fn.FunctionArn
	if _, qualifier := config.SplitQualifier(call.Function); qualifier != "" {
		arn += ":" + qualifier
	}
	return runtimeapi.Event{
		ID: call.ID, Deadline: began.Add(c.fn.TimeLimit()), FunctionArn: arn,
		TraceID: cmp.Or(call.TraceHeader, esm.NewTraceHeader(began)), ClientContext: call.ClientContext, Payload: call.Payload,
		Stream: call.Stream,
	}
}

// conclude makes the invocation's answer. After an answer of the runtime the invocation goes on until it is drained;
// otherwise the runtime is reset.
func (e *environment) conclude(ctx context.Context, got outcome, answer runtimeapi.Answer) (esm.Response, error) {
	id := e.now.id
	if got == answered && answer.Truncated && e.run.gone(lastWords) {
		got = exited // which is why the answer broke off
	}
	switch got {
	case answered:
		e.now.answered(answer)
		if answer.Truncated {
			e.reset(runtimeapi.Faulty, nil)
		}
		return answer.Response, nil
	case exited:
		f := e.run.failure
		e.now.ended(statusFailure, f.Type, f.Type)
		e.reset(runtimeapi.Faulty, f)
		return f.Response(id), nil
	case timedOut:
		f := runtimeapi.TimedOut(e.fn.TimeLimit())
		e.now.ended(statusTimeout, f.Type, f.Type)
		e.reset(runtimeapi.Timeout, f)
		return f.Response(id), nil
	case closing:
		return esm.Response{}, errClosed // Close kills the runtime
	default:
		e.reset(runtimeapi.Faulty, nil)
		return esm.Response{}, fmt.Errorf("lifecycle: invocation %s given up: %w", id, context.Cause(ctx))
	}
}

// drain waits until the environment is free: the runtime and the extensions that got the event ask for their next. If one
// of them ends or the time is up meanwhile, the caller is not affected: it has its answer.
func (e *environment) drain(ctx context.Context) error {
	if e.lost.Load() {
		return errStuck
	}
	if e.now == nil || e.run == nil {
		return nil
	}
	switch got, _ := e.awaitFree(ctx, e.runtimeDone); got {
	case idle:
		e.finish()
	case exited:
		e.reset(runtimeapi.Faulty, e.run.failure)
	case timedOut:
		e.now.status = statusTimeout
		e.reset(runtimeapi.Timeout, runtimeapi.TimedOut(e.fn.TimeLimit()))
	case closing:
		return errClosed
	default:
		return fmt.Errorf("lifecycle: drain: %w", context.Cause(ctx))
	}
	return nil
}

// runtimeDone reports that the runtime asked for its next event at that time.
func (e *environment) runtimeDone(at time.Time) {
	e.now.asked = at
	e.reporter.runtimeDone(e.now, at)
}

// finish reports an invocation whose environment is free again. Output that arrives while it is idle belongs to it, too.
func (e *environment) finish() {
	e.timer.Stop()
	inv := e.end(nil)
	e.run.Flush()
	e.output.settleLoss()
	e.sample()
	e.reporter.ended(inv, e.peak)
	e.reporter.end(inv, e.peak)
	e.reporter.telemetry.Hold()
}

// end takes the invocation, which is over. f is why the platform ended it, or nil.
func (e *environment) end(f *runtimeapi.Failure) *invocation {
	inv := e.now
	inv.took, inv.init, inv.failure, inv.extended = time.Since(inv.began), e.init, f, e.run.extended
	if inv.status == statusTimeout {
		inv.took = min(inv.took, e.fn.TimeLimit())
	}
	e.now, e.init = nil, 0
	return inv
}

const sampleEvery = time.Second // reading memory costs more than a warm invocation

func (e *environment) sample() {
	if now := time.Now(); now.Sub(e.sampled) >= sampleEvery && !e.run.over() {
		e.sampled = now
		e.peak = max(e.peak, e.run.Memory())
		e.used.Store(int64(e.peak))
	}
}

// reset ends the run in the background, for the reason that its extensions get; stopped is closed when it is gone. The
// invocation, if there is one, ends with it and is reported after the run's last output. f is why the platform ended it,
// or nil.
func (e *environment) reset(why runtimeapi.Reason, f *runtimeapi.Failure) {
	e.timer.Stop()
	var inv *invocation
	if e.now != nil {
		inv = e.end(f)
	}
	e.sampled = time.Time{}
	e.sample()
	e.sampled = time.Time{}
	peak := e.peak
	if f.IsOutOfMemory() { // too late for a sample
		peak = e.fn.Memory()
	}
	if inv != nil {
		e.reporter.ended(inv, peak)
	}
	r, stopped, report := e.run, make(chan struct{}), e.reporter
	e.run, e.stopped, e.frozen = nil, stopped, false
	e.reporter.telemetry = e.newTelemetry()
	next := e.reporter.telemetry
	e.work.Go(func() {
		defer close(stopped)
		if r.kill(why) != nil {
			e.lost.Store(true)
		}
		if inv != nil {
			report.end(inv, peak)
		}
		e.output.settleLoss()
		e.output.during("")
		e.output.subscribers(next)
	})
}
