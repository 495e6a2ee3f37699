package policy

import (
	"cmp"
	"github.com/esm-run/esm/trace"
	"time"
)

// How AWS scales the polling of a queue (AWS: "Configuring scaling behavior for SQS event source mappings").
const (
	// A mapping starts with 5 batches at a time and adds up to 300 a minute, to at most 1,250.
	standardStart     = 5
	standardPerMinute = 300
	standardMax       = 1250

	// A queue that stays idle is polled by as few as 2.
	standardFloor = 2

	// ProvisionedLoops is how many batches one provisioned poller has in hand at the same time. Here that is as many
	// loops, each with one batch.
	ProvisionedLoops = 10

	// ProvisionedReceives is how many receives a provisioned poller makes in a second, at most, all its loops together.
	ProvisionedReceives = 10

	// Provisioned pollers add up to 1,000 concurrent invocations a minute. Unless said otherwise there are 2 to 200.
	provisionedPerMinute = 1000
	provisionedMin       = 2
	provisionedMax       = 200
)

// Pollers decides how many loops poll a queue, each with one batch in hand at a time: hence also how many batches of the
// mapping run at once. It takes one step a second. AWS publishes how fast it grows; how it shrinks it tells in outline
// only, and the numbers for that are this engine's.
//
// The constructors fill every field that depends on the kind of mapping.
type Pollers struct {
	Start     int // loops to begin with, and when messages appear; 0 means 5
	Floor     int // loops left after Idle; 0 means 2, or Start if that is less
	Least     int // never fewer, not even after errors; 0 means 1
	Max       int // never more; 0 means 1,250
	PerMinute int // loops added in a minute while there is more to receive; 0 means 300

	Shrink float64       // what errors and throttles leave of the loops; 0 means half
	Quiet  time.Duration // how long receives are mostly empty before only Start are left; 0 means 60 s
	Idle   time.Duration // the same for Floor; 0 means 5 min

	// ReportsFailures says that FunctionResponseTypes holds ReportBatchItemFailures: then errors of the function do
	// not slow polling down (AWS: "Handling errors for an SQS event source in Lambda"). Throttles always do.
	ReportsFailures bool

	// FIFO says that a receive need not be full to show that there is more: how many messages it brings depends on
	// which message groups are free. One that brings nothing shows that none is.
	FIFO bool
}

// StandardPollers are those of a standard queue. limit is the mapping's MaximumConcurrency, 0 if it has none; with one,
// an idle queue keeps its pollers. report says that FunctionResponseTypes holds ReportBatchItemFailures.
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

// FIFOPollers are those of a FIFO queue: like StandardPollers, but more are added only while no receive comes back empty.
func FIFOPollers(limit int, report bool) Pollers {
	p := StandardPollers(limit, report)
	p.FIFO = true
	return p
}

// ProvisionedPollers are the loops of a mapping in provisioned mode: ProvisionedLoops for each of at least least and at
// most most pollers, the mapping's MinimumPollers and MaximumPollers; 0 means 2 and 200.
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
	// Pollers are at work now: they receive, or have a batch in hand. Waiting wait for a permit to run the function.
	// The rest of the target rests, which counts as if it received nothing.
	Pollers, Waiting int

	// Receives came back; Empty of them with no message, Full with as many as they asked for.
	Receives, Empty, Full int

	// Successes, Errors and Throttles are tries, by what came of them: see Count.
	Successes, Errors, Throttles int
}

// Count adds one try. A report of failed items is a success of the function. What the function is not to blame for
// counts as a throttle.
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

// Scale is where a mapping stands between two steps.
type Scale struct {
	Target int       // how many loops to run
	Back   int       // how many there were before errors or throttles shrank them; 0 once they are there again
	Quiet  time.Time // since when receives are mostly empty; zero while they are not
	Credit int       // growth not yet given, in sixtieths of a loop
}

// First is the scale of a mapping that begins.
func (p Pollers) First() Scale {
	p = p.filled()
	return Scale{Target: p.Start}
}

// Next is the scale a second later.
//
//   - Errors (unless failures are reported) and throttles halve the target. Each second of successes alone gives one
//     back, up to where it was.
//   - A second in which every loop was at work and every receive full adds a sixtieth of PerMinute.
//   - One in which most receives brought something brings the target to Start.
//   - Mostly empty receives for Quiet bring it down to Start, for Idle to Floor.
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
	case p.hungry(s, l):
		s.Credit += p.PerMinute
		s.Target += s.Credit / 60
		s.Credit %= 60
	case empty < 0:
		s.Target = max(s.Target, p.Start)
	}
	return p.bounded(s, now)
}

// empty is above 0 if most receives were, below 0 if most were not, and 0 if there is nothing to tell it from. A loop
// that rests counts as an empty receive.
func (s Scale) empty(l Load) int {
	resting := max(s.Target-l.Pollers-l.Waiting, 0)
	return l.Empty + resting - (l.Receives - l.Empty)
}

// hungry says that there is more to receive than the loops at work can take. A tenth of them may be between two batches.
func (p Pollers) hungry(s Scale, l Load) bool {
	if l.Receives == 0 || l.Empty > 0 || 10*l.Pollers < 9*s.Target {
		return false
	}
	return p.FIFO || l.Full >= l.Receives
}

// bounded keeps s between Least and what is allowed by the time that it has been quiet.
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

// filled puts the default in the place of every zero and sets the bounds in order.
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
