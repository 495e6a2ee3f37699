package process

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// sandbox is a private directory in which one runtime after the other runs, and extensions beside it.
type sandbox struct {
	program           program
	extensions        map[string]string // files by name
	env, extensionEnv map[string]string
	dir               private
	output            *lifecycle.Output
}

// Extensions returns the names of the files in the directories of extensions, as [lifecycle.Sandbox] says.
func (s *sandbox) Extensions() []string { return names(s.extensions) }

// Dial connects to a port of this machine, as [lifecycle.Sandbox] says.
func (s *sandbox) Dial(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(apiHost, strconv.Itoa(port)))
}

// Start starts the extensions and the runtime, as [lifecycle.Sandbox] says.
func (s *sandbox) Start(_ context.Context, api http.Handler, registered <-chan struct{}) (lifecycle.Runtime, error) {
	path, err := find(s.program.argv[0], s.program.dir, s.env["PATH"])
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", apiHost+":0")
	if err != nil {
		return nil, err
	}
	r := newRunning(s, path, l.Addr().String(), api)
	r.serving.Go(func() { _ = r.server.Serve(l) }) // ends with Close; a process that cannot connect shows as such
	if err := r.start(registered); err != nil {
		_ = r.Kill(lifecycle.Shutdown{}) // there is an error already; what is left bears the mark
		return nil, err
	}
	return r, nil
}

// Close removes the directory.
func (s *sandbox) Close() { s.dir.remove() }

// spawn starts one process of the sandbox, whose outputs go to a stream each.
func (s *sandbox) spawn(stream func() *lifecycle.Stream, path string, argv []string, env map[string]string, api string) (*member, error) {
	return startMember(stream, command{
		path: path, argv: argv, dir: s.program.dir, env: append(environ(env), "AWS_LAMBDA_RUNTIME_API="+api),
	})
}
