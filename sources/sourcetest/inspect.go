package sourcetest

import (
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Len returns the number of messages in the queue, visible or in flight, without those in the dead-letter queue.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// InFlight returns the number of messages that are received, not deleted, and not yet visible again.
func (q *Queue) InFlight() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, now := 0, time.Now()
	for e := q.hidden.Front(); e != nil; e = e.Next() {
		if e.Value.(*message).hidden(now) {
			n++
		}
	}
	return n
}

// Dead returns the messages in the dead-letter queue, in order of arrival there, as they were last received.
func (q *Queue) Dead() []esm.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.dead)
}

// Deleted returns the ids of the deleted messages in the order of their deletion.
func (q *Queue) Deleted() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.deleted)
}

// Receives returns the number of calls to Receive, including running and failed ones.
func (q *Queue) Receives() int { return int(q.receives.Load()) }

// Shards returns the ids of all shards that the stream has had since it was made, oldest first: open, closed and gone.
func (s *Stream) Shards() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// Records returns all records ever put into a shard, trimmed or not, in order.
func (s *Stream) Records(shard string) []esm.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh := s.shards[shard]; sh != nil {
		return slices.Clone(sh.recs)
	}
	return nil
}

// Readers returns how many readers of a shard are open. It is negative if one was closed twice.
func (s *Stream) Readers(shard string) int { return s.count(s.readers, shard, 0) }

// Opens returns the number of calls to open a shard, including failed ones.
func (s *Stream) Opens(shard string) int { return s.count(s.opens, shard, 0) }

// Lists returns the number of listings.
func (s *Stream) Lists() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}
