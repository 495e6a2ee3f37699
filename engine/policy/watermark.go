package policy

import (
	"slices"

	"github.com/esm-run/esm"
)

// Watermark follows one shard: which of the records that were read are settled, lane by lane, and hence up to where all
// of them are. It belongs to the shard's owner. What it keeps is bounded by the records that are read and not settled;
// every call takes the same time however many these are.
type Watermark struct {
	lanes []laneMark
	reads uint64 // how many records were read
	last  string // Receipt of the last of them; before the first, the position that reading began behind
	until string // how far lanes or runs had come before a restart
}

// laneMark is one lane of a Watermark.
type laneMark struct {
	owed    []owedMark // oldest first
	settled string     // Receipt of the last settled record
}

// owedMark is a record that was read and is not settled.
type owedMark struct {
	receipt string
	before  string // Receipt of the record that was read before it, in whatever lane
	read    uint64
}

// NewWatermark follows a shard that is read on from cp, which [Relaned] has made fit for this number of lanes.
func NewWatermark(cp esm.Checkpoint, lanes int) *Watermark {
	w := &Watermark{lanes: make([]laneMark, max(lanes, 1)), last: cp.Position}
	for i := range min(len(cp.Lanes), len(w.lanes)) {
		w.lanes[i].settled = cp.Lanes[i]
		w.until = later(w.until, cp.Lanes[i])
	}
	for _, o := range cp.Owed {
		w.until = later(w.until, o.Last)
	}
	return w
}

// Read notes that rec was read behind all others and belongs to a lane, which has to settle it.
func (w *Watermark) Read(lane int, rec esm.Record) {
	l := &w.lanes[lane]
	l.owed = append(l.owed, owedMark{receipt: rec.Receipt, before: w.last, read: w.reads})
	w.last = rec.Receipt
	w.reads++
}

// Skip notes that rec was read behind all others and is settled already: no filter wants it, or it is not owed any more.
func (w *Watermark) Skip(rec esm.Record) {
	w.last = rec.Receipt
	w.reads++
}

// Settle notes that recs are settled. They are the oldest of their lane that are not; if not, it says false, and nothing
// is noted.
func (w *Watermark) Settle(lane int, recs []esm.Record) bool {
	l := &w.lanes[lane]
	if len(recs) > len(l.owed) {
		return false
	}
	for i, rec := range recs {
		if l.owed[i].receipt != rec.Receipt {
			return false
		}
	}
	if len(recs) == 0 {
		return true
	}
	l.settled = recs[len(recs)-1].Receipt
	clear(l.owed[:len(recs)])
	l.owed = l.owed[len(recs):]
	if len(l.owed) == 0 {
		l.owed = nil // let go of what a long time of trouble has made large
	}
	return true
}

// Position is the Receipt of the last record up to which all are settled. It never goes back. It is empty while there is
// none.
func (w *Watermark) Position() string {
	position, oldest := w.last, w.reads
	for i := range w.lanes {
		if owed := w.lanes[i].owed; len(owed) > 0 && owed[0].read < oldest {
			position, oldest = owed[0].before, owed[0].read
		}
	}
	return position
}

// Lanes are the last settled records of each lane that lie behind Position, each empty where there is none. It is nil
// when Position says it all: nothing is owed, or there is but one lane.
func (w *Watermark) Lanes() []string {
	if len(w.lanes) == 1 || w.Owed() == 0 && later(w.last, w.until) == w.last {
		return nil
	}
	position := w.Position()
	lanes := make([]string, len(w.lanes))
	for i, l := range w.lanes {
		if l.settled != "" && Compare(l.settled, position) > 0 {
			lanes[i] = l.settled
		}
	}
	return lanes
}

// Owed is how many records are read and not settled.
func (w *Watermark) Owed() int {
	n := 0
	for i := range w.lanes {
		n += len(w.lanes[i].owed)
	}
	return n
}

// later is the one of two positions that is further on.
func later(a, b string) string {
	if b != "" && (a == "" || Compare(b, a) > 0) {
		return b
	}
	return a
}

// Owes says whether a record that is read after a restart still has to be handled, going by the checkpoint that the
// restart has found.
func Owes(rec esm.Record, cp esm.Checkpoint, lane int) bool {
	if cp.Position != "" && Compare(rec.Receipt, cp.Position) <= 0 {
		return false
	}
	return lane >= len(cp.Lanes) || cp.Lanes[lane] == "" || Compare(rec.Receipt, cp.Lanes[lane]) > 0
}

// Relaned is cp for a number of lanes. If it was another one when cp was saved, what is known of single lanes means
// nothing any more: it is forgotten with the runs that were owed, and all behind Position is handled again. The same
// goes for a checkpoint that names a lane which does not exist.
func Relaned(cp esm.Checkpoint, lanes int) esm.Checkpoint {
	lanes = max(lanes, 1)
	astray := slices.ContainsFunc(cp.Owed, func(o esm.Owed) bool { return o.Lane < 0 || o.Lane >= lanes })
	if astray || max(len(cp.Lanes), 1) != lanes {
		cp.Lanes, cp.Owed = nil, nil
	}
	return cp
}

// Owing is what a checkpoint keeps of a run, so that a restart goes on with it.
func Owing(r Run, lane int) esm.Owed {
	o := esm.Owed{ID: r.ID, Lane: lane, Tries: r.Tries, Response: r.Response}
	if n := len(r.Records); n > 0 {
		o.First, o.Last, o.Sum = r.Records[0].Receipt, r.Records[n-1].Receipt, sumOf(r.Records)
	}
	return o
}

// sumOf tells records from others. It is never 0.
func sumOf(recs []esm.Record) uint64 {
	h := fnvOffset
	for _, rec := range recs {
		h = fnv(fnv(h, rec.Receipt), "\n")
	}
	return max(h, 1)
}

// Resumed is the run that a checkpoint has kept, of the records that are read again from its First to its Last. When these
// are not all of it, or more than that, because they were trimmed away or a filter has changed, it is another run.
func Resumed(o esm.Owed, recs []esm.Record) Run {
	n := len(recs)
	if n == 0 || recs[0].Receipt != o.First || recs[n-1].Receipt != o.Last || o.Sum != 0 && o.Sum != sumOf(recs) {
		return Run{Records: recs}
	}
	return Run{ID: o.ID, Records: recs, Tries: o.Tries, Response: o.Response}
}
