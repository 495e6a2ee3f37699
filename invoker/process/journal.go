package process

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/trace"
)

// Output beyond these bounds is dropped, and the loss is told: one runtime that repeats itself as fast as it can (some do
// when their Runtime API is gone) must not fill the log of all.
const (
	outputBurst = 16 << 20 // bytes
	outputRate  = 2 << 20  // bytes a second
	lineCost    = 128      // bytes that each line counts for, besides its own
	longestTail = 512      // bytes of the last line that are kept for errors

	lossEvery = time.Second // at the most, while lines are being lost
)

// journal tells what an environment's runtimes write, and what the platform says about them, to a Trace.
type journal struct {
	trace    trace.Func
	function string

	mu      sync.Mutex
	id      string // the request that runs
	left    int    // bytes that may be told before the rate bounds them
	filled  time.Time
	lost    int       // lines dropped and not told of yet
	lostLen int       // their bytes
	lossAt  time.Time // when a loss was told last
	last    []byte    // of the last line that was not empty
}

func newJournal(trace trace.Func, function string) *journal {
	return &journal{trace: trace, function: function, left: outputBurst, filled: time.Now()}
}

// during says to which request the lines from now on belong.
func (j *journal) during(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.id = id
}

// line tells one line of a runtime. It copies text.
func (j *journal) line(text []byte) {
	now := time.Now()
	j.mu.Lock()
	id, ok := j.id, j.allow(len(text), now)
	if len(text) > 0 {
		j.last = append(j.last[:0], text[:min(len(text), longestTail)]...)
	}
	var lost string
	if ok && now.Sub(j.lossAt) >= lossEvery {
		lost = j.loss(now)
	}
	j.mu.Unlock()
	if !ok || j.trace == nil {
		return
	}
	if lost != "" {
		j.trace(trace.Output{Function: j.function, ID: id, Line: lost, Platform: true, Time: now})
	}
	j.trace(trace.Output{Function: j.function, ID: id, Line: string(text), Time: now})
}

// allow takes n bytes from what may be told, or counts them as lost. The caller holds mu.
func (j *journal) allow(n int, now time.Time) bool {
	if since := now.Sub(j.filled); since > 0 {
		more := since.Seconds() * outputRate
		j.left = int(min(float64(j.left)+more, outputBurst))
		j.filled = now
	}
	if j.left < n+lineCost {
		j.lost++
		j.lostLen += n
		return false
	}
	j.left -= n + lineCost
	return true
}

// loss is the line about what was dropped since it was last told; empty for nothing. The caller holds mu.
func (j *journal) loss(now time.Time) string {
	if j.lost == 0 {
		return ""
	}
	j.lossAt = now
	text := fmt.Sprintf("%d lines of output (%d bytes) were dropped: more than %d MB, or %d MB a second",
		j.lost, j.lostLen, outputBurst>>20, outputRate>>20)
	j.lost, j.lostLen = 0, 0
	return text
}

// settleLoss tells what was dropped and not told of yet.
func (j *journal) settleLoss() {
	j.mu.Lock()
	lost := j.loss(time.Now())
	id := j.id
	j.mu.Unlock()
	if lost != "" {
		j.platform(id, lost)
	}
}

// platform tells a line of the platform about the request id.
func (j *journal) platform(id, line string) {
	j.trace.Emit(trace.Output{Function: j.function, ID: id, Line: line, Platform: true, Time: time.Now()})
}

// lastLine is the last line that was not empty: for people who wonder why a runtime ended.
func (j *journal) lastLine() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.TrimSpace(string(j.last))
}
