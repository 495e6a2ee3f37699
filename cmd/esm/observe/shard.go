package observe

import (
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// maxShardError is the number of bytes of a shard's error that are remembered: all of 10,000 shards may have one.
const maxShardError = 200

// shard is what is known of one shard. There may be 10,000, so it is small.
type shard struct {
	position string
	reading  bool
	drained  bool
	failing  *Note // why it cannot be read at the moment

	// unsettled is when the oldest record arrived that is not settled; zero if there is none. While a lane gathers a batch,
	// others may settle later records and move it on.
	unsettled   time.Time
	outstanding int          // records that were read and are not settled
	runs        []pendingRun // with the function, or in trouble: at most one for each lane
}

// pendingRun is a run of records that the function has, or that failed, and of which nothing is settled since. What it
// becomes, by bisection too, begins with the same record.
type pendingRun struct {
	first    string    // the receipt of its first record; empty for the final invocation of a window
	arrived  time.Time // when that record did
	inFlight bool
	since    time.Time // its first failed try; zero if none has failed
	tries    int
	last     *Note // why the last try failed
}

// open notes that the shard is read from a position. Runs that failed are tried again, unless they are lost.
func (x *shard) open(e trace.Reading) {
	x.position, x.reading, x.drained, x.outstanding = e.Position, true, false, 0
	x.keepRuns(func(r pendingRun) bool { return e.Lost == nil && !r.since.IsZero() })
	for i := range x.runs {
		x.runs[i].inFlight = false
	}
}

// received notes that the shard can be read, and what is left to settle.
func (x *shard) received(recs []esm.Record) {
	x.reading, x.failing = true, nil
	if x.outstanding == 0 {
		x.unsettled = time.Time{}
		if len(recs) > 0 {
			x.unsettled = recs[0].Arrived
		}
	}
	x.outstanding += len(recs)
}

func (x *shard) filtered(recs []esm.Record) {
	if x.done(recs); x.outstanding == 0 {
		x.advance(recs)
	}
}

func (x *shard) done(recs []esm.Record) { x.outstanding = max(x.outstanding-len(recs), 0) }

func (x *shard) invoking(recs []esm.Record) {
	r := x.run(recs)
	r.inFlight = true
}

func (x *shard) invoked(e trace.Invoked) {
	r := x.run(e.Records)
	r.inFlight = false
	if e.Verdict == trace.Done {
		if r.first == "" {
			x.end("") // there is nothing to settle
		}
		return
	}
	r.tries, r.last = e.Tries, noteNow(short(why(e)))
	if r.since.IsZero() {
		r.since = r.last.Time
	}
}

// settled ends the run that begins with the first of the settled records, and all runs up to the position.
func (x *shard) settled(e trace.Settled) {
	x.position = e.Position
	x.done(e.Records)
	x.advance(e.Records)
	if len(x.runs) > 0 {
		first := firstOf(e.Records)
		x.keepRuns(func(r pendingRun) bool {
			return r.first != first && (r.first == "" || config.ComparePositions(r.first, e.Position) > 0)
		})
	}
}

// advance moves unsettled to the last of recs: what is not settled is probably later.
func (x *shard) advance(recs []esm.Record) {
	if last := recs[len(recs)-1].Arrived; last.After(x.unsettled) {
		x.unsettled = last
	}
}

// run returns the run that begins with the first of recs, which may be new.
func (x *shard) run(recs []esm.Record) *pendingRun {
	first := firstOf(recs)
	i := slices.IndexFunc(x.runs, func(r pendingRun) bool { return r.first == first })
	if i < 0 {
		i = len(x.runs)
		x.runs = append(x.runs, pendingRun{first: first})
		if first != "" {
			x.runs[i].arrived = recs[0].Arrived
		}
	}
	return &x.runs[i]
}

// end ends the run that begins with a record.
func (x *shard) end(first string) {
	x.keepRuns(func(r pendingRun) bool { return r.first != first })
}

func (x *shard) keepRuns(keep func(pendingRun) bool) {
	x.runs = slices.DeleteFunc(x.runs, func(r pendingRun) bool { return !keep(r) })
}

// blocked returns the run that is in trouble for the longest time, or nil if none is.
func (x *shard) blocked() (longest *pendingRun) {
	for i := range x.runs {
		r := &x.runs[i]
		if !r.since.IsZero() && (longest == nil || r.since.Before(longest.since)) {
			longest = r
		}
	}
	return longest
}

// age returns the age of the oldest record that is not settled, or 0 if none is known.
func (x *shard) age(now time.Time) time.Duration {
	oldest := x.unsettled
	for _, r := range x.runs {
		if !r.arrived.IsZero() && (oldest.IsZero() || r.arrived.Before(oldest)) {
			oldest = r.arrived
		}
	}
	if oldest.IsZero() {
		return 0
	}
	return max(now.Sub(oldest), 0)
}

func (x *shard) status(id string, now time.Time) ShardStatus {
	s := ShardStatus{ShardId: id, State: x.state(), Position: x.position, IteratorAge: x.age(now), LastError: x.failing}
	for _, r := range x.runs {
		if r.inFlight {
			s.InFlight++
		}
	}
	if r := x.blocked(); r != nil {
		s.BlockedSince, s.Tries, s.LastError = r.since, r.tries, r.last
	}
	return s
}

func (x *shard) state() string {
	switch {
	case x.blocked() != nil:
		return stateBlocked
	case x.failing != nil:
		return stateFailing
	case x.drained:
		return stateDrained
	case x.reading:
		return stateReading
	}
	return stateStopped
}

func firstOf(recs []esm.Record) string {
	if len(recs) == 0 {
		return ""
	}
	return recs[0].Receipt
}

// short returns the beginning of a text, and keeps no more of it in memory.
func short(text string) string {
	if len(text) <= maxShardError {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:maxShardError], "")) + "…"
}
