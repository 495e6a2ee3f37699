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
	betweenReads   = time.Second / 5
	bytesPerSecond = 2_000_000
)

// atATime is how many calls of all readers are under way at the same time: enough for ten thousand shards that are polled
// every second and answer within 50 ms. Others wait: so many connections, and answers half read, would serve nobody.
const atATime = 512

// Pace keeps the readers of each shard, of all streams that share it, together within what Kinesis allows for a shard:
// five reads and 2 MB a second, which is also the five seconds of rest after an answer of 10 MB. It keeps the calls of all
// shards from being made at once. The zero Pace is ready for use, by many at once.
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

	mu   sync.Mutex // never held during a wait
	next time.Time  // when the shard may be read again
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

// wait waits until the shard may be read, and not before a time. Then one read is taken.
func (t *track) wait(ctx context.Context, notBefore time.Time) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rest := time.Until(notBefore)
		if rest <= 0 {
			rest = t.take(time.Now())
		}
		if rest <= 0 {
			return nil
		}
		if err := smithytime.SleepWithContext(ctx, rest); err != nil {
			return err
		}
	}
}

// take takes one read, or tells how long to wait before trying again.
func (t *track) take(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rest := t.next.Sub(now); rest > 0 {
		return rest
	}
	t.next = now.Add(betweenReads)
	return 0
}

// paid says how many bytes a read brought that began at start.
func (t *track) paid(start time.Time, bytes int) {
	t.rest(start.Add(time.Duration(bytes) * time.Second / bytesPerSecond))
}

// throttled says that the service wants the shard to be left alone, because of readers elsewhere perhaps.
func (t *track) throttled(now time.Time) {
	t.rest(now.Add(time.Second + rand.N(time.Second/4)))
}

func (t *track) rest(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.next) {
		t.next = until
	}
}
