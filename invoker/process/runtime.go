package process

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	pipeGrace  = 200 * time.Millisecond // for output of processes that could not be killed
	quietGrace = 200 * time.Millisecond // for reading what a process sent just before it died
	killWait   = 9 * time.Second        // for processes that SIGKILL does not end at once: they wait for a disk
)

// running is a runtime with its extensions: their processes, their Runtime API and their output.
type running struct {
	sandbox *sandbox
	path    string // of the runtime
	server  *runtimeapi.Server
	host    *runtimeapi.Host
	address string // where server listens
	serving sync.WaitGroup

	stop     chan struct{}            // closed when Kill begins: the runtime is not started any more
	starting sync.WaitGroup           // of the runtime, after the extensions have registered
	watching sync.WaitGroup           // for the end of each process
	ended    chan *runtimeapi.Failure // the first end
	killing  atomic.Bool
	killed   chan struct{} // closed at the end of Kill

	mu      sync.Mutex
	members []*member // that were started; the slice is replaced, and never changed
}

var _ lifecycle.Runtime = (*running)(nil)

func newRunning(s *sandbox, path, address string, api http.Handler) *running {
	r := &running{
		sandbox: s, path: path, address: address, server: runtimeapi.NewServer(nil),
		stop: make(chan struct{}), killed: make(chan struct{}), ended: make(chan *runtimeapi.Failure, 1),
	}
	r.host = r.server.Host(address, netip.Addr{})
	r.host.Serve(api)
	return r
}

// start starts the extensions, and the runtime when they have registered. Only a runtime that need not wait is started
// before it returns. After an error there may be extensions to kill.
func (r *running) start(registered <-chan struct{}) error {
	for _, name := range r.sandbox.Extensions() {
		if err := r.startExtension(name); err != nil {
			return err
		}
	}
	select {
	case <-registered:
		return r.startRuntime()
	default:
	}
	r.starting.Go(func() {
		select {
		case <-registered:
			if err := r.startRuntime(); err != nil {
				r.end(lateFailure(err))
			}
		case <-r.stop:
		}
	})
	return nil
}

func (r *running) startExtension(name string) error {
	path := r.sandbox.extensions[name]
	m, err := r.sandbox.spawn(r.sandbox.output.ExtensionStream, path, []string{path}, r.sandbox.extensionEnv, r.address)
	if err != nil {
		if machineFault(err) {
			return err
		}
		return runtimeapi.ExtensionNotStarted(name, err)
	}
	m.name = name
	r.add(m, func() *runtimeapi.Failure {
		f := runtimeapi.ExtensionCrashed(m.reason())
		f.Extension = name
		return f
	})
	return nil
}

func (r *running) startRuntime() error {
	m, err := r.sandbox.spawn(r.sandbox.output.Stream, r.path, r.sandbox.program.argv, r.sandbox.env, r.address)
	if err != nil {
		return launchError(err)
	}
	r.add(m, func() *runtimeapi.Failure { return runtimeapi.Exited(m.reason()) })
	return nil
}

// add makes m one of r's processes. When m ends, failure says what that means.
func (r *running) add(m *member, failure func() *runtimeapi.Failure) {
	r.mu.Lock()
	r.members = append(slices.Clone(r.members), m)
	r.mu.Unlock()
	var pids []int
	for _, m := range r.all() {
		pids = append(pids, m.pid)
	}
	_ = r.sandbox.dir.record(pids) // a second way to find them; the mark is the first
	r.watching.Go(func() {
		<-m.exited
		r.end(failure())
	})
}

// all returns the processes that were started.
func (r *running) all() []*member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members
}

// end records why the run is over. The first reason counts.
func (r *running) end(f *runtimeapi.Failure) {
	select {
	case r.ended <- f:
	default:
	}
}

// Wait blocks until a process has ended and what it sent has been received.
func (r *running) Wait() *runtimeapi.Failure {
	select {
	case f := <-r.ended:
		if !r.killing.Load() {
			r.quiet()
		}
		return f
	case <-r.killed: // in vain
		return runtimeapi.Exited("signal: killed")
	}
}

// quiet waits until the server has read what a dead process had sent. Connections of living processes do not end; while there
// are some, quiet takes its whole time.
func (r *running) quiet() {
	ctx, cancel := context.WithTimeout(context.Background(), quietGrace)
	defer cancel()
	r.host.Quiet(ctx)
}

// Flush passes on what the processes have written so far.
func (r *running) Flush() {
	for _, m := range r.all() {
		m.flush()
	}
}

// Freeze stops the process groups.
func (r *running) Freeze() error {
	r.signal(syscall.SIGSTOP)
	return nil
}

// Thaw lets them go on.
func (r *running) Thaw() error {
	r.signal(syscall.SIGCONT)
	return nil
}

func (r *running) signal(sig syscall.Signal) {
	for _, m := range r.all() {
		m.signal(sig)
	}
}

// Memory returns the sum of the peaks of the processes and their living descendants.
func (r *running) Memory() int {
	sum := 0
	for _, m := range r.all() {
		sum += peakMemory(m.pid)
	}
	return sum
}

// lateFailure is the failure of a runtime that could not be started after its extensions had.
func lateFailure(err error) *runtimeapi.Failure {
	if f, ok := errors.AsType[*runtimeapi.Failure](err); ok {
		return f
	}
	return runtimeapi.SandboxFailed(err.Error())
}
