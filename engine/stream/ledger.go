package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// skippedEvery is how often progress is saved that consists only of records that match no filter.
const skippedEvery = time.Second

// ledger records the progress of one shard: the reader adds what was read, the lanes what is settled and what they retry.
// One goroutine at a time saves it for all.
type ledger struct {
	feed   *Feed
	key    esm.Key
	lanes  int
	saving chan struct{} // holds one token; the goroutine that has it saves

	mu      sync.Mutex
	mark    *policy.Watermark
	runs    [][]esm.Owed   // pending runs by lane, oldest first
	window  *esm.Window    // the open tumbling window
	initial esm.Checkpoint // as it was when reading started
	awaited []string       // by lane, the last record of the runs that were pending then; empty once it was read
	changes int            // the number of changes noted
	skipped bool           // records were skipped since the last save
	savedAt time.Time

	atEnd bool // the shard was read to its end; set before the lanes' inboxes are closed

	kept  esm.Checkpoint // as last saved; owned by the holder of the token
	saved int            // the number of changes saved; owned by the holder of the token
}

func newLedger(s *shard) *ledger {
	l := &ledger{
		feed: s.feed, key: s.key(), lanes: s.lanes(), saving: make(chan struct{}, 1), kept: s.kept, initial: s.kept,
		mark: policy.NewWatermark(s.kept, s.lanes()), runs: make([][]esm.Owed, s.lanes()), window: s.kept.Window,
		awaited: make([]string, s.lanes()),
	}
	for _, o := range s.kept.Owed {
		l.runs[o.Lane] = append(l.runs[o.Lane], o)
		l.awaited[o.Lane] = o.Last
	}
	return l
}

// deal notes what was read and divides it among the lanes. Records that are settled already or match no filter are in no
// part; the latter are returned as unwanted.
func (l *ledger) deal(recs []esm.Record) (parts []part, unwanted []esm.Record) {
	wanted := make([]bool, len(recs))
	for i, r := range recs {
		wanted[i] = l.feed.Filter.Match(r.FilterView())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	parts = make([]part, l.lanes)
	for n := range parts {
		parts[n] = part{recs: make([]esm.Record, 0, len(recs)/len(parts)), past: l.arrived(n, recs)}
	}
	for i, r := range recs {
		n := policy.Lane(r.Group, l.lanes)
		switch {
		case !policy.Unsettled(r, l.initial, n):
			l.mark.Skip(r)
		case !wanted[i]:
			l.mark.Skip(r)
			unwanted = append(unwanted, r)
		default:
			l.mark.Read(n, r)
			parts[n].recs = append(parts[n].recs, r)
			continue
		}
		l.skipped = true
		l.changes++
	}
	return parts, unwanted
}

// arrived reports, once, that recs contain the last record of a lane's pending runs, or records behind it.
func (l *ledger) arrived(lane int, recs []esm.Record) bool {
	awaited := l.awaited[lane]
	if awaited == "" || len(recs) == 0 || config.ComparePositions(recs[len(recs)-1].Receipt, awaited) < 0 {
		return false
	}
	l.awaited[lane] = ""
	return true
}

// pending returns the pending runs of a lane, oldest first. The caller must not modify them.
func (l *ledger) pending(lane int) []esm.Owed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[lane]
}

// note notes what a lane has settled, its pending runs from now on, and the open window. It returns the number of the
// change, for save.
func (l *ledger) note(lane int, settled []esm.Record, next []policy.Run, window *esm.Window) (change int, err error) {
	runs := make([]esm.Owed, 0, len(next))
	for _, r := range next {
		if !isFinal(r) { // the window says that it is due
			runs = append(runs, policy.Pending(r, lane))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.mark.Settle(lane, settled) {
		return 0, fmt.Errorf("shard %s: lane %d settles records that are not its oldest", l.key.Shard, lane)
	}
	l.runs[lane], l.window = runs, window
	l.changes++
	return l.changes, nil
}

// saveSkipped saves from time to time that records were skipped, if nothing else was saved.
func (l *ledger) saveSkipped(work context.Context) error {
	l.mu.Lock()
	due := l.skipped && time.Since(l.savedAt) >= skippedEvery
	changes := l.changes
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.save(work, changes)
}

// drain saves that the shard is at its end and all of it is settled.
func (l *ledger) drain(work context.Context) error {
	l.saving <- struct{}{}
	defer func() { <-l.saving }()
	next, _ := l.checkpoint()
	next.Lanes, next.Owed, next.Window, next.Drained = nil, nil, nil, true
	return l.write(work, next)
}

// save returns when the changes up to the given one are durable, whichever goroutine saved them.
func (l *ledger) save(work context.Context, change int) error {
	select {
	case l.saving <- struct{}{}:
	case <-work.Done():
		return context.Cause(work)
	}
	defer func() { <-l.saving }()
	if l.saved >= change {
		return nil
	}
	next, changes := l.checkpoint()
	if err := l.write(work, next); err != nil {
		return err
	}
	l.saved = changes
	return nil
}

// checkpoint returns what is to be saved now, and the number of changes in it.
func (l *ledger) checkpoint() (next esm.Checkpoint, changes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = l.kept
	next.Position, next.Lanes, next.Owed, next.Window = l.mark.Position(), l.mark.Lanes(), nil, l.window
	for _, runs := range l.runs {
		for _, o := range runs {
			if config.ComparePositions(o.Last, next.Position) > 0 { // otherwise no record of it matches the filter now
				next.Owed = append(next.Owed, o)
			}
		}
	}
	l.skipped, l.savedAt = false, time.Now()
	return next, l.changes
}

func (l *ledger) write(work context.Context, next esm.Checkpoint) error {
	saved, err := l.feed.Checkpoints.Save(work, l.key, next)
	if err == nil {
		l.kept = saved
	}
	return err
}

// position returns the position up to which all records are settled.
func (l *ledger) position() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark.Position()
}
