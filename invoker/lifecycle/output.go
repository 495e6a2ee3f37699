package lifecycle

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm/trace"
)

// Output beyond these bounds is dropped, and the loss is reported: one runtime that repeats itself as fast as it can
// (some do when their Runtime API is gone) must not fill the log of all.
const (
	outputBurst = 16 << 20 // bytes
	outputRate  = 2 << 20  // bytes a second
	lineCost    = 128      // bytes that each line counts for, besides its own
	longestTail = 512      // bytes of the last line that are kept for errors

	lossEvery = time.Second // between reports, while lines are being dropped
)

// Output traces the lines that an environment's runtimes write, and those of the platform about them, under the
// invocation that runs.
type Output struct {
	trace    trace.Func
	function string

	mu         sync.Mutex
	id         string        // of the invocation that runs
	bytes      *rate.Limiter // of what may be traced
	lost       int           // lines dropped and not reported yet
	lostBytes  int
	reportedAt time.Time // when dropped lines were last reported
	last       []byte    // of the last line that was not empty
}

func newOutput(trace trace.Func, function string) *Output {
	return &Output{trace: trace, function: function, bytes: rate.NewLimiter(outputRate, outputBurst)}
}

// during sets the invocation to which lines belong from now on.
func (o *Output) during(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.id = id
}

// line traces one line of a runtime. It copies text.
func (o *Output) line(text []byte) {
	now := time.Now()
	o.mu.Lock()
	id, ok := o.id, o.allow(len(text), now)
	if len(text) > 0 {
		o.last = append(o.last[:0], text[:min(len(text), longestTail)]...)
	}
	var loss string
	if ok && now.Sub(o.reportedAt) >= lossEvery {
		loss = o.loss(now)
	}
	o.mu.Unlock()
	if !ok || o.trace == nil {
		return
	}
	if loss != "" {
		o.platform(id, loss)
	}
	o.trace(trace.Output{Function: o.function, ID: id, Line: string(text), Time: now})
}

// allow takes n bytes from what may be traced, or counts them as lost. The caller holds mu.
func (o *Output) allow(n int, now time.Time) bool {
	if o.bytes.AllowN(now, n+lineCost) {
		return true
	}
	o.lost++
	o.lostBytes += n
	return false
}

// loss returns a line about what was dropped since the last such line, or "" for nothing. The caller holds mu.
func (o *Output) loss(now time.Time) string {
	if o.lost == 0 {
		return ""
	}
	o.reportedAt = now
	text := fmt.Sprintf("%d lines of output (%d bytes) were dropped: more than %d MB, or %d MB a second",
		o.lost, o.lostBytes, outputBurst>>20, outputRate>>20)
	o.lost, o.lostBytes = 0, 0
	return text
}

// settleLoss reports what was dropped and not reported yet.
func (o *Output) settleLoss() {
	o.mu.Lock()
	loss, id := o.loss(time.Now()), o.id
	o.mu.Unlock()
	if loss != "" {
		o.platform(id, loss)
	}
}

// platform traces a line of the platform about the invocation id.
func (o *Output) platform(id, line string) {
	o.trace.Emit(trace.Output{Function: o.function, ID: id, Line: line, Platform: true, Time: time.Now()})
}

// lastLine returns the last line that was not empty: often the reason why a runtime ended.
func (o *Output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.last))
}
