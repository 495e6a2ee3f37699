package sourcetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// StreamConfig describes a [Stream]. The zero StreamConfig is a stream of one shard.
type StreamConfig struct {
	// Shards is the initial number of shards; 0 means 1. They are named shardId-000000000000 and so on.
	Shards int

	// Retention is how long records are kept, and closed shards after they were closed; 0 means 24 h.
	Retention time.Duration

	// Pace is how long a reader that found nothing waits before it reads again; 0 means 1 s, as Lambda polls Kinesis.
	Pace time.Duration

	// EmptyEvery makes every n-th read of a shard return no records; 0 means no such reads.
	EmptyEvery int

	// Forgiving makes reading continue with the oldest record when a position has been trimmed, as Kinesis does. Otherwise
	// that is esm.ErrTrimmed, as in DynamoDB Streams.
	Forgiving bool

	// Lag is how long a new shard stays unlisted. Initial shards are listed at once.
	Lag time.Duration

	// ListFaults, OpenFaults and ReadFaults select the calls that fail; nil means none. None of these calls changes
	// anything. Done and Undone differ only for a read, which waits for its Pace before it fails as Done. The next read
	// returns the records.
	ListFaults             Faults
	OpenFaults, ReadFaults ShardFaults
}

// ShardFaults returns how a call fails. Calls of one kind are counted from 1 for each shard. It may be called concurrently,
// and may call the stream.
type ShardFaults func(shard string, call int) Fault

// OnEach makes the calls of each shard fail in the same way.
func OnEach(faults Faults) ShardFaults {
	return func(_ string, call int) Fault { return faults.at(call) }
}

func (f ShardFaults) at(shard string, call int) Fault {
	if f == nil {
		return Fault{}
	}
	return f(shard, call)
}

// Stream is a stream in memory that behaves like Kinesis. Records go to the open shard that their partition key hashes to.
// Shards can be split, merged, rolled over and closed, and their children name them as parents. Records and closed shards
// are trimmed when they are older than the retention. The stream can be deleted and recreated.
//
// Positions are sequence numbers. They increase over the whole stream, and grow from 21 digits to 22 with the fourth record.
// Opening a shard at a position outside its records is esm.ErrForeign.
//
// A Stream uses package time: in a synctest bubble it runs on the bubble's clock. All methods may be called concurrently.
type Stream struct {
	cfg StreamConfig

	mu      sync.Mutex
	life    int // how often the stream was created
	exists  bool
	puts    int // records put, in all lives
	shards  map[string]*shard
	order   []string // the ids of shards, oldest first
	lists   int
	readers map[string]int // open now, by shard
	opens   map[string]int // calls, by shard
	reads   map[string]int // calls, by shard
}

var _ esm.Stream = (*Stream)(nil)

// NewStream returns a stream without records.
func NewStream(cfg StreamConfig) *Stream {
	if cfg.Shards == 0 {
		cfg.Shards = 1
	}
	if cfg.Retention == 0 {
		cfg.Retention = 24 * time.Hour
	}
	if cfg.Pace == 0 {
		cfg.Pace = time.Second
	}
	s := &Stream{cfg: cfg, readers: map[string]int{}, opens: map[string]int{}, reads: map[string]int{}}
	s.Recreate()
	return s
}

// Recreate deletes the stream, if it exists, and creates another one with the same name and the same names of shards.
func (s *Stream) Recreate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life++
	s.exists = true
	s.shards, s.order = map[string]*shard{}, nil
	n := s.cfg.Shards
	for i := range n {
		s.add(&shard{hashes: []span{evenly(i, n)}})
	}
}

// Delete deletes the stream with everything in it.
func (s *Stream) Delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exists = false
	s.shards, s.order = map[string]*shard{}, nil
}

// List implements [esm.Stream].
func (s *Stream) List(ctx context.Context) (esm.Listing, error) {
	if err := ctx.Err(); err != nil {
		return esm.Listing{}, err
	}
	if fault := s.cfg.ListFaults.at(s.countList()); fault.Err != nil {
		return esm.Listing{}, fault.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.exists {
		return esm.Listing{}, fmt.Errorf("sourcetest: list: %w", esm.ErrNoStream)
	}
	now := time.Now()
	s.age(now)
	listing := esm.Listing{Identity: fmt.Sprintf("life-%d", s.life)}
	for _, id := range slices.Backward(s.order) { // in no particular order: parents last
		sh := s.shards[id]
		if !now.Before(sh.listed) && !sh.gone {
			listing.Shards = append(listing.Shards, esm.Shard{ID: id, Parents: slices.Clone(sh.parents), Closed: sh.closed})
		}
	}
	return listing, nil
}

func (s *Stream) countList() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	return s.lists
}

// Open implements [esm.Stream].
func (s *Stream) Open(ctx context.Context, id string, from esm.From) (esm.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if fault := s.cfg.OpenFaults.at(id, s.count(s.opens, id, 1)); fault.Err != nil {
		return nil, fault.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &reader{stream: s, life: s.life, shard: id}
	if _, err := s.find(r); err != nil {
		return nil, fmt.Errorf("sourcetest: open %s: %w", id, err)
	}
	next, err := s.shards[id].seek(from, s.cfg.Forgiving)
	if err != nil {
		return nil, fmt.Errorf("sourcetest: open %s: %w", id, err)
	}
	r.next = next
	s.readers[id]++
	return r, nil
}

// count adds n to a shard's count, and returns it.
func (s *Stream) count(counts map[string]int, id string, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts[id] += n
	return counts[id]
}

// find returns the shard that r reads. The lock is held.
func (s *Stream) find(r *reader) (*shard, error) {
	if !s.exists {
		return nil, esm.ErrNoStream
	}
	if r.life != s.life {
		return nil, esm.ErrForeign
	}
	s.age(time.Now())
	sh := s.shards[r.shard]
	if sh == nil || sh.gone {
		return nil, esm.ErrNoShard
	}
	return sh, nil
}

// age trims what is older than the retention. The lock is held.
func (s *Stream) age(now time.Time) { s.trim(now.Add(-s.cfg.Retention)) }

func (s *Stream) trim(before time.Time) {
	for sh := range maps.Values(s.shards) {
		sh.trim(before)
	}
}
