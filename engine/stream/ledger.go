package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// skippedEvery is how often progress is saved that consists only of records that match no filter.
const skippedEvery = time.Second

// ledger says how far one shard has come. The reader notes what was read, the lanes what is settled and what they retry. One
// of them at a time saves it, for all that have something to save.
type ledger struct {
	feed   *Feed
	key    esm.Key
	lanes  int
	saving chan struct{} // holds one token; the goroutine that has it saves

	mu      sync.Mutex
	mark    *policy.Watermark
	owed    [][]esm.Owed   // pending runs by lane, oldest first
	window  *esm.Window    // the open tumbling window
	found   esm.Checkpoint // as it was when reading started
	await   []string       // by lane, the last record of the runs that were pending then; empty once it was read
	changes int            // the number of changes noted
	skipped bool           // records were skipped since the last save
	savedAt time.Time

	whole bool // the shard was read to its end; set before the lanes' inboxes are closed

	kept  esm.Checkpoint // as last saved; owned by the holder of the token
	saved int            // the number of changes saved; owned by the holder of the token
}

func newLedger(s *shard) *ledger {
	b := &ledger{
		feed: s.feed, key: s.key(), lanes: s.lanes(), saving: make(chan struct{}, 1), kept: s.kept, found: s.kept,
		mark: policy.NewWatermark(s.kept, s.lanes()), owed: make([][]esm.Owed, s.lanes()), window: s.kept.Window,
		await: make([]string, s.lanes()),
	}
	for _, o := range s.kept.Owed {
		b.owed[o.Lane] = append(b.owed[o.Lane], o)
		b.await[o.Lane] = o.Last
	}
	return b
}

// deal notes what was read and divides it among the lanes. Records that are settled already or match no filter are in no
// part; the latter are returned as unwanted.
func (b *ledger) deal(recs []esm.Record) (parts []part, unwanted []esm.Record) {
	wanted := make([]bool, len(recs))
	for i, r := range recs {
		wanted[i] = b.feed.Filter.Match(view(r))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	parts = make([]part, b.lanes)
	for n := range parts {
		parts[n] = part{recs: make([]esm.Record, 0, len(recs)/len(parts)), past: b.arrived(n, recs)}
	}
	for i, r := range recs {
		n := policy.Lane(r.Group, b.lanes)
		switch {
		case !policy.Unsettled(r, b.found, n):
			b.mark.Skip(r)
		case !wanted[i]:
			b.mark.Skip(r)
			unwanted = append(unwanted, r)
		default:
			b.mark.Read(n, r)
			parts[n].recs = append(parts[n].recs, r)
			continue
		}
		b.skipped = true
		b.changes++
	}
	return parts, unwanted
}

func view(r esm.Record) []byte {
	if r.View != nil {
		return r.View
	}
	return r.Event
}

// arrived reports, once, that recs contain the last record of a lane's pending runs, or records behind it.
func (b *ledger) arrived(lane int, recs []esm.Record) bool {
	await := b.await[lane]
	if await == "" || len(recs) == 0 || policy.Compare(recs[len(recs)-1].Receipt, await) < 0 {
		return false
	}
	b.await[lane] = ""
	return true
}

// note notes what a lane has settled, its pending runs from now on, and the open window. It returns the number of the
// change, for save.
func (b *ledger) note(lane int, settled []esm.Record, next []policy.Run, window *esm.Window) (change int, err error) {
	owed := make([]esm.Owed, 0, len(next))
	for _, r := range next {
		if !isFinal(r) { // the window says that it is due
			owed = append(owed, policy.Pending(r, lane))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.mark.Settle(lane, settled) {
		return 0, fmt.Errorf("shard %s: lane %d settles records that are not its oldest", b.key.Shard, lane)
	}
	b.owed[lane], b.window = owed, window
	b.changes++
	return b.changes, nil
}

// saveSkipped saves from time to time that records were skipped, if nothing else was saved.
func (b *ledger) saveSkipped(work context.Context) error {
	b.mu.Lock()
	due := b.skipped && time.Since(b.savedAt) >= skippedEvery
	changes := b.changes
	b.mu.Unlock()
	if !due {
		return nil
	}
	return b.save(work, changes)
}

// drain saves that the shard is at its end and all of it is settled.
func (b *ledger) drain(work context.Context) error {
	b.saving <- struct{}{}
	defer func() { <-b.saving }()
	next, _ := b.checkpoint()
	next.Lanes, next.Owed, next.Window, next.Drained = nil, nil, nil, true
	return b.write(work, next)
}

// save returns when the changes up to the given one are durable, whichever goroutine saved them.
func (b *ledger) save(work context.Context, change int) error {
	select {
	case b.saving <- struct{}{}:
	case <-work.Done():
		return context.Cause(work)
	}
	defer func() { <-b.saving }()
	if b.saved >= change {
		return nil
	}
	next, changes := b.checkpoint()
	if err := b.write(work, next); err != nil {
		return err
	}
	b.saved = changes
	return nil
}

// checkpoint returns what is to be saved now, and the number of changes in it.
func (b *ledger) checkpoint() (next esm.Checkpoint, changes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next = b.kept
	next.Position, next.Lanes, next.Owed, next.Window = b.mark.Position(), b.mark.Lanes(), nil, b.window
	for _, owed := range b.owed {
		for _, o := range owed {
			if policy.Compare(o.Last, next.Position) > 0 { // otherwise no record of it matches the filter now
				next.Owed = append(next.Owed, o)
			}
		}
	}
	b.skipped, b.savedAt = false, time.Now()
	return next, b.changes
}

func (b *ledger) write(work context.Context, next esm.Checkpoint) error {
	saved, err := b.feed.Checkpoints.Save(work, b.key, next)
	if err == nil {
		b.kept = saved
	}
	return err
}

// position returns the position up to which all records are settled.
func (b *ledger) position() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark.Position()
}
