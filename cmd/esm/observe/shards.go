package observe

import (
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// rememberedDrained is the number of drained shards that are remembered. Those of a DynamoDB stream follow each other every
// four hours.
const rememberedDrained = 100

// shards is what is known of the shards of one stream mapping. Its owner guards it.
type shards struct {
	all     map[string]*shard // by ID
	drained []string          // IDs in all, in the order in which the shards were drained
	listed  int               // shards in the stream
}

func newShards() *shards { return &shards{all: map[string]*shard{}} }

// trace is a [trace.Func].
func (s *shards) trace(e trace.Event) {
	switch e := e.(type) {
	case trace.Reading:
		s.reading(e)
	case trace.Received:
		if e.Err == nil {
			s.shard(e.Shard).received(e.Records)
		}
	case trace.Filtered:
		s.shard(e.Shard).filtered(e.Records)
	case trace.Invoking:
		s.shard(e.Shard).invoking(e.Records)
	case trace.Invoked:
		s.shard(e.Shard).invoked(e)
	case trace.Settled:
		s.shard(e.Shard).settled(e)
	case trace.Dropped:
		if len(e.Records) == 0 { // a final invocation: records are settled after they were dropped
			s.shard(e.Shard).end("")
		}
	case trace.Failing:
		if e.Shard != "" {
			s.shard(e.Shard).failing = noteNow(short(e.Err.Error()))
		}
	case trace.Drained:
		s.drain(e.Shard)
	case trace.Listed:
		s.listed = e.Shards
	case trace.State:
		s.changed(e.State)
	}
}

// shard returns a shard, which is known from now on.
func (s *shards) shard(id string) *shard {
	x := s.all[id]
	if x == nil {
		x = &shard{}
		s.all[strings.Clone(id)] = x
	}
	return x
}

// reading notes that a shard is read from a position. Without a shard, the stream was recreated.
func (s *shards) reading(e trace.Reading) {
	if e.Shard == "" {
		clear(s.all)
		s.drained = nil
		return
	}
	x := s.shard(e.Shard)
	if x.drained {
		s.drained = slices.DeleteFunc(s.drained, func(id string) bool { return id == e.Shard })
	}
	x.open(e)
}

// drain notes that a shard is drained, and forgets the one that was drained first.
func (s *shards) drain(id string) {
	x := s.shard(id)
	if !x.drained {
		s.drained = append(s.drained, id)
	}
	*x = shard{position: x.position, drained: true}
	for len(s.drained) > rememberedDrained {
		delete(s.all, s.drained[0])
		s.drained = slices.Delete(s.drained, 0, 1)
	}
}

// changed notes that nothing is read any more if the mapping is disabled.
func (s *shards) changed(state string) {
	if state != mappings.Disabled {
		return
	}
	for _, x := range s.all {
		*x = shard{position: x.position, drained: x.drained}
	}
}

// sum is about all shards.
type sum struct {
	listed, reading, blocked, failing int
	age                               time.Duration // the largest
}

func (s *shards) sum(now time.Time) sum {
	t := sum{listed: s.listed}
	for _, x := range s.all {
		t.age = max(t.age, x.age(now))
		if x.reading {
			t.reading++
		}
		if x.blocked() != nil {
			t.blocked++
		}
		if x.failing != nil {
			t.failing++
		}
	}
	return t
}

// status returns the status of every shard, in no order.
func (s *shards) status(now time.Time) []ShardStatus {
	all := make([]ShardStatus, 0, len(s.all))
	for id, x := range s.all {
		all = append(all, x.status(id, now))
	}
	return all
}
