package policy

import (
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Watermark tracks which of the records read from one shard are settled, lane by lane, and so up to which position all of
// them are. It belongs to the shard's owner. Its size is bounded by the records that are read and not settled, and the
// time of a call does not depend on their number.
type Watermark struct {
	lanes []laneMark
	reads uint64 // number of records read
	last  string // Receipt of the last record read; before the first, the position after which reading started
	until string // the furthest position of lanes and pending runs before a restart
}

// laneMark is one lane of a Watermark.
type laneMark struct {
	owed    []owedMark // read and not settled, oldest first
	settled string     // Receipt of the last settled record
}

// owedMark is a record that was read and is not settled.
type owedMark struct {
	receipt string
	before  string // Receipt of the record read before it, in any lane
	read    uint64 // number of records read before it
}

// NewWatermark returns the Watermark of a shard that continues from cp, a result of [ForLanes] for this number of lanes.
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

// Read notes that rec was read after all other records, and that its lane has to settle it.
func (w *Watermark) Read(lane int, rec esm.Record) {
	l := &w.lanes[lane]
	l.owed = append(l.owed, owedMark{receipt: rec.Receipt, before: w.last, read: w.reads})
	w.last = rec.Receipt
	w.reads++
}

// Skip notes that rec was read after all other records and is settled already: it matches no filter, or was settled
// before a restart.
func (w *Watermark) Skip(rec esm.Record) {
	w.last = rec.Receipt
	w.reads++
}

// Settle notes that recs are settled. It returns false and notes nothing unless they are the oldest unsettled records of
// their lane, in order.
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
		l.owed = nil // free a backlog
	}
	return true
}

// Position returns the Receipt of the last record up to which all records are settled, empty if there is none. It never
// decreases.
func (w *Watermark) Position() string {
	position, oldest := w.last, w.reads
	for i := range w.lanes {
		if owed := w.lanes[i].owed; len(owed) > 0 && owed[0].read < oldest {
			position, oldest = owed[0].before, owed[0].read
		}
	}
	return position
}

// Lanes returns the last settled record of each lane that lies after Position, empty for a lane without one. It is nil if
// Position is enough: every record is settled, or there is only one lane.
func (w *Watermark) Lanes() []string {
	if len(w.lanes) == 1 || w.Owed() == 0 && later(w.last, w.until) == w.last {
		return nil
	}
	position := w.Position()
	lanes := make([]string, len(w.lanes))
	for i, l := range w.lanes {
		if l.settled != "" && config.ComparePositions(l.settled, position) > 0 {
			lanes[i] = l.settled
		}
	}
	return lanes
}

// Owed returns the number of records that are read and not settled.
func (w *Watermark) Owed() int {
	n := 0
	for i := range w.lanes {
		n += len(w.lanes[i].owed)
	}
	return n
}

// later returns the greater of two positions.
func later(a, b string) string {
	if b != "" && (a == "" || config.ComparePositions(b, a) > 0) {
		return b
	}
	return a
}

// Unsettled reports whether a record that is read after a restart still has to be processed, according to the checkpoint
// that the restart found.
func Unsettled(rec esm.Record, cp esm.Checkpoint, lane int) bool {
	if cp.Position != "" && config.ComparePositions(rec.Receipt, cp.Position) <= 0 {
		return false
	}
	return lane >= len(cp.Lanes) || cp.Lanes[lane] == "" || config.ComparePositions(rec.Receipt, cp.Lanes[lane]) > 0
}

// ForLanes returns cp for a number of lanes. If the number was different when cp was saved, or a pending run names a lane
// that does not exist, the positions of single lanes and the pending runs have no meaning any more: they are dropped, and
// all records after Position are processed again.
func ForLanes(cp esm.Checkpoint, lanes int) esm.Checkpoint {
	lanes = max(lanes, 1)
	unknown := slices.ContainsFunc(cp.Owed, func(o esm.Owed) bool { return o.Lane < 0 || o.Lane >= lanes })
	if unknown || max(len(cp.Lanes), 1) != lanes {
		cp.Lanes, cp.Owed = nil, nil
	}
	return cp
}

// Pending returns what a checkpoint keeps of a run that is being retried, so that a restart continues with it.
func Pending(r Run, lane int) esm.Owed {
	o := esm.Owed{ID: r.ID, Lane: lane, Tries: r.Tries, Response: r.Response}
	if n := len(r.Records); n > 0 {
		o.First, o.Last, o.Sum = r.Records[0].Receipt, r.Records[n-1].Receipt, sumOf(r.Records)
	}
	return o
}

// sumOf returns a checksum of the records' Receipts. It is never 0.
func sumOf(recs []esm.Record) uint64 {
	h := fnvOffset
	for _, rec := range recs {
		h = fnv(fnv(h, rec.Receipt), "\n")
	}
	return max(h, 1)
}

// Resume returns the run that a checkpoint kept, given the records that were read again from its First to its Last. If
// they are not the same records, because some were trimmed or a filter has changed, it returns a new run.
func Resume(o esm.Owed, recs []esm.Record) Run {
	n := len(recs)
	if n == 0 || recs[0].Receipt != o.First || recs[n-1].Receipt != o.Last || o.Sum != 0 && o.Sum != sumOf(recs) {
		return Run{Records: recs}
	}
	return Run{ID: o.ID, Records: recs, Tries: o.Tries, Response: o.Response}
}
