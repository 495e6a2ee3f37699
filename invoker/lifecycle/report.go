package lifecycle

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/invoker/telemetry"
)

// Statuses of invocations and Inits. In text, a failure is an error.
const (
	statusSuccess = "success"
	statusError   = "error"   // the runtime reported it
	statusFailure = "failure" // the runtime or an extension failed
	statusTimeout = "timeout"
)

// reporter writes the platform's lines of one environment, in the function's log format (AWS: "Lambda function logs"), and
// sends the events of its current run to subscribers, of all levels.
type reporter struct {
	output    *Output
	telemetry *telemetry.Subscriptions // of the run
	name      string                   // of the function
	size      int                      // MB that the function is configured with
	json      bool
	least     level // of events that are logged
	as        invoker.Initialization
}

func newReporter(o *Output, fn config.Function, as invoker.Initialization) reporter {
	return reporter{
		output: o, name: fn.Name, size: fn.Memory(), as: as,
		json: fn.LoggingConfig.JSON(), least: levelOf(fn.LoggingConfig.SystemLogLevel),
	}
}

// wanted reports whether anybody sees an event of this level.
func (r reporter) wanted(l level) bool { return r.logs(l) || r.telemetry.Active() }

func (r reporter) logs(l level) bool { return r.json && l >= r.least && r.output.trace != nil }

// event sends an event to subscribers and logs it.
func (r reporter) event(at time.Time, id string, l level, rec telemetry.Record) {
	r.telemetry.Emit(at, rec)
	r.log(at, id, l, rec)
}

// log logs an event, if the log is in JSON and shows the level.
func (r reporter) log(at time.Time, id string, l level, rec telemetry.Record) {
	if !r.logs(l) {
		return
	}
	line, err := telemetry.Encode(at, rec.Type(), rec)
	if err == nil { // the records here always marshal
		r.output.platform(id, string(line))
	}
}

// text logs a line, if the log is text.
func (r reporter) text(id string, line ...string) {
	if !r.json && r.output.trace != nil {
		r.output.platform(id, strings.Join(line, ""))
	}
}

// whether returns the level of an event that shows a success, or WARN.
func whether(status string, success level) level {
	if status == statusSuccess {
		return success
	}
	return levelWarn
}

func (r reporter) start(inv *invocation) {
	if r.wanted(levelInfo) {
		r.event(inv.began, inv.id, levelInfo, telemetry.Start{ID: inv.id, Version: runtimeapi.Version, Tracing: inv.tracing()})
	}
	r.text(inv.id, "START RequestId: ", inv.id, " Version: ", runtimeapi.Version)
}

// runtimeDone sends the end of the runtime's part to subscribers, at once: extensions may wait for it.
func (r reporter) runtimeDone(inv *invocation, at time.Time) {
	if r.telemetry.Active() {
		r.telemetry.Emit(at, inv.runtimeDone(at))
	}
}

// ended sends the end of an invocation to subscribers. memory is the most that the environment has used, in MB.
func (r reporter) ended(inv *invocation, memory int) {
	if !r.telemetry.Active() {
		return
	}
	now := time.Now()
	if inv.asked.IsZero() {
		r.telemetry.Emit(now, inv.runtimeDone(now))
	}
	r.telemetry.Emit(now, telemetry.End{ID: inv.id})
	r.telemetry.Emit(now, r.report(inv, memory))
	if inv.failure != nil && inv.status != statusTimeout {
		r.telemetry.Emit(now, telemetry.Fault(inv.crash()))
	}
}

// end logs the end of an invocation, after its last output.
func (r reporter) end(inv *invocation, memory int) {
	if r.output.trace == nil {
		return
	}
	if r.json {
		now := time.Now()
		r.log(now, inv.id, whether(inv.status, levelDebug), inv.runtimeDone(now))
		r.log(now, inv.id, whether(inv.status, levelInfo), r.report(inv, memory))
		return
	}
	r.text(inv.id, "END RequestId: ", inv.id)
	r.output.platform(inv.id, r.line(inv, memory))
	r.oldLines(inv)
}

// concluded reports the end of one of several invocations in a multi-concurrent environment, at once: output that is still to
// come belongs to none of them. There is no event for the runtime's part (AWS: "Understanding the Lambda Managed Instances
// execution environment").
func (r reporter) concluded(inv *invocation, memory int) {
	if level := whether(inv.status, levelInfo); r.wanted(level) {
		r.event(time.Now(), inv.id, level, r.report(inv, memory))
	}
	if inv.failure != nil && inv.status != statusTimeout {
		r.telemetry.Emit(time.Now(), telemetry.Fault(inv.crash()))
	}
}

// oldLines writes the lines by which Lambda used to report a timeout or a crash: people search their logs for them.
func (r reporter) oldLines(inv *invocation) {
	switch {
	case inv.failure == nil:
	case inv.status == statusTimeout:
		r.text(inv.id, telemetry.FormatTime(time.Now()), " ", inv.id, " ", inv.failure.Text)
	default:
		r.text(inv.id, inv.crash())
		r.text(inv.id, inv.failure.Type)
	}
}

