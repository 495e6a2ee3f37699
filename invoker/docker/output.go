package docker

import (
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// Output reaches the daemon, and this program, some hundred microseconds after it was written.
const (
	firstOutput = 10 * time.Millisecond // is waited for at the end of an invocation, if the handler writes in most of them
	leastWait   = time.Millisecond      // shorter waits are none
	nextOutput  = 2 * time.Millisecond  // after the last
	mostOutput  = 20 * time.Millisecond // in all
	lastOutput  = time.Second           // of a container that has ended
)

// output reads what a container and its extensions write.
type output struct {
	to      *lifecycle.Output
	reading sync.WaitGroup
	news    chan struct{} // holds a value if something was written

	mu      sync.Mutex
	open    []client.HijackedResponse
	streams []*lifecycle.Stream
	closed  bool
	last    []byte // of what was written last

	expect time.Duration // of the next flush; used by one goroutine at a time
}

func newOutput(to *lifecycle.Output) *output {
	return &output{to: to, news: make(chan struct{}, 1), expect: firstOutput}
}

// read passes on what comes from the daemon, until its end or close. It returns a channel that is closed then.
func (o *output) read(from client.HijackedResponse) <-chan struct{} {
	ended := make(chan struct{})
	out, err := &writer{output: o, stream: o.to.Stream()}, &writer{output: o, stream: o.to.Stream()}
	o.mu.Lock()
	o.open = append(o.open, from)
	o.streams = append(o.streams, out.stream, err.stream)
	closed := o.closed
	o.mu.Unlock()
	if closed {
		from.Close()
	}
	o.reading.Go(func() {
		defer close(ended)
		_, _ = stdcopy.StdCopy(out, err, from.Reader) // it ends with the process, or the daemon
	})
	return ended
}

// writer is one of the outputs.
type writer struct {
	output *output
	stream *lifecycle.Stream
}

func (w *writer) Write(data []byte) (int, error) {
	const keep = 512
	o := w.output
	o.mu.Lock()
	n, err := w.stream.Write(data)
	o.last = append(o.last[:0], data[max(0, len(data)-keep):]...)
	o.mu.Unlock()
	select {
	case o.news <- struct{}{}:
	default:
	}
	return n, err
}

// flush waits for output that is still on its way, as long as it is likely that there is some, and passes on lines without
// an end. A handler that writes nothing is not held up: the time to wait halves with each silent invocation.
func (o *output) flush() {
	spoke, wait := false, o.expect
	select {
	case <-o.news:
		spoke, wait = true, nextOutput
	default:
	}
	if wait >= leastWait {
		spoke = o.listen(wait) || spoke
	}
	if spoke {
		o.expect = firstOutput
	} else {
		o.expect /= 2
	}
	o.flushLines()
}

// listen waits until nothing has been written for a short time. It reports whether something was.
func (o *output) listen(first time.Duration) (spoke bool) {
	end := time.NewTimer(mostOutput)
	defer end.Stop()
	quiet := time.NewTimer(first)
	defer quiet.Stop()
	for {
		select {
		case <-o.news:
			spoke = true
			quiet.Reset(nextOutput)
		case <-quiet.C:
			return spoke
		case <-end.C:
			return spoke
		}
	}
}

func (o *output) flushLines() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.streams {
		s.Flush()
	}
}

// finish waits for the last output of a container that has ended.
func (o *output) finish() {
	done := make(chan struct{})
	go func() { // ends with close at the latest
		o.reading.Wait()
		close(done)
	}()
	t := time.NewTimer(lastOutput)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// close ends reading and passes on the rest.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	for _, c := range o.open {
		c.Close()
	}
	o.mu.Unlock()
	o.reading.Wait()
	o.flushLines()
}

// lastLine returns the end of what was written last.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(o.last)), "\n")
	return lines[len(lines)-1]
}
