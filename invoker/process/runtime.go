package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	pipeGrace  = 200 * time.Millisecond // for output of processes that could not be killed
	quietGrace = 200 * time.Millisecond // for reading what a runtime sent just before it died
	killWait   = 9 * time.Second        // for processes that SIGKILL does not end at once: they wait for a disk
)

// sandbox is a private directory in which one runtime after the other runs.
type sandbox struct {
	program program
	env     map[string]string
	dir     private
	output  *lifecycle.Output
}

// Extensions returns none.
func (s *sandbox) Extensions() []string { return nil }

// Dial connects to a port of this machine, as [lifecycle.Sandbox] says.
func (s *sandbox) Dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(apiHost, strconv.Itoa(port)))
}

// Start starts the runtime, as [lifecycle.Sandbox] says.
func (s *sandbox) Start(_ context.Context, api http.Handler, _ <-chan struct{}) (lifecycle.Runtime, error) {
	l, err := net.Listen("tcp", apiHost+":0")
	if err != nil {
		return nil, err
	}
	r := &running{sandbox: s, address: l.Addr().String(), killed: make(chan struct{})}
	r.server = runtimeapi.NewServer(nil)
	r.host = r.server.Host(r.address, netip.Addr{})
	r.host.Serve(api)
	r.serving.Go(func() { _ = r.server.Serve(l) }) // ends with Close; a runtime that cannot connect shows as such
	if err := r.exec(); err != nil {
		r.server.Close()
		r.serving.Wait()
		return nil, err
	}
	return r, nil
}

// Close removes the directory.
func (s *sandbox) Close() { s.dir.remove() }

// running is a runtime: its process, its Runtime API and its output.
type running struct {
	sandbox *sandbox
	server  *runtimeapi.Server
	host    *runtimeapi.Host
	address string // where server listens
	child   *child
	pipes   []*pipe
	pumps   sync.WaitGroup
	serving sync.WaitGroup
	killing atomic.Bool
	killed  chan struct{} // closed at the end of Kill
}

var _ lifecycle.Runtime = (*running)(nil)

// exec starts the process and reads its output.
func (r *running) exec() error {
	s := r.sandbox
	path, err := find(s.program.argv[0], s.program.dir, s.env["PATH"])
	if err != nil {
		return err
	}
	out, stdout, err := newPipe(s.output.Stream())
	if err != nil {
		return err
	}
	defer stdout.Close()
	outErr, stderr, err := newPipe(s.output.Stream())
	if err != nil {
		return errors.Join(err, out.file.Close())
	}
	defer stderr.Close()
	r.child, err = spawn(command{
		path: path, argv: s.program.argv, dir: s.program.dir, stdout: stdout, stderr: stderr,
		env: append(environ(s.env), "AWS_LAMBDA_RUNTIME_API="+r.address),
	})
	if err != nil {
		return errors.Join(launchError(err), out.file.Close(), outErr.file.Close())
	}
	_ = s.dir.record(r.child.pid) // a second way to find it; the mark is the first
	r.pipes = []*pipe{out, outErr}
	for _, p := range r.pipes {
		r.pumps.Go(p.pump)
	}
	return nil
}

// Wait blocks until the process has ended and what it sent has been received.
func (r *running) Wait() *runtimeapi.Failure {
	select {
	case <-r.child.exited:
	case <-r.killed: // in vain
		return runtimeapi.Exited("signal: killed")
	}
	if !r.killing.Load() {
		r.quiet()
	}
	return runtimeapi.Exited(r.child.reason())
}

// quiet waits until the server has read what a dead runtime had sent.
func (r *running) quiet() {
	ctx, cancel := context.WithTimeout(context.Background(), quietGrace)
	defer cancel()
	r.host.Quiet(ctx)
}

// Kill ends every process of the runtime, those that left its group too. Processes are killed before their connections
// are closed, because a runtime that loses its Runtime API logs an error, or loops.
func (r *running) Kill(s lifecycle.Shutdown) error {
	defer close(r.killed)
	r.killing.Store(true)
	if s.Grace > 0 && !r.child.gone(0) {
		r.child.signal(syscall.SIGTERM)
		r.child.gone(s.Grace)
	}
	r.child.signal(syscall.SIGKILL)
	ok := r.child.gone(killWait)
	if ok {
		r.child.work.Wait()
	}
	ok = killMarked(map[string]bool{r.sandbox.dir.id: true}) && ok
	for _, p := range r.pipes {
		p.cut(pipeGrace)
	}
	r.pumps.Wait()
	for _, p := range r.pipes {
		_ = p.file.Close() // was only read from
	}
	r.server.Close()
	r.serving.Wait()
	if !ok {
		return fmt.Errorf("process: some processes of process group %d cannot be killed", r.child.pid)
	}
	return nil
}

// Flush passes on what the process has written so far.
func (r *running) Flush() {
	for _, p := range r.pipes {
		p.drain()
	}
}

// Freeze stops the process group.
func (r *running) Freeze() error {
	r.child.signal(syscall.SIGSTOP)
	return nil
}

// Thaw lets it go on.
func (r *running) Thaw() error {
	r.child.signal(syscall.SIGCONT)
	return nil
}

// Memory returns the peak of the process and its living descendants.
func (r *running) Memory() int { return peakMemory(r.child.pid) }
