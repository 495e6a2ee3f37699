package kinesis

import (
	"context"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm/sources/internal/polling"
)

// The limits of Kinesis for all readers of one shard together (AWS: "Quotas and limits"; API reference: "GetRecords").
const (
	betweenCalls   = time.Second / 5 // of GetRecords, and of GetShardIterator
	bytesPerSecond = 2_000_000
)

// Pace limits the readers of each shard, across all streams that share the Pace, to what Kinesis allows for a shard: five
// reads, five iterators and 2 MB a second. The rate also covers the five seconds of pause after an answer of 10 MB. The
// zero Pace is ready for use, and may be used concurrently. A nil Pace never waits.
type Pace struct {
	mu     sync.Mutex
	shards map[shardKey]*shardPace // the shards being read
}

type shardKey struct{ stream, shard string }

// shardPace is the pace of one shard. Its readers take turns. A nil shardPace is that of a nil Pace.
type shardPace struct {
	pace    *Pace
	key     shardKey
	readers int // guarded by the pace's lock

	mu        sync.Mutex // never held during a wait
	reads     time.Time  // the earliest next read
	iterators time.Time  // the earliest next GetShardIterator
	paid      time.Time  // when everything read so far would have arrived at bytesPerSecond
}

// enter returns the pace of a shard for one more reader, which must call leave.
func (p *Pace) enter(stream, shard string) *shardPace {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shards == nil {
		p.shards = map[shardKey]*shardPace{}
	}
	key := shardKey{stream, shard}
	s := p.shards[key]
	if s == nil {
		s = &shardPace{pace: p, key: key}
		p.shards[key] = s
	}
	s.readers++
	return s
}

func (s *shardPace) leave() {
	if s == nil {
		return
	}
	s.pace.mu.Lock()
	defer s.pace.mu.Unlock()
	s.readers--
	if s.readers == 0 {
		delete(s.pace.shards, s.key)
	}
}

// read waits until the shard may be read, but at least until notBefore.
func (s *shardPace) read(ctx context.Context, notBefore time.Time) error {
	if err := sleepUntil(ctx, notBefore); err != nil || s == nil {
		return err
	}
	return s.turn(ctx, &s.reads)
}

// iterate waits until an iterator may be asked for.
func (s *shardPace) iterate(ctx context.Context) error {
	if s == nil {
		return ctx.Err()
	}
	return s.turn(ctx, &s.iterators)
}

// turn waits until a call of one kind is allowed, and books it.
func (s *shardPace) turn(ctx context.Context, next *time.Time) error {
	for {
		free := s.book(next, time.Now())
		if err := sleepUntil(ctx, free); err != nil || free.IsZero() {
			return err
		}
	}
}

// book books a call of one kind, or returns the time to try again.
func (s *shardPace) book(next *time.Time, now time.Time) (free time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.After(now) {
		return *next
	}
	*next = now.Add(betweenCalls)
	return time.Time{}
}

// account accounts for the bytes of a read that began at start. Concurrent reads add up.
func (s *shardPace) account(start time.Time, bytes int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paid = later(s.paid, start).Add(time.Duration(bytes) * time.Second / bytesPerSecond)
	s.reads = later(s.reads, s.paid)
}

// throttled delays all readers of the shard, because readers of other processes may be using its limits.
func (s *shardPace) throttled() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = later(s.reads, time.Now().Add(polling.ThrottledDelay()))
}

func sleepUntil(ctx context.Context, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d := time.Until(at); d > 0 {
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
