package policy

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

const (
	// MaxState is the most bytes that the state of a tumbling window may have (AWS: "Using Lambda with Kinesis",
	// tumbling windows: 1 MB a shard).
	MaxState = 1 << 20

	// windowGrace is how long after a window's end records of it may still appear, and how long there must have been none
	// to believe it. AWS was seen to wait up to two minutes.
	windowGrace = time.Minute
)

// Tumbling decides about tumbling windows: intervals of one length, one after the other since the Unix epoch, in each of
// which a shard's invocations pass a state from one to the next (AWS: "Using Lambda with Kinesis", tumbling windows).
//
// A shard has one window at a time. It begins with a State of nil, has one from the first invocation on that is over,
// and after its final invocation the next one takes its place. What lies before that is never opened again.
type Tumbling struct {
	Length time.Duration // above 0: TumblingWindowInSeconds
}

// Start is when the window that t lies in begins, in UTC.
func (t Tumbling) Start(at time.Time) time.Time {
	length := max(int64(t.Length/time.Second), 1)
	into := at.Unix() % length
	if into < 0 {
		into += length
	}
	return time.Unix(at.Unix()-into, 0).UTC()
}

// End is when w ends: the first moment that is not in it. A window that was opened under another Length ends where one of
// this Length does.
func (t Tumbling) End(w esm.Window) time.Time {
	return t.Start(w.Start).Add(max(t.Length.Truncate(time.Second), time.Second))
}

// Cut tells how many of recs, the next ones of a shard, belong to its window, and which that is: w is nil for a shard
// that has none yet. Nothing that was read before them is in hand; else see Fit. Records that arrived before the window
// began belong to it, because what has ended is not opened again. If there are none, the final invocation of w comes
// before them, and then Cut again.
func (t Tumbling) Cut(w *esm.Window, recs []esm.Record) (esm.Window, int) {
	if len(recs) == 0 {
		return current(w), 0
	}
	first := t.Start(recs[0].Arrived)
	if w == nil {
		w = &esm.Window{Start: first}
	}
	if w.Final {
		return *w, 0
	}
	open := *w
	if empty(open) && first.After(open.Start) {
		open.Start = first
	}
	return open, t.Fit(open, recs)
}

// Fit tells how many of recs, the next ones of a shard, may join a batch of w that is being gathered. It is Cut for a
// batch that has records already, whose window has to stay.
func (t Tumbling) Fit(w esm.Window, recs []esm.Record) int {
	end := t.End(w)
	if n := slices.IndexFunc(recs, func(rec esm.Record) bool { return !rec.Arrived.Before(end) }); n >= 0 {
		return n
	}
	return len(recs)
}

// Seen is how far a shard has been read.
type Seen struct {
	// Next is when the next record arrived that is read and not settled; zero if there is none.
	Next time.Time

	// Drained says that there is nothing to come.
	Drained bool

	// Idle and Tip are when the first and the last began of the reads that have found nothing, one after the other. One
	// such read says little: it may have been throttled, and a stream may have nothing in one place and more behind it.
	Idle, Tip time.Time
}

// Due says that the final invocation of w is next: it is owed already, a record of a later window was read, the shard
// has ended, or reads have found nothing for a minute, up to a minute after the window's end. A window without invocations
// has none at its end.
func (t Tumbling) Due(w esm.Window, s Seen) bool {
	switch {
	case w.Final:
		return true
	case empty(w):
		return false
	case !s.Next.IsZero():
		return !s.Next.Before(t.End(w))
	}
	return s.Drained || !s.Tip.Before(t.End(w).Add(windowGrace)) && s.Tip.Sub(s.Idle) >= windowGrace
}

// Close is w with its final invocation owed, which is kept before it is made.
func (t Tumbling) Close(w esm.Window) esm.Window {
	w.Final = true
	return w
}

// Settle is what w becomes when step is taken about a run of its records: state is what [ReadWindowOutcome] has found in
// the answer. It is kept together with what step settles.
//
//   - Progress brings the new state. One that is larger than MaxState ends the window early: the final invocation is
//     owed, with this state, before what is left of the run.
//   - Records that are given up leave the state that there was, and so does a run that is repeated or halved.
func (t Tumbling) Settle(w esm.Window, step Step, state json.RawMessage) esm.Window {
	switch {
	case len(step.Settled) == 0:
	case step.Why == "":
		w.State = orEmpty(state)
		if len(w.State) > MaxState {
			w.Final, w.Terminated = true, true
		}
	case step.Response != nil:
		w.State = orEmpty(w.State) // nothing came of it, but the function has seen the window
	}
	return w
}

// FinalRun is the final invocation of w as a run: it has no records, cannot be halved, and does not become too old.
func FinalRun(w esm.Window) Run { return Run{ID: w.ID, Tries: w.Tries} }

// Finish is what w becomes when step is taken about its final invocation. If that is made again, w tells so: it is kept
// before. If it is over, well or not, the state is gone. A window that was ended early goes on with an empty one.
func (t Tumbling) Finish(w esm.Window, step Step) esm.Window {
	if len(step.Next) > 0 {
		w.ID, w.Tries = step.Next[0].ID, step.Next[0].Tries
		return w
	}
	if w.Terminated {
		return esm.Window{Start: w.Start}
	}
	return esm.Window{Start: t.End(w)}
}

// Notice is what a notice tells of w.
func (t Tumbling) Notice(w esm.Window) *esm.NoticeWindow {
	return &esm.NoticeWindow{Start: w.Start, End: t.End(w), Final: w.Final, Terminated: w.Terminated}
}

// empty says that nothing has come of any invocation in w.
func empty(w esm.Window) bool { return w.State == nil && !w.Final }

func current(w *esm.Window) esm.Window {
	if w == nil {
		return esm.Window{}
	}
	return *w
}

func orEmpty(state json.RawMessage) json.RawMessage {
	if state == nil {
		return json.RawMessage(`{}`)
	}
	return state
}
