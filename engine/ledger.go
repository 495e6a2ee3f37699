package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// skippedEvery is how often progress is saved that consists of records that no filter wants.
const skippedEvery = time.Second

// ledger is how far one shard has come: the reader notes what was read, the lanes what is settled and what is owed. It
// is saved by one of them at a time, for all that have something to save.
type ledger struct {
	*shard
	saving chan struct{} // holds one token: who has it saves

	mu      sync.Mutex
	mark    *policy.Watermark
	owed    [][]esm.Owed // by lane, oldest first
	window  *esm.Window  // the tumbling window that is open
	found   esm.Checkpoint
	await   []string // by lane, up to where it owed records when reading began; empty once that was read
	changes int      // so many were noted
	skipped bool
	lastly  time.Time // when it was saved last

	whole bool // the shard was read to its end. Set before the lanes are told that no more will come.

	kept  esm.Checkpoint // as saved. Owned by who has the token.
	saved int            // so many changes are saved. Likewise.
}

func newLedger(s *shard) *ledger {
	b := &ledger{
		shard: s, saving: make(chan struct{}, 1), kept: s.kept, found: s.kept,
		mark: policy.NewWatermark(s.kept, s.lanes()), owed: make([][]esm.Owed, s.lanes()), window: s.kept.Window,
		await: make([]string, s.lanes()),
	}
	for _, o := range s.kept.Owed {
		b.owed[o.Lane] = append(b.owed[o.Lane], o)
		b.await[o.Lane] = o.Last
	}
	return b
}

// deal notes what was read and parts it by lane. What is settled already, or what no filter wants, is in no part.
func (b *ledger) deal(recs []esm.Record) (parts []part, unwanted []esm.Record) {
	wanted := make([]bool, len(recs))
	for i, r := range recs {
		wanted[i] = b.Filter.Match(view(r))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	parts = make([]part, b.lanes())
	for n := range parts {
		parts[n] = part{recs: make([]esm.Record, 0, len(recs)/len(parts)), past: b.arrived(n, recs)}
	}
	for i, r := range recs {
		n := policy.Lane(r.Group, b.lanes())
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

// arrived reports, once, that recs hold the last record that a lane owed when reading began, or lie behind it.
func (b *ledger) arrived(lane int, recs []esm.Record) bool {
	await := b.await[lane]
	if await == "" || len(recs) == 0 || policy.Compare(recs[len(recs)-1].Receipt, await) < 0 {
		return false
	}
	b.await[lane] = ""
	return true
}

// note notes what a lane has settled, what it owes from now on and which window is open then. It tells the number of the
// change, for save.
func (b *ledger) note(lane int, settled []esm.Record, next []policy.Run, window *esm.Window) (change int, err error) {
	owed := make([]esm.Owed, 0, len(next))
	for _, r := range next {
		owed = append(owed, policy.Pending(r, lane))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.mark.Settle(lane, settled) {
		return 0, fmt.Errorf("shard %s: lane %d settles records that are not its oldest", b.id, lane)
	}
	b.owed[lane], b.window = owed, window
	b.changes++
	return b.changes, nil
}

// saveSkipped saves once in a while that records were skipped, if nothing else did.
func (b *ledger) saveSkipped(work context.Context) error {
	b.mu.Lock()
	due := b.skipped && time.Since(b.lastly) >= skippedEvery
	mine := b.changes
	b.mu.Unlock()
	if !due {
		return nil
	}
	return b.save(work, mine)
}

// drain notes that the shard is at its end and all of it is settled.
func (b *ledger) drain(work context.Context) error {
	b.saving <- struct{}{}
	defer func() { <-b.saving }()
	next := b.kept
	b.mu.Lock()
	next.Position, next.Lanes, next.Owed, next.Window = b.mark.Position(), nil, nil, nil
	b.mu.Unlock()
	next.Drained = true
	return b.write(work, next)
}

// save returns when the first so many changes are durable, whoever saved them.
func (b *ledger) save(work context.Context, changes int) error {
	select {
	case b.saving <- struct{}{}:
	case <-work.Done():
		return context.Cause(work)
	}
	defer func() { <-b.saving }()
	if b.saved >= changes {
		return nil
	}
	next, until := b.checkpoint()
	if err := b.write(work, next); err != nil {
		return err
	}
	b.saved = until
	return nil
}

// checkpoint is what is to be saved now, and how many changes it holds.
func (b *ledger) checkpoint() (next esm.Checkpoint, changes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next = b.kept
	next.Position, next.Lanes, next.Owed, next.Window = b.mark.Position(), b.mark.Lanes(), nil, b.window
	for _, owed := range b.owed {
		for _, o := range owed {
			if policy.Compare(o.Last, next.Position) > 0 { // else no filter wants any of it now
				next.Owed = append(next.Owed, o)
			}
		}
	}
	b.skipped, b.lastly = false, time.Now()
	return next, b.changes
}

func (b *ledger) write(work context.Context, next esm.Checkpoint) error {
	saved, err := b.Checkpoints.Save(work, esm.Key{Mapping: b.Mapping, Shard: b.id}, next)
	if err == nil {
		b.kept = saved
	}
	return err
}

// position is up to where all records are settled.
func (b *ledger) position() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark.Position()
}
