package policy

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

const (
	// MaxState is the maximum size of a tumbling window's state in bytes (AWS: "Using Lambda with Kinesis", tumbling
	// windows: 1 MB per shard).
	MaxState = 1 << 20

	// windowGrace is how long after the end of a window its records may still appear, and how long reads must have found
	// nothing before that is believed. AWS was observed to wait up to two minutes.
	windowGrace = time.Minute
)

// Tumbling decides about tumbling windows: consecutive intervals of one length since the Unix epoch. Within a window, each
// invocation of a shard passes a state to the next (AWS: "Using Lambda with Kinesis", tumbling windows).
//
// A shard has one window at a time. Its State is nil until its first invocation has ended. After its final invocation the
// next window replaces it. Earlier windows are never opened again.
type Tumbling struct {
	Length time.Duration // TumblingWindowInSeconds, above 0
}

// Start returns the start of the window that contains a time, in UTC.
func (t Tumbling) Start(at time.Time) time.Time {
	length := max(int64(t.Length/time.Second), 1)
	into := at.Unix() % length
	if into < 0 {
		into += length
	}
	return time.Unix(at.Unix()-into, 0).UTC()
}

// End returns the end of w: the first time that is not in it. A window that was opened with another Length ends where a
// window of this Length does.
func (t Tumbling) End(w esm.Window) time.Time {
	return t.Start(w.Start).Add(max(t.Length.Truncate(time.Second), time.Second))
}

// Cut returns the window that recs, the next records of a shard, belong to, and how many of them do. w is the shard's
// window, nil if it has none yet. Records that arrived before the window started belong to it. If none belong to it, the
// final invocation of w is due; call Cut again after it. No earlier records may be waiting; otherwise use Fit.
func (t Tumbling) Cut(w *esm.Window, recs []esm.Record) (esm.Window, int) {
	if w == nil {
		w = &esm.Window{}
		if len(recs) > 0 {
			w.Start = t.Start(recs[0].Arrived)
		}
	}
	if len(recs) == 0 || w.Final {
		return *w, 0
	}
	open := *w
	if first := t.Start(recs[0].Arrived); untouched(open) && first.After(open.Start) {
		open.Start = first
	}
	return open, t.Fit(open, recs)
}

// Fit returns how many of recs, the next records of a shard, may join a batch of w that has records already.
func (t Tumbling) Fit(w esm.Window, recs []esm.Record) int {
	end := t.End(w)
	if n := slices.IndexFunc(recs, func(rec esm.Record) bool { return !rec.Arrived.Before(end) }); n >= 0 {
		return n
	}
	return len(recs)
}

// Seen describes how far a shard has been read.
type Seen struct {
	Next    time.Time // when the next record that is read and not settled arrived; zero if there is none
	Drained bool      // there are no more records

	// Idle and Tip are when the first and the last of the latest consecutive reads that found nothing began. A single
	// such read proves little: it may have been throttled, and a stream may have gaps.
	Idle, Tip time.Time
}

// Due reports whether the final invocation of w is next: it is due already, a record of a later window was read, the shard
// has ended, or reads have found nothing for a minute, up to a minute after the window's end. A window without invocations
// has no final invocation either.
func (t Tumbling) Due(w esm.Window, s Seen) bool {
	switch {
	case w.Final:
		return true
	case untouched(w):
		return false
	case !s.Next.IsZero():
		return !s.Next.Before(t.End(w))
	}
	return s.Drained || !s.Tip.Before(t.End(w).Add(windowGrace)) && s.Tip.Sub(s.Idle) >= windowGrace
}

// Close returns w with its final invocation due, to be saved before the first try. id is the ID of the invocation unless
// w has one already.
func (t Tumbling) Close(w esm.Window, id string) esm.Window {
	w.Final, w.ID = true, cmp.Or(w.ID, id)
	return w
}

// FinalRun returns the final invocation of w as a run. It has no records, cannot be halved and does not expire.
func FinalRun(w esm.Window) Run { return Run{ID: w.ID, Tries: w.Tries} }

// After completes a step about a run of w, or about its final invocation, with the Window to save. state is the state that
// [ReadWindowOutcome] found in the answer.
//
//   - Progress brings the new state. If it is larger than MaxState the window ends early: its final invocation, with this
//     state, comes before the rest of the run.
//   - If records are given up, or the run is repeated or halved, the state stays.
//   - If the final invocation is repeated, the window keeps its ID and tries. Once it is over, successfully or not, the
//     next window follows; a window that ended early continues without a state.
func (t Tumbling) After(w esm.Window, step Step, state json.RawMessage) Step {
	if w.Final {
		w = t.afterFinal(w, step)
	} else if w = afterRecords(w, step, state); w.Final {
		step.Next = slices.Insert(slices.Clone(step.Next), 0, FinalRun(w))
	}
	step.Window = &w
	return step
}

func afterRecords(w esm.Window, step Step, state json.RawMessage) esm.Window {
	switch {
	case len(step.Settled) == 0:
	case step.Why == "":
		w.State = orEmpty(state)
		if len(w.State) > MaxState {
			w.Final, w.Terminated = true, true
		}
	case step.Response != nil:
		w.State = orEmpty(w.State) // the function has seen the window
	}
	return w
}

func (t Tumbling) afterFinal(w esm.Window, step Step) esm.Window {
	if len(step.Next) > 0 {
		w.ID, w.Tries = step.Next[0].ID, step.Next[0].Tries
		return w
	}
	if w.Terminated {
		return esm.Window{Start: w.Start}
	}
	return esm.Window{Start: t.End(w)}
}

// Notice returns how a notice describes w.
func (t Tumbling) Notice(w esm.Window) *esm.NoticeWindow {
	return &esm.NoticeWindow{Start: w.Start, End: t.End(w), Final: w.Final, Terminated: w.Terminated}
}

// untouched reports whether the function has seen nothing of w.
func untouched(w esm.Window) bool { return w.State == nil && !w.Final }

func orEmpty(state json.RawMessage) json.RawMessage {
	if state == nil {
		return json.RawMessage(`{}`)
	}
	return state
}