func (r reporter) line(inv *invocation, memory int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, telemetry.Milliseconds(inv.took), inv.billed(), r.size, memory)
	if inv.init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", telemetry.Milliseconds(inv.init))
	}
	switch {
	case inv.status == statusTimeout:
		b.WriteString("Status: timeout")
	case inv.fault != "" && inv.fault != runtimeapi.Unhandled:
		b.WriteString("Status: error\tError Type: " + inv.errorType)
	}
	return b.String()
}

func (r reporter) report(inv *invocation, memory int) telemetry.Report {
	rec := telemetry.Report{
		ID: inv.id, Status: inv.status, ErrorType: inv.errorType, Tracing: inv.tracing(),
		Metrics: telemetry.ReportMetrics{
			Duration: telemetry.Milliseconds(inv.took), Billed: inv.billed(), Size: r.size, Memory: memory, Init: telemetry.Milliseconds(inv.init),
		},
	}
	if inv.extended && !inv.asked.IsZero() {
		rec.Spans = []telemetry.Span{telemetry.NewSpan("extensionOverhead", inv.asked, inv.began.Add(inv.took))}
	}
	return rec
}

// initPhase returns the phase of an Init within the invocation id, or before any if id is empty.
func initPhase(id string) string {
	if id == "" {
		return "init"
	}
	return "invoke"
}

// initBegan reports that an Init begins. Its line in text is that of managed runtimes, which have a version, and is not
// written.
func (r reporter) initBegan(id string) {
	r.event(time.Now(), id, levelDebug, telemetry.InitStart{
		Initialization: string(r.as), Phase: initPhase(id), Function: r.name, Version: runtimeapi.Version, InstanceMemory: r.size << 20,
	})
}

// initRuntimeDone reports the end of the runtime's part of an Init.
func (r reporter) initRuntimeDone(at time.Time, id, status, errorType string) {
	r.event(at, id, whether(status, levelDebug), telemetry.InitRuntimeDone{
		Initialization: string(r.as), Phase: initPhase(id), Status: status, ErrorType: errorType,
	})
}

// initEnded reports the end of an Init. In text, one that succeeded on demand is part of the first invocation's report.
func (r reporter) initEnded(id string, took time.Duration, status, errorType string) {
	success := levelInfo
	if r.as == invoker.OnDemand {
		success = levelDebug
	}
	r.event(time.Now(), id, whether(status, success), telemetry.InitReport{
		Initialization: string(r.as), Phase: initPhase(id), Status: status, ErrorType: errorType,
		Metrics: telemetry.Duration{Milliseconds: telemetry.Milliseconds(took)},
	})
	if status == statusSuccess && r.as == invoker.OnDemand {
		return
	}
	if status == statusFailure {
		status = statusError
	}
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", telemetry.Milliseconds(took), initPhase(id), status)
	if errorType != "" {
		line += "\tError Type: " + errorType
	}
	r.text(id, line)
}

// subscribed reports a subscription to telemetry.
func (r reporter) subscribed(s telemetry.Subscribed) {
	id := r.output.current()
	r.event(time.Now(), id, levelInfo, s)
	var types []string
	for _, t := range s.Types {
		types = append(types, strings.ToUpper(t[:1])+t[1:])
	}
	r.text(id, strings.ToUpper(string(s.API)), "\tName: ", s.Name, "\tState: ", s.State, "\tTypes: [", strings.Join(types, ", "), "]")
}

// billed returns the milliseconds that Lambda bills: since August 2025, with the Init.
func (i *invocation) billed() int64 { return int64(math.Ceil(telemetry.Milliseconds(i.took + i.init))) }

// crash returns the line about a crash.
func (i *invocation) crash() string { return "RequestId: " + i.id + " Error: " + i.failure.Text }

// tracing returns the trace of the invocation; nil if its caller gave none.
func (i *invocation) tracing() *telemetry.Tracing {
	if i.traceHeader == "" {
		return nil
	}
	return &telemetry.Tracing{Type: "X-Amzn-Trace-Id", Value: i.traceHeader}
}

// runtimeDone returns the end of the runtime's part, which is at that time unless the runtime has ended it.
func (i *invocation) runtimeDone(at time.Time) telemetry.RuntimeDone {
	took := i.took
	if !i.asked.IsZero() {
		took = i.asked.Sub(i.began)
	} else if took == 0 {
		took = at.Sub(i.began)
	}
	rec := telemetry.RuntimeDone{
		ID: i.id, Status: i.status, ErrorType: i.errorType, Tracing: i.tracing(),
		Metrics: telemetry.RuntimeDoneMetrics{Duration: telemetry.Milliseconds(took)},
	}
	if i.response.ended.IsZero() {
		return rec
	}
	rec.Metrics.Produced = &i.response.produced
	rec.Spans = []telemetry.Span{
		telemetry.NewSpan("responseLatency", i.began, i.response.began),
		telemetry.NewSpan("responseDuration", i.response.began, i.response.ended),
	}
	if !i.asked.IsZero() {
		rec.Spans = append(rec.Spans, telemetry.NewSpan("runtimeOverhead", i.response.ended, i.asked))
	}
	return rec
}
