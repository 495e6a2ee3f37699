package docker

import (
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// Output reaches the daemon, and this program, some hundred microseconds after it was written; on a busy machine, milliseconds.
const (
	longestFirst = 50 * time.Millisecond // of waiting for the first output of an invocation
	longestNext  = 10 * time.Millisecond // of waiting for more
	leastWait    = time.Millisecond      // shorter waits are none
	leastFirst   = 2 * time.Millisecond  // for a handler that has just written something
	mostOutput   = 100 * time.Millisecond
	margin       = 4           // times what was seen
	lastOutput   = time.Second // of a container that has ended
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

	pace  pace // of one goroutine at a time
	begun bool // the output of Init was flushed
}

func newOutput(to *lifecycle.Output) *output {
	return &output{to: to, news: make(chan struct{}, 1), pace: pace{leastFirst, longestNext}}
}

// read passes on what comes from the daemon, each output to a stream, until its end or close. It returns a channel that is
// closed then.
func (o *output) read(from client.HijackedResponse, stream func() *lifecycle.Stream) <-chan struct{} {
	ended := make(chan struct{})
	out, err := &writer{output: o, stream: stream()}, &writer{output: o, stream: stream()}
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

// pace is how long a flush waits. It follows the delays that were seen, from the longest down.
type pace struct {
	first time.Duration // for the first output
	next  time.Duration // after the last output
}

// adapt takes the delays of a flush into account; first is negative if there was no output.
func (p *pace) adapt(first, next time.Duration) {
	if first < 0 {
		p.first /= 2
		return
	}
	p.first = min(max(margin*first, p.first*3/4, leastFirst), longestFirst)
	p.next = min(max(margin*next, p.next*3/4, leastWait), longestNext)
}

// flush waits for output that is still on its way, as long as it is likely that there is some, and passes on lines without
// an end. A handler that writes nothing is not held up: the time to wait halves with each silent invocation. Nor is the end of
// Init, for which an invocation waits.
func (o *output) flush() {
	o.pace.adapt(o.listen(o.pace))
	if !o.begun {
		o.begun, o.pace = true, pace{longestFirst, longestNext}
	}
	o.flushLines()
}

// listen waits until nothing has been written for a while. It returns after what time the first output came, or a negative
// number, and the longest time between two.
func (o *output) listen(p pace) (first, next time.Duration) {
	first = -1
	select {
	case <-o.news:
		first = 0
	default:
		if p.first < leastWait {
			return first, 0
		}
	}
	end := time.NewTimer(mostOutput)
	defer end.Stop()
	wait := p.first
	if first == 0 {
		wait = p.next
	}
	quiet := time.NewTimer(wait)
	defer quiet.Stop()
	for last := time.Now(); ; quiet.Reset(p.next) {
		select {
		case <-o.news:
			now := time.Now()
			if first < 0 {
				first = now.Sub(last)
			} else {
				next = max(next, now.Sub(last))
			}
			last = now
		case <-quiet.C:
			return first, next
		case <-end.C:
			return first, next
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
