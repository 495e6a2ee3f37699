package process

import (
	"errors"
	"sync"
	"syscall"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// member is one process of a sandbox, the runtime or an extension, and its output.
type member struct {
	*child
	name  string // of an extension; empty for the runtime
	pipes []*pipe
	pumps sync.WaitGroup
}

// startMember starts c and reads each of its outputs into a stream.
func startMember(stream func() *lifecycle.Stream, c command) (*member, error) {
	out, stdout, err := newPipe(stream())
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	outErr, stderr, err := newPipe(stream())
	if err != nil {
		return nil, errors.Join(err, out.file.Close())
	}
	defer stderr.Close()
	c.stdout, c.stderr = stdout, stderr
	m := &member{pipes: []*pipe{out, outErr}}
	if m.child, err = spawn(c); err != nil {
		return nil, errors.Join(err, out.file.Close(), outErr.file.Close())
	}
	for _, p := range m.pipes {
		m.pumps.Go(p.pump)
	}
	return m, nil
}

func (m *member) isExtension() bool { return m.name != "" }

// end kills the process and its group. It reports whether they are gone.
func (m *member) end() bool {
	m.signal(syscall.SIGKILL)
	ok := m.gone(killWait)
	if ok {
		m.work.Wait()
	}
	return ok
}

// close passes on the rest of the output of a process that was killed.
func (m *member) close() {
	for _, p := range m.pipes {
		p.cut(pipeGrace)
	}
	m.pumps.Wait()
	for _, p := range m.pipes {
		_ = p.file.Close() // was only read from
	}
}

func (m *member) flush() {
	for _, p := range m.pipes {
		p.drain()
	}
}
