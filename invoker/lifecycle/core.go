package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// core is what environments have in common, however many invocations they run at once.
type core struct {
	id       string
	fn       config.Function
	as       invoker.Initialization
	sandbox  Sandbox
	output   *Output
	reporter reporter

	closing chan struct{} // closed when Close begins
	once    sync.Once
	work    sync.WaitGroup // waits for runtimes, and kills them
	lost    atomic.Bool    // some process could not be killed
	used    atomic.Int64   // peak, for Memory
}

// open readies c, which has its fields up to output.
func (c *core) open() {
	c.closing = make(chan struct{})
	c.reporter = newReporter(c.output, c.fn, c.as)
	c.reporter.telemetry = c.newTelemetry()
	c.output.subscribers(c.reporter.telemetry)
}

// ID returns the identifier, as [invoker.Environment] says.
func (c *core) ID() string { return c.id }

// Memory returns the peak, as [invoker.Environment] says.
func (c *core) Memory() int { return int(c.used.Load()) }

// session is what a run uses of [runtimeapi.Session] and [runtimeapi.ConcurrentSession].
type session interface {
	http.Handler
	Registered() <-chan struct{}
	Failed() <-chan *runtimeapi.Failure
	Extensions() []runtimeapi.Extension
	Shutdown(why runtimeapi.Reason, deadline time.Time)
	Close()
}

// extensions returns the names of the environment's external extensions, or a Failure if there are too many.
func (c *core) extensions() ([]string, error) {
	names := c.sandbox.Extensions()
	if len(names) > runtimeapi.MaxExtensions {
		return nil, runtimeapi.TooManyExtensions(names)
	}
	return names, nil
}

// launch starts the runtime and the extensions with a session of their own.
func (c *core) launch(ctx context.Context, s session) (*run, error) {
	r := &run{api: s, exited: make(chan struct{}), telemetry: c.reporter.telemetry}
	var err error
	if r.Runtime, err = c.sandbox.Start(ctx, s, s.Registered()); err != nil {
		return nil, err
	}
	ended := make(chan *runtimeapi.Failure, 1)
	c.work.Go(func() { ended <- r.Wait() })
	c.work.Go(func() { r.watch(ended) })
	return r, nil
}

// endInit takes note of the outcome of r's Init, which began then, within the invocation id or before any. done means that
// the end of the runtime's part has been reported. It reports an Init that failed.
func (c *core) endInit(r *run, id string, began time.Time, got outcome, answer runtimeapi.Answer, done bool) {
	took := time.Since(began)
	if got == answered {
		r.gone(initErrorExit)
	}
	r.Flush()
	r.telemetry.Close()
	r.extended = len(r.api.Extensions()) > 0
	c.reporter.extensions(id, got, r)
	status, errorType := initStatus(r, got, answer)
	if status == "" {
		return
	}
	if !done {
		c.reporter.initRuntimeDone(time.Now(), id, status, errorType)
	}
	c.reporter.initEnded(id, took, status, errorType)
}

// initStatus returns how an Init with this outcome ended; the status is empty if it was given up.
func initStatus(r *run, got outcome, answer runtimeapi.Answer) (status, errorType string) {
	switch got {
	case idle:
		return statusSuccess, ""
	case answered:
		return statusError, answer.ErrorType
	case exited:
		return statusFailure, r.failure.Type
	case timedOut:
		return statusTimeout, ""
	default:
		return "", ""
	}
}

// broken returns the error of a start that failed with err: an [invoker.Broken] if the function is to blame.
func (c *core) broken(err error) error {
	f, ok := errors.AsType[*runtimeapi.Failure](err)
	if !ok {
		return c.explain(err)
	}
	return &invoker.Broken{Response: f.Response, Err: c.explain(err)}
}

// explain adds to err what runs the function, and the last line that it wrote.
func (c *core) explain(err error) error {
	var parts []string
	if c.fn.Handler != "" {
		parts = append(parts, fmt.Sprintf("handler %q", c.fn.Handler))
	}
	switch {
	case c.fn.Command != nil:
		parts = append(parts, fmt.Sprintf("command %q", c.fn.Command))
	case c.fn.ImageUri != "":
		parts = append(parts, "image "+c.fn.ImageUri)
	default:
		parts = append(parts, "runtime "+c.fn.Runtime)
	}
	what := strings.Join(parts, ", ")
	if last := c.output.lastLine(); last != "" {
		return fmt.Errorf("start %s: %w (last output: %s)", what, err, last)
	}
	return fmt.Errorf("start %s: %w", what, err)
}
