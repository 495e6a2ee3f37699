package kinesis

import (
	"context"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm/sources/internal/polling"
)

// What Kinesis allows of all readers of one shard together (AWS: "Quotas and limits"; API reference: "GetRecords").
const (
	betweenCalls   = time.Second / 5 // of GetRecords, and of GetShardIterator
	bytesPerSecond = 2_000_000
)

// Pace keeps the readers of each shard, of all streams that share it, together within what Kinesis allows for a shard:
// five reads, five iterators and 2 MB a second. The rate also covers the five seconds of rest that an answer of 10 MB
// needs. The zero Pace is ready for use, and may be used concurrently. A nil Pace waits for nothing.
type Pace struct {
	mu     sync.Mutex
	tracks map[place]*track // of the shards that are being read
}

type place struct{ stream, shard string }

// track is the pace of one shard. Its readers take turns. A nil track is that of a nil Pace.
type track struct {
	pace    *Pace
	place   place
	readers int // guarded by the pace's lock

	mu        sync.Mutex // never held during a wait
	reads     time.Time  // when the shard may be read again
	iterators time.Time  // when the next iterator may be asked for
	paid      time.Time  // when all that was read would have come at the speed that is allowed
}

// of returns the track of a shard. It is over with leave.
func (p *Pace) of(stream, shard string) *track {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tracks == nil {
		p.tracks = map[place]*track{}
	}
	where := place{stream, shard}
	t := p.tracks[where]
	if t == nil {
		t = &track{pace: p, place: where}
		p.tracks[where] = t
	}
	t.readers++
	return t
}

func (t *track) leave() {
	if t == nil {
		return
	}
	t.pace.mu.Lock()
	defer t.pace.mu.Unlock()
	t.readers--
	if t.readers == 0 {
		delete(t.pace.tracks, t.place)
	}
}

// read waits until the shard may be read, and not before a time.
func (t *track) read(ctx context.Context, notBefore time.Time) error {
	if err := sleepUntil(ctx, notBefore); err != nil || t == nil {
		return err
	}
	return t.turn(ctx, &t.reads)
}

// iterate waits until an iterator may be asked for.
func (t *track) iterate(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	return t.turn(ctx, &t.iterators)
}

// turn waits for the next call of a kind, and takes it.
func (t *track) turn(ctx context.Context, next *time.Time) error {
	for {
		free := t.take(next, time.Now())
		if err := sleepUntil(ctx, free); err != nil || free.IsZero() {
			return err
		}
	}
}

// take takes a call of a kind, or returns the time to try again.
func (t *track) take(next *time.Time, now time.Time) (free time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next.After(now) {
		return *next
	}
	*next = now.Add(betweenCalls)
	return time.Time{}
}

// brought accounts for the bytes of a read that began at start. Concurrent reads add up.
func (t *track) brought(start time.Time, bytes int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paid = later(t.paid, start).Add(time.Duration(bytes) * time.Second / bytesPerSecond)
	t.reads = later(t.reads, t.paid)
}

// throttled delays all readers of the shard: readers elsewhere may use up its limits.
func (t *track) throttled() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads = later(t.reads, time.Now().Add(polling.ThrottledDelay()))
}

func sleepUntil(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d := time.Until(t); d > 0 {
		return smithytime.SleepWithContext(ctx, d)
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
