package policy

import (
	"cmp"
	"time"

	"github.com/esm-run/esm/trace"
)

// How AWS scales the polling of a queue (AWS: "Configuring scaling behavior for SQS event source mappings").
const (
	// A mapping starts with 5 concurrent batches and adds up to 300 per minute, to at most 1,250.
	standardStart     = 5
	standardPerMinute = 300
	standardMax       = 1250

	// A queue that stays idle keeps 2 pollers.
	standardFloor = 2

	// ProvisionedLoops is the number of concurrent batches of one provisioned poller. Here it has as many loops, each with
	// one batch.
	ProvisionedLoops = 10

	// ProvisionedReceives is the maximum number of receives per second of a provisioned poller, over all its loops.
	ProvisionedReceives = 10

	// Provisioned pollers add up to 1,000 concurrent invocations per minute. By default there are 2 to 200.
	provisionedPerMinute = 1000
	provisionedMin       = 2
	provisionedMax       = 200
)

// Pollers decides how many loops poll a queue. Each loop has one batch at a time, so this is also the number of concurrent
// batches of the mapping. Pollers takes one step per second. AWS publishes how fast it scales up but describes scaling down
// in outline only; the numbers for that are this engine's.
//
// The constructors set every field that depends on the kind of mapping.
type Pollers struct {
	Start     int // loops at the start, and when messages appear; 0 means 5
	Floor     int // loops after Idle; 0 means 2, or Start if that is less
	Least     int // minimum, also after errors; 0 means 1
	Max       int // maximum; 0 means 1,250
	PerMinute int // loops added per minute while there is more to receive; 0 means 300

	Shrink float64       // fraction of the loops that remains after errors and throttles; 0 means half
	Quiet  time.Duration // of mostly empty receives, after which Start loops remain; 0 means 60 s
	Idle   time.Duration // of mostly empty receives, after which Floor loops remain; 0 means 5 min

	// ReportsFailures means that FunctionResponseTypes contains ReportBatchItemFailures. Then errors of the function do
	// not slow polling down (AWS: "Handling errors for an SQS event source in Lambda"). Throttles always do.
	ReportsFailures bool

	// FIFO means that a receive need not be full to show that there is more: the number of messages depends on which
	// message groups are free. A receive without messages shows that none is.
	FIFO bool
}

// StandardPollers returns the Pollers of a standard queue. limit is the mapping's MaximumConcurrency, 0 if it has none;
// with a limit, an idle queue keeps its pollers. report means that FunctionResponseTypes contains ReportBatchItemFailures.
func StandardPollers(limit int, report bool) Pollers {
	p := Pollers{
		Start: standardStart, Floor: standardFloor, Least: 1, Max: standardMax,
		PerMinute: standardPerMinute, ReportsFailures: report,
	}
	if limit > 0 {
		p.Max = min(p.Max, limit)
		p.Start = min(p.Start, limit)
		p.Floor = p.Start
	}
	return p
}

// FIFOPollers returns the Pollers of a FIFO queue: like StandardPollers, but with the FIFO rule for scaling up.
func FIFOPollers(limit int, report bool) Pollers {
	p := StandardPollers(limit, report)
	p.FIFO = true
	return p
}

// ProvisionedPollers returns the Pollers of a mapping in provisioned mode, with ProvisionedLoops for each provisioned
// poller. least and most are the mapping's MinimumPollers and MaximumPollers; 0 means 2 and 200.
func ProvisionedPollers(least, most int, report bool) Pollers {
	least = ProvisionedLoops * cmp.Or(least, provisionedMin)
	most = ProvisionedLoops * cmp.Or(most, provisionedMax)
	return Pollers{
		Start: least, Floor: least, Least: least, Max: max(least, most),
		PerMinute: provisionedPerMinute, ReportsFailures: report,
	}
}

// Load is what happened since the last step.
type Load struct {
	// Pollers is the number of loops at work: they receive or have a batch. Waiting is the number of loops that wait for
	// a permit to run the function. All other loops rest, which counts as an empty receive.
	Pollers, Waiting int

	// Receives is the number of receives that returned, Empty of them without a message, Full with as many as requested.
	Receives, Empty, Full int

	// Successes, Errors and Throttles are numbers of tries by outcome: see Count.
	Successes, Errors, Throttles int
}

