package docker

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	quietGrace = 200 * time.Millisecond // for reading what a container sent just before it died
	killWait   = 10 * time.Second       // for the daemon to kill a container
	askAgain   = 250 * time.Millisecond // when the daemon is away
	lateNotice = 500 * time.Millisecond // for the daemon to learn that a container ran out of memory
)

// running is a container that was started.
type running struct {
	*sandbox
	output *output
	ctx    context.Context // ends when the container has been killed
	cancel context.CancelFunc
	work   sync.WaitGroup

	ended chan struct{} // closed when the container has ended; then code and oom are set
	code  int
	oom   bool

	crashed chan *runtimeapi.Failure // of an extension
	members map[string]*member       // extensions by name; complete when start returns
	killing atomic.Bool
	killed  chan struct{} // closed at the end of Kill
	frozen  atomic.Bool
	files   memoryFiles
}

var _ lifecycle.Runtime = (*running)(nil)

func newRunning(s *sandbox) *running {
	r := &running{
		sandbox: s, output: newOutput(s.spec.Output), ended: make(chan struct{}), killed: make(chan struct{}),
		crashed: make(chan *runtimeapi.Failure, 1), members: map[string]*member{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// start starts the container. It is asked about its end, and its output is read, before: nothing is missed. After an error
// there is something to undo.
func (r *running) start(ctx context.Context, api http.Handler) error {
	ended, err := r.await(ctx, container.WaitConditionNextExit)
	if err != nil {
		return r.docker.explain("wait for a container", err)
	}
	r.work.Go(func() { r.watch(ended) })
	attached := r.attach(ctx)
	if attached != nil && !r.docker.podman { // which makes the process here, but says only at the start what is wrong with it
		return r.docker.explain("attach to a container", attached)
	}
	if r.spec.Function.Container.CPULimit {
		api = r.limitAfterInit(api)
	}
	r.seat.serve(api)
	_, err = bounded(ctx, startTime, func(ctx context.Context) (client.ContainerStartResult, error) {
		return r.docker.ContainerStart(ctx, r.container, client.ContainerStartOptions{})
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return r.startFailed(r.docker, err, r.status(ctx))
	}
	if attached != nil {
		return r.docker.explain("attach to a container", attached)
	}
	r.work.Go(r.listen)
	return r.startExtensions(ctx)
}

// status returns the exit code that the daemon notes for a container that it could not start, or 0.
func (r *running) status(ctx context.Context) int {
	if got, err := r.inspect(ctx); err == nil {
		return got.ExitCode
	}
	return 0
}

func (r *running) inspect(ctx context.Context) (*container.State, error) {
	got, err := bounded(ctx, askTime, func(ctx context.Context) (client.ContainerInspectResult, error) {
		return r.docker.ContainerInspect(ctx, r.container, client.ContainerInspectOptions{})
	})
	if err != nil {
		return nil, err
	}
	if got.Container.State == nil {
		return &container.State{}, nil
	}
	return got.Container.State, nil
}

// undo ends what start began.
func (r *running) undo() {
	if r.ctx.Err() == nil && !r.over() {
		_, _ = bounded(context.Background(), killTime, r.sigkill) // it does not run in most cases
	}
	r.cancel()
	r.seat.serve(nil)
	r.output.close()
	r.work.Wait()
}

// await asks the daemon for the end of the container. It returns when the daemon has the question.
func (r *running) await(ctx context.Context, condition container.WaitCondition) (client.ContainerWaitResult, error) {
	slow := time.AfterFunc(askTime, r.cancel)
	defer slow.Stop()
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	got := r.docker.ContainerWait(r.ctx, r.container, client.ContainerWaitOptions{Condition: condition})
	select {
	case err := <-got.Error:
		if ctx.Err() == nil && r.ctx.Err() != nil {
			err = context.DeadlineExceeded
		}
		return got, err
	default:
		return got, nil
	}
}

// attach begins to read the container's output.
func (r *running) attach(ctx context.Context) error {
	got, err := bounded(ctx, attachTime, func(ctx context.Context) (client.ContainerAttachResult, error) {
		return r.docker.ContainerAttach(ctx, r.container, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	})
	if err != nil {
		return err
	}
	r.output.read(got.HijackedResponse, r.output.to.Stream)
	return nil
}

// watch waits for the end of the container. If the daemon goes away meanwhile, the container may live on: watch asks again
// when the daemon is back.
func (r *running) watch(end client.ContainerWaitResult) {
	defer close(r.ended)
	for {
		select {
		case got := <-end.Result:
			r.code = int(got.StatusCode)
		case <-end.Error:
			state, again := r.rejoin()
			if again != nil {
				end = *again
				continue
			}
			r.code = state.ExitCode
		}
		if r.code == sigkilled && r.ctx.Err() == nil {
			r.oom = r.outOfMemory()
		}
		return
	}
}

// outOfMemory reports whether the kernel killed the container for its memory. On a busy machine the daemon learns that a little
// after the end.
func (r *running) outOfMemory() bool {
	const looks = 5
	for range looks {
		if state, err := r.inspect(r.ctx); err != nil || state.OOMKilled {
			return err == nil
		}
		if r.killing.Load() {
			return false // that is why it ended
		}
		select {
		case <-time.After(lateNotice / looks):
		case <-r.ctx.Done():
		}
	}
	return false
}

const sigkilled = 137 // the status of a container whose first process was killed

// rejoin returns the state of a container that ended while the daemon was away, or what to wait for if it still runs.
func (r *running) rejoin() (*container.State, *client.ContainerWaitResult) {
	lost := &container.State{ExitCode: sigkilled}
	for {
		select {
		case <-time.After(askAgain):
		case <-r.ctx.Done():
			return lost, nil
		}
		state, err := r.inspect(r.ctx)
		switch {
		case errdefs.IsNotFound(err):
			return lost, nil
		case err != nil:
			continue
		case !state.Running:
			return state, nil
		}
		if err := r.attach(r.ctx); err != nil {
			continue
		}
		got, err := bounded(r.ctx, askTime, func(ctx context.Context) (client.ContainerWaitResult, error) {
			return r.docker.ContainerWait(r.ctx, r.container, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning}), nil
		})
		if err == nil {
			return nil, &got
		}
	}
}

func (r *running) over() bool { return r.gone(0) }

// gone waits at most d for the container to end.
func (r *running) gone(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.ended:
		return true
	default:
	}
	select {
	case <-r.ended:
		return true
	case <-t.C:
		return false
	}
}

// listen warns if nothing reaches the Runtime API.
func (r *running) listen() {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	go func() { // ends with ctx, or before
		select {
		case <-r.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	r.seat.expect(ctx, r.output.lastLine)
}

// limitAfterInit returns api with a limit of the CPU time from the first request for an event on: Init is over then.
func (r *running) limitAfterInit(api http.Handler) http.Handler {
	initialized := make(chan struct{})
	r.work.Go(func() {
		select {
		case <-initialized:
		case <-r.ctx.Done():
			return
		}
		r.capped = true // Kill waits for this
		if err := r.limitCPU(r.ctx, cpuLimit(r.spec.Function)); err != nil && r.ctx.Err() == nil {
			r.platform.warn(r.spec.Function.Name, fmt.Sprintf("Container.CPULimit has no effect: %v", err))
		}
	})
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/invocation/next") {
			once.Do(func() { close(initialized) })
		}
		api.ServeHTTP(w, req)
	})
}

// Wait blocks until the container has ended and what it sent has been received, or an extension has ended.
func (r *running) Wait() *runtimeapi.Failure {
	select {
	case <-r.ended:
	case f := <-r.crashed:
		return f
	case <-r.killed: // perhaps in vain
		return runtimeapi.Exited(reason(sigkilled))
	}
	if !r.killing.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), quietGrace)
		defer cancel()
		r.seat.quiet(ctx)
	}
	if r.oom {
		return runtimeapi.OutOfMemory()
	}
	return runtimeapi.Exited(reason(r.code))
}

// Flush passes on what has been written so far, as [lifecycle.Runtime] says.
func (r *running) Flush() { r.output.flush() }

// Freeze pauses the container.
func (r *running) Freeze() error {
	if r.over() {
		return nil
	}
	_, err := bounded(context.Background(), pauseTime, func(ctx context.Context) (client.ContainerPauseResult, error) {
		return r.docker.ContainerPause(ctx, r.container, client.ContainerPauseOptions{})
	})
	if err != nil && !r.over() {
		return r.docker.explain("pause a container", err)
	}
	r.frozen.Store(true)
	return nil
}

// Thaw lets it go on.
func (r *running) Thaw() error {
	if !r.frozen.Swap(false) || r.over() {
		return nil
	}
	_, err := bounded(context.Background(), pauseTime, func(ctx context.Context) (client.ContainerUnpauseResult, error) {
		return r.docker.ContainerUnpause(ctx, r.container, client.ContainerUnpauseOptions{})
	})
	if err != nil && !r.over() {
		return r.docker.explain("unpause a container", err)
	}
	return nil
}
