package kinesis

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// What Kinesis allows of all readers of one shard together (AWS: "Quotas and limits"; API reference: "GetRecords").
const (
	betweenCalls   = time.Second / 5 // of GetRecords, and of GetShardIterator
	bytesPerSecond = 2_000_000
)

// atATime is how many calls of all readers are under way at the same time: enough for ten thousand shards that are polled
// every second and answer within 50 ms. Others wait: so many connections, and answers half read, would serve nobody.
const atATime = 512

// Pace keeps the readers of each shard, of all streams that share it, together within what Kinesis allows for a shard:
// five reads, five iterators and 2 MB a second, which is also the five seconds of rest after an answer of 10 MB. It keeps
// the calls of all shards from being made at once. The zero Pace is ready for use, by many at once.
type Pace struct {
	mu     sync.Mutex
	tracks map[place]*track // those that are being read

	once  sync.Once
	calls chan struct{} // holds one token for each call under way
}

// enter waits until a call may be made. It is over with leave.
func (p *Pace) enter(ctx context.Context) (leave func(), err error) {
	p.once.Do(func() { p.calls = make(chan struct{}, atATime) })
	select {
	case p.calls <- struct{}{}:
		return func() { <-p.calls }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type place struct{ stream, shard string }

// track is the pace of one shard. Readers of it wait by turns.
type track struct {
	pace    *Pace
	place   place
	readers int // guarded by the pace's lock

	mu        sync.Mutex // never held during a wait
	reads     time.Time  // when the shard may be read again
	iterators time.Time  // when the next iterator may be asked for
	paid      time.Time  // when all that was read would have come at the speed that is allowed
}

// of is the track of a shard, until it is left.
func (p *Pace) of(stream, shard string) *track {
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
	t.pace.mu.Lock()
	defer t.pace.mu.Unlock()
	t.readers--
	if t.readers == 0 {
		delete(t.pace.tracks, t.place)
	}
}

// read waits until the shard may be read, and not before a time. One read is taken then, and over with leave.
func (t *track) read(ctx context.Context, notBefore time.Time) (leave func(), err error) {
	return t.turn(ctx, notBefore, &t.reads)
}

// iterate is read for an iterator.
func (t *track) iterate(ctx context.Context) (leave func(), err error) {
	return t.turn(ctx, time.Time{}, &t.iterators)
}

// turn waits for the next call of a kind.
func (t *track) turn(ctx context.Context, notBefore time.Time, next *time.Time) (leave func(), err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rest := time.Until(notBefore)
		if rest <= 0 {
			rest = t.take(next, time.Now())
		}
		if rest <= 0 {
			return t.pace.enter(ctx)
		}
		if err := smithytime.SleepWithContext(ctx, rest); err != nil {
			return nil, err
		}
	}
}

// take takes a call of a kind, or tells how long to wait before trying again.
func (t *track) take(next *time.Time, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest := next.Sub(now); rest > 0 {
		return rest
	}
	*next = now.Add(betweenCalls)
	return 0
}

// brought says how many bytes a read brought that began at start. What several readers brought at a time adds up.
func (t *track) brought(start time.Time, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.paid = later(t.paid, start).Add(time.Duration(bytes) * time.Second / bytesPerSecond)
	t.reads = later(t.reads, t.paid)
}

// throttled says that the service wants the shard to be left alone, because of readers elsewhere perhaps.
func (t *track) throttled(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads = later(t.reads, now.Add(time.Second+rand.N(time.Second/4)))
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
