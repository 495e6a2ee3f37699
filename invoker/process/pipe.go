package process

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	longestLine = 256 << 10 // bytes: what CloudWatch Logs takes as one event; longer lines go on in the next
	readSize    = 32 << 10  // bytes at a time
	drainReads  = 64        // at most, in one drain
)

// pipe carries what a process writes, line by line, to a journal.
type pipe struct {
	file    *os.File
	raw     syscall.RawConn
	journal *journal

	mu   sync.Mutex // held while lines are told, so that drain returns after the last
	rest []byte     // a line without its end
	buf  []byte
}

// newPipe returns a pipe and the end of it that the process writes to.
func newPipe(j *journal) (*pipe, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, r.Close(), w.Close())
	}
	return &pipe{file: r, raw: raw, journal: j, buf: make([]byte, readSize)}, w, nil
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

// drain takes in what has been written so far, beside the pump. A line without its end counts as one: what is written
// next belongs to another invocation.
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

// flush tells what is left of a line.
func (p *pipe) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest) > 0 {
		p.journal.line(p.rest)
		p.rest = nil
	}
}

// cut ends the pump now or, if somebody who got away still holds the other end, after d.
func (p *pipe) cut(d time.Duration) {
	_ = p.file.SetReadDeadline(time.Now().Add(d)) // an error is a pipe that is cut already
}

// take reads once. It returns 0 when there is nothing to read yet, and less when there never will be.
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
	p.split(p.buf[:n])
	return n
}

// split tells the lines of data and keeps what is left.
func (p *pipe) split(data []byte) {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		part, next := data, data[len(data):]
		if end >= 0 {
			part, next = data[:end], data[end+1:]
		}
		if room := longestLine - len(p.rest); len(part) > room {
			part, next, end = data[:room], data[room:], room
		}
		switch {
		case end < 0:
			p.rest = append(p.rest, part...)
		case len(p.rest) == 0:
			p.journal.line(part)
		default:
			p.journal.line(append(p.rest, part...))
			p.rest = p.rest[:0]
		}
		data = next
	}
	if len(p.rest) == 0 && cap(p.rest) > readSize {
		p.rest = nil
	}
}
