package process

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/esm-run/esm/invoker/lifecycle"
)

const (
	readSize   = 32 << 10 // bytes at a time
	drainReads = 64       // at most, in one drain
)

// pipe reads what a process writes into a stream.
type pipe struct {
	file *os.File
	raw  syscall.RawConn

	mu     sync.Mutex // held while lines are passed on, so that drain returns after the last
	stream *lifecycle.Stream
	buf    []byte
}

// newPipe returns a pipe and the end of it that the process writes to.
func newPipe(to *lifecycle.Stream) (*pipe, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, r.Close(), w.Close())
	}
	return &pipe{file: r, raw: raw, stream: to, buf: make([]byte, readSize)}, w, nil
}

// pump reads until all writers have closed the pipe, or cut.
func (p *pipe) pump() {
	for open := true; open; {
		err := p.raw.Read(func(fd uintptr) (done bool) {
			n := p.take(int(fd))
			open = n >= 0
			return n != 0
		})
		open = open && err == nil // an error is cut, whatever there is still to read
	}
	p.flush()
}

// drain reads what has been written so far, while pump waits for more.
func (p *pipe) drain() {
	_ = p.raw.Control(func(fd uintptr) { // an error is cut
		for range drainReads {
			if p.take(int(fd)) <= 0 {
				p.flush()
				return
			}
		}
	})
}

func (p *pipe) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stream.Flush()
}

// cut ends pump at the end of the pipe, or after d if a process that could not be killed holds its other end.
func (p *pipe) cut(d time.Duration) {
	_ = p.file.SetReadDeadline(time.Now().Add(d)) // an error is a pipe that is cut already
}

// take reads once. It returns 0 if there is nothing to read yet, and a negative number if there never will be.
func (p *pipe) take(fd int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := syscall.Read(fd, p.buf)
	switch {
	case errors.Is(err, syscall.EINTR):
		return 1
	case errors.Is(err, syscall.EAGAIN):
		return 0
	case err != nil || n == 0:
		return -1
	}
	_, _ = p.stream.Write(p.buf[:n]) // never fails
	return n
}