// Count adds one try. A report of failed items is a success of the function. A failure that is not the function's counts
// as a throttle.
func (l *Load) Count(o Outcome) {
	switch {
	case o.Verdict == trace.Done, o.Verdict == trace.Partial:
		l.Successes++
	case o.Verdict == trace.Failed && o.Reason != trace.ReasonOutcomeUnknown:
		l.Errors++
	default:
		l.Throttles++
	}
}

// Scale is the state of a mapping's scaling between two steps.
type Scale struct {
	Target int       // number of loops to run
	Back   int       // Target before errors or throttles; 0 once it is reached again
	Quiet  time.Time // since when receives are mostly empty; zero if they are not
	Credit int       // growth not applied yet, in sixtieths of a loop
}

// First returns the initial scale of a mapping.
func (p Pollers) First() Scale {
	p = p.filled()
	return Scale{Target: p.Start}
}

// Next returns the scale one second later.
//
//   - Errors (unless failures are reported) and throttles halve the target. Each second with successes only adds one loop
//     until the target is back where it was.
//   - A second in which every loop was at work and every receive was full adds a sixtieth of PerMinute.
//   - A second in which most receives returned messages raises the target to Start.
//   - Mostly empty receives for Quiet lower it to Start, for Idle to Floor.
func (p Pollers) Next(s Scale, l Load, now time.Time) Scale {
	p = p.filled()
	s.Target = min(max(cmp.Or(s.Target, p.Start), p.Least), p.Max)
	empty := s.empty(l)
	switch {
	case empty > 0 && s.Quiet.IsZero():
		s.Quiet = now
	case empty < 0:
		s.Quiet = time.Time{}
	}
	switch {
	case l.Throttles > 0, l.Errors > 0 && !p.ReportsFailures:
		s.Back = max(s.Back, s.Target)
		s.Target = int(float64(s.Target) * p.Shrink)
	case s.Back > 0:
		s.Target += min(l.Successes, 1)
	case p.behind(s, l):
		s.Credit += p.PerMinute
		s.Target += s.Credit / 60
		s.Credit %= 60
	case empty < 0:
		s.Target = max(s.Target, p.Start)
	}
	return p.bounded(s, now)
}

// empty is positive if most receives were empty, negative if most were not, and 0 otherwise. A loop that rests counts as
// an empty receive.
func (s Scale) empty(l Load) int {
	resting := max(s.Target-l.Pollers-l.Waiting, 0)
	return l.Empty + resting - (l.Receives - l.Empty)
}

// behind reports whether there is more to receive than the loops can take. A tenth of them may be between two batches.
func (p Pollers) behind(s Scale, l Load) bool {
	if l.Receives == 0 || l.Empty > 0 || 10*l.Pollers < 9*s.Target {
		return false
	}
	return p.FIFO || l.Full >= l.Receives
}

// bounded keeps s between Least and the limit that depends on how long the queue has been quiet.
func (p Pollers) bounded(s Scale, now time.Time) Scale {
	limit := p.Max
	if !s.Quiet.IsZero() {
		switch quiet := now.Sub(s.Quiet); {
		case quiet >= p.Idle:
			limit = p.Floor
		case quiet >= p.Quiet:
			limit = p.Start
		}
	}
	s.Target = max(min(s.Target, limit), p.Least)
	if s.Back = min(s.Back, limit); s.Back <= s.Target {
		s.Back = 0
	}
	return s
}

// filled replaces zeros by defaults and puts the bounds in order.
func (p Pollers) filled() Pollers {
	p.Max = cmp.Or(max(p.Max, 0), standardMax)
	p.Least = min(max(p.Least, 1), p.Max)
	p.Start = min(max(cmp.Or(p.Start, standardStart), p.Least), p.Max)
	p.Floor = min(max(cmp.Or(p.Floor, standardFloor), p.Least), p.Start)
	p.PerMinute = cmp.Or(max(p.PerMinute, 0), standardPerMinute)
	p.Quiet = cmp.Or(max(p.Quiet, 0), time.Minute)
	p.Idle = cmp.Or(max(p.Idle, 0), 5*time.Minute)
	if !(p.Shrink > 0 && p.Shrink < 1) {
		p.Shrink = 0.5
	}
	return p
}
