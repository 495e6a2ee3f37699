package sourcetest

import (
	"fmt"
	"time"
)

// add makes sh a shard of the stream. The first ones are listed at once. The lock is held.
func (s *Stream) add(sh *shard) string {
	sh.id = fmt.Sprintf("shardId-%012d", len(s.order))
	if len(sh.parents) > 0 {
		sh.listed = time.Now().Add(s.cfg.Lag)
	}
	s.shards[sh.id] = sh
	s.order = append(s.order, sh.id)
	return sh.id
}

// succeed closes shards and creates their children. The lock is held.
func (s *Stream) succeed(parents []string, hashes ...[]span) (children []string) {
	for _, p := range parents {
		s.shards[p].close(time.Now())
	}
	for _, h := range hashes {
		children = append(children, s.add(&shard{parents: parents, hashes: h}))
	}
	return children
}

func (s *Stream) open(shards ...string) bool {
	for _, id := range shards {
		if sh := s.shards[id]; sh == nil || sh.closed {
			return false
		}
	}
	return true
}

// Split closes a shard and gives each half of its keys to a child. It returns "" and does nothing if there is no such shard
// or it is closed.
func (s *Stream) Split(shard string) (left, right string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open(shard) {
		return "", ""
	}
	l, r := s.shards[shard].halves()
	children := s.succeed([]string{shard}, l, r)
	return children[0], children[1]
}

// Merge closes two shards and gives their keys to one child. It returns "" and does nothing if one of them is missing or
// closed.
func (s *Stream) Merge(a, b string) (child string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a == b || !s.open(a, b) {
		return ""
	}
	both := append(append([]span(nil), s.shards[a].hashes...), s.shards[b].hashes...)
	return s.succeed([]string{a, b}, both)[0]
}

// Roll closes a shard and gives its keys to one child, as DynamoDB does every few hours.
func (s *Stream) Roll(shard string) (child string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open(shard) {
		return ""
	}
	return s.succeed([]string{shard}, s.shards[shard].hashes)[0]
}

// Close closes a shard without giving it children, as when a DynamoDB stream is disabled.
func (s *Stream) Close(shard string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open(shard) {
		s.succeed([]string{shard})
	}
}

// Trim drops all records that arrived before a time, and the shards that were closed before it.
func (s *Stream) Trim(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim(before)
}
