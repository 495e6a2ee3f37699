package lifecycle

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/telemetry"
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

// Output traces the lines that an environment's runtimes and extensions write, and those of the platform about them, under
// the invocation that runs, or that ran last: output may arrive some time after it was written, while the environment is
// idle. Subscribers to telemetry receive them too.
type Output struct {
	trace    trace.Func
	function string
	json     bool  // the log format is JSON
	least    level // of lines that are traced

	mu         sync.Mutex
	id         string                   // of the invocation that runs or ran last; empty during Init
	telemetry  *telemetry.Subscriptions // of the run; nil means none
	bytes      *rate.Limiter            // of what may be traced
	lost       int                      // lines dropped and not reported yet
	lostBytes  int
	reportedAt time.Time // when dropped lines were last reported
	last       []byte    // of the last line that was not empty
}

func newOutput(trace trace.Func, function string, logging config.Logging) *Output {
	return &Output{
		trace: trace, function: function, json: logging.JSON(), least: levelOf(logging.ApplicationLogLevel),
		bytes: rate.NewLimiter(outputRate, outputBurst),
	}
}

// subscribers sets who receives lines from now on.
func (o *Output) subscribers(s *telemetry.Subscriptions) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.telemetry = s
}

// during sets the invocation to which lines belong from now on.
func (o *Output) during(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.id = id
}

// current returns the invocation to which lines belong.
func (o *Output) current() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.id
}

// line traces one line of the runtime, or of an extension, unless its level is too low. It copies text.
func (o *Output) line(text []byte, extension bool) {
	now := time.Now()
	o.mu.Lock()
	id, to, ok := o.id, o.telemetry, o.allow(len(text), now)
	if len(text) > 0 {
		o.last = append(o.last[:0], text[:min(len(text), longestTail)]...)
	}
	var loss telemetry.LogsDropped
	if ok && now.Sub(o.reportedAt) >= lossEvery {
		loss = o.loss(now)
	}
	o.mu.Unlock()
	received := to != nil && to.Active()
	if !ok || o.trace == nil && !received {
		return
	}
	o.dropped(id, to, loss)
	line := string(text)
	if received {
		to.Emit(now, telemetry.Line{Text: line, Extension: extension})
	}
	if o.trace != nil && o.shows(text) {
		o.trace(trace.Output{Function: o.function, ID: id, Line: line, Time: now})
	}
}

// shows reports whether a line is traced. In JSON logs, lines that are JSON objects are filtered by their level.
func (o *Output) shows(text []byte) bool {
	if !o.json || o.least == 0 {
		return true
	}
	l, ok := lineLevel(text)
	return !ok || l >= o.least
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

// loss returns what was dropped since the last report. The caller holds mu.
func (o *Output) loss(now time.Time) telemetry.LogsDropped {
	if o.lost == 0 {
		return telemetry.LogsDropped{}
	}
	o.reportedAt = now
	dropped := telemetry.LogsDropped{Reason: tooMuch, Records: o.lost, Bytes: o.lostBytes}
	o.lost, o.lostBytes = 0, 0
	return dropped
}

var tooMuch = fmt.Sprintf("more than %d MB, or %d MB a second", outputBurst>>20, outputRate>>20)

// dropped reports lines that were dropped, if there are any.
func (o *Output) dropped(id string, to *telemetry.Subscriptions, loss telemetry.LogsDropped) {
	if loss.Records == 0 {
		return
	}
	now := time.Now()
	if to != nil {
		to.Emit(now, loss)
	}
	line := fmt.Sprintf("%d lines of output (%d bytes) were dropped: %s", loss.Records, loss.Bytes, loss.Reason)
	if text, err := telemetry.Encode(now, loss.Type(), loss); o.json && err == nil {
		line = string(text)
	}
	o.platform(id, line)
}

// settleLoss reports what was dropped and not reported yet.
func (o *Output) settleLoss() {
	o.mu.Lock()
	loss, id, to := o.loss(time.Now()), o.id, o.telemetry
	o.mu.Unlock()
	o.dropped(id, to, loss)
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
