package process

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	pipeGrace = 200 * time.Millisecond // for output that somebody who got away could still write
	saidGrace = 200 * time.Millisecond // for taking in what a runtime said just before it died
	killWait  = 9 * time.Second        // for processes that not even SIGKILL ends at once: they wait for a disk
)

// run is one life of an environment's runtime, from its start to the end of all its processes.
type run struct {
	session *runtimeapi.Session
	server  *runtimeapi.Server
	address string // where server listens
	child   *child
	pipes   []*pipe
	pumps   sync.WaitGroup
	serving sync.WaitGroup
}

// launch starts the runtime with a session of its own.
func (e *environment) launch() (*run, error) {
	l, err := net.Listen("tcp", apiHost+":0")
	if err != nil {
		return nil, err
	}
	r := &run{session: runtimeapi.New(e.fn), server: runtimeapi.NewServer(), address: l.Addr().String()}
	r.server.Add(r.address, r.session)
	r.serving.Go(func() { _ = r.server.Serve(l) }) // ends with Close; a runtime that cannot connect is seen as such
	if err := r.exec(e); err != nil {
		r.session.Close()
		r.server.Close()
		r.serving.Wait()
		return nil, err
	}
	return r, nil
}

// exec starts the process, its output going to e's journal.
func (r *run) exec(e *environment) error {
	path, err := find(e.program.argv[0], e.program.dir, e.env["PATH"])
	if err != nil {
		return err
	}
	out, stdout, err := newPipe(e.journal)
	if err != nil {
		return err
	}
	defer stdout.Close()
	outErr, stderr, err := newPipe(e.journal)
	if err != nil {
		return errors.Join(err, out.file.Close())
	}
	defer stderr.Close()
	r.child, err = spawn(command{
		path: path, argv: e.program.argv, dir: e.program.dir, stdout: stdout, stderr: stderr,
		env: append(environ(e.env), "AWS_LAMBDA_RUNTIME_API="+r.address),
	})
	if err != nil {
		return errors.Join(launchError(err), out.file.Close(), outErr.file.Close())
	}
	_ = e.dir.record(r.child.pid) // a second proof; the mark is the first
	r.pipes = []*pipe{out, outErr}
	for _, p := range r.pipes {
		r.pumps.Go(p.pump)
	}
	return nil
}

// drain takes in what the runtime has written so far.
func (r *run) drain() {
	for _, p := range r.pipes {
		p.drain()
	}
}

// quiet waits for what a runtime that has just died said before: connections that it made are accepted before one made
// now, and end when all that was written is read.
func (r *run) quiet() {
	ctx, cancel := context.WithTimeout(context.Background(), saidGrace)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(saidGrace)) // a socket takes deadlines
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n"); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c) // its end is what counts
	r.server.Quiet(ctx)
}

// stop ends every process of the run, those that left its group too, and reports whether it could. The processes are
// ended before their connections, because a runtime that loses its Runtime API writes an error and may go wild.
func (r *run) stop(id string) bool {
	r.session.Close()
	if r.session.Extended() && !r.child.over() {
		r.child.signal(syscall.SIGTERM)
		r.child.gone(shutdownGrace)
	}
	r.child.signal(syscall.SIGKILL)
	ok := r.child.gone(killWait)
	if ok {
		r.child.work.Wait()
	}
	ok = killMarked(map[string]bool{id: true}) && ok
	for _, p := range r.pipes {
		p.cut(pipeGrace)
	}
	r.pumps.Wait()
	for _, p := range r.pipes {
		_ = p.file.Close() // was only read from
	}
	r.server.Close()
	r.serving.Wait()
	return ok
}
