package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

var (
	errClosed = errors.New("process: the environment is closed")
	errStuck  = errors.New("process: a process of the environment cannot be ended")
)

// environment is one place in which a function runs. Whoever holds its turn owns the fields below it.
type environment struct {
	fn        config.Function
	program   program
	env       map[string]string
	initLimit time.Duration
	dir       private
	journal   *journal
	reporter  reporter

	closing chan struct{} // closed when Close begins
	once    sync.Once
	work    sync.WaitGroup // runs that are being stopped
	lost    atomic.Bool    // some process could not be ended

	turn    chan struct{} // holds a value while somebody has the turn
	run     *run          // nil when the next invocation has to start the runtime
	stopped chan struct{} // closed when the run before has been stopped
	now     *invocation   // nil once the runtime is free again
	timer   *time.Timer   // the function's timeout
	peak    int           // MB
	sampled time.Time     // when peak was looked at
	init    time.Duration // of the first run, until it is reported
}

// invocation is one that began and whose runtime is not free yet.
type invocation struct {
	id     string
	began  time.Time
	status string // of the report: success, error, timeout; failure while the runtime has not answered
	kind   string // the type of an error, for logs
	fault  string // as in the Response
}

var _ invoker.Environment = (*environment)(nil)

func (s *Starter) newEnvironment(fn config.Function) (*environment, error) {
	dir, err := s.newPrivate()
	if err != nil {
		return nil, fmt.Errorf("process: function %q: %w", fn.Name, err)
	}
	e := &environment{
		fn: fn, dir: dir, journal: newJournal(s.Trace, fn.Name),
		closing: make(chan struct{}), turn: make(chan struct{}, 1), stopped: make(chan struct{}),
		timer: time.NewTimer(time.Hour), initLimit: initLimit,
	}
	if s.initLimit != 0 {
		e.initLimit = s.initLimit
	}
	if fn.FunctionArn == "" {
		e.fn.FunctionArn = config.FunctionARN(s.region(), cmp.Or(s.AccountID, "000000000000"), fn.Name)
	}
	close(e.stopped)
	e.timer.Stop()
	e.reporter = newReporter(e.journal, fn)
	if e.program, err = s.program(fn); err != nil {
		e.Close()
		return nil, e.broken(err)
	}
	e.env = s.variables(e.fn, e.program, dir.id, dir.tmp())
	return e, nil
}

// broken is a start that failed with err, which is a *runtimeapi.Failure where it is the function's fault.
func (e *environment) broken(err error) error {
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	if !ok {
		return e.explain(err)
	}
	return &invoker.Broken{Response: f.Response, Err: e.explain(err)}
}

// explain says for people what failed, and with which last words.
func (e *environment) explain(err error) error {
	if last := e.journal.lastLine(); last != "" {
		return fmt.Errorf("process: function %q: %s: %w (last output: %s)", e.fn.Name, e.runs(), err, last)
	}
	return fmt.Errorf("process: function %q: %s: %w", e.fn.Name, e.runs(), err)
}

// runs names the command, as far as it is known, and what the user wrote instead of one.
func (e *environment) runs() string {
	var parts []string
	if e.fn.Handler != "" {
		parts = append(parts, fmt.Sprintf("handler %q", e.fn.Handler))
	}
	switch {
	case e.program.argv != nil:
		parts = append(parts, fmt.Sprintf("command %q", e.program.argv))
	case e.fn.Command != nil:
		parts = append(parts, fmt.Sprintf("command %q", e.fn.Command))
	default:
		parts = append(parts, "runtime "+e.fn.Runtime)
	}
	return strings.Join(parts, ", ")
}

// start runs Init. The environment is of no use if it returns an error, and must be closed.
func (e *environment) start(ctx context.Context) error {
	began := time.Now()
	var err error
	if e.run, err = e.launch(); err != nil {
		return e.broken(err)
	}
	e.timer.Reset(e.initLimit)
	said, answer := e.await(ctx, e.run.session.Idle())
	took := time.Since(began)
	switch said {
	case idle:
		e.init = took
		e.run.drain()
		e.sample()
		return nil
	case late:
		e.reporter.initFailed("", "init", took, "timeout", "")
		e.reset(nil)
		return nil
	case answered:
		e.run.child.gone(initErrorExit)
		e.run.drain()
		e.reporter.initFailed("", "init", took, "error", answer.ErrorType)
		text := fmt.Errorf("init failed: %.1000s", answer.Response.Payload)
		said := func(string) esm.Response { return answer.Response }
		return &invoker.Broken{Response: said, Err: e.explain(text)}
	case exited:
		f := runtimeapi.Exited(e.run.child.reason())
		e.run.drain()
		e.reporter.initFailed("", "init", took, "error", f.Type)
		return e.broken(f)
	default:
		return fmt.Errorf("process: function %q: start: %w", e.fn.Name, context.Cause(ctx))
	}
}

// Invoke runs c, as [invoker.Environment] says.
func (e *environment) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if err := e.enter(ctx); err != nil {
		return esm.Response{}, notRun(err)
	}
	defer e.leave()
	e.begin(c.ID)
	if e.run == nil {
		if resp, err := e.revive(ctx); e.now == nil || err != nil {
			return resp, err
		}
	}
	if err := e.run.session.Dispatch(e.event(c)); err != nil {
		e.reset(nil)
		return esm.Response{}, notRun(err)
	}
	said, answer := e.await(ctx, nil)
	return e.conclude(ctx, said, answer)
}

// begin opens an invocation: from here on its time runs.
func (e *environment) begin(id string) {
	e.now = &invocation{id: id, began: time.Now(), status: "failure"}
	e.timer.Reset(e.fn.TimeLimit())
	e.journal.during(id)
	e.reporter.start(id)
}

// enter takes the turn and readies the environment: nothing is owed to an invocation before, and what is left of a
// runtime that ended is gone.
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
	if e.run != nil && e.run.child.over() { // it ended while it was idle
		e.journal.platform("", runtimeapi.Exited(e.run.child.reason()).Error())
		e.reset(nil)
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

func notRun(err error) error { return fmt.Errorf("process: %w: %w", esm.ErrNotRun, err) }

// event is what the runtime gets to see of c.
func (e *environment) event(c esm.Call) runtimeapi.Event {
	arn := e.fn.FunctionArn
	if _, qualifier := config.SplitQualifier(c.Function); qualifier != "" {
		arn += ":" + qualifier
	}
	return runtimeapi.Event{
		ID: c.ID, Deadline: e.now.began.Add(e.fn.TimeLimit()), FunctionArn: arn,
		TraceID: cmp.Or(c.TraceHeader, unsampled(e.now.began)), ClientContext: c.ClientContext, Payload: c.Payload,
	}
}

// Drain waits until the runtime is free, as [invoker.Environment] says.
func (e *environment) Drain(ctx context.Context) error {
	if err := e.take(ctx); err != nil {
		return err
	}
	defer e.leave()
	return e.drain(ctx)
}

// Close ends the environment, as [invoker.Environment] says. If a process cannot be ended, its record stays for Sweep.
func (e *environment) Close() {
	e.once.Do(func() {
		close(e.closing)
		e.turn <- struct{}{} // for good
		if e.run != nil {
			e.reset(nil)
		}
		e.work.Wait()
		if !e.lost.Load() {
			e.dir.remove()
		}
	})
}
