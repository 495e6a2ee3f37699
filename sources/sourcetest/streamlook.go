package sourcetest

import (
	"slices"

	"github.com/esm-run/esm"
)

// Shards returns the ids of all shards that the stream has had since it was made, oldest first: open, closed and gone.
func (s *Stream) Shards() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Records returns what was ever put into a shard, trimmed or not, in order.
func (s *Stream) Records(shard string) []esm.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh := s.shards[shard]; sh != nil {
		return slices.Clone(sh.recs)
	}
	return nil
}

// Readers is how many readers of a shard are open. It is negative if one was closed twice.
func (s *Stream) Readers(shard string) int { return s.look(s.readers, shard) }

// Opens counts the calls to open a shard, those that failed included.
func (s *Stream) Opens(shard string) int { return s.look(s.opens, shard) }

// Reads counts the reads of a shard, those under way and those that failed included.
func (s *Stream) Reads(shard string) int { return s.look(s.reads, shard) }

// Lists counts the listings.
func (s *Stream) Lists() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}

func (s *Stream) look(counts map[string]int, shard string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return counts[shard]
}
