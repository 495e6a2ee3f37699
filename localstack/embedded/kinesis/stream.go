package kinesis

import (
	"slices"
	"sync"
	"time"
)

// A stream is one data stream. What is not guarded by its lock does not change.
type stream struct {
	name, arn string
	account   string
	made      moment
	deleted   chan struct{} // closed when it is

	mu        sync.Mutex
	mode      string
	retention time.Duration
	shards    []*shard // all there ever were, by their index
	takers    []*shard // those that are open, by their keys
	consumers map[string]*consumer
	tags      map[string]string
}

// add makes a shard and opens it. The lock is held, or nobody else knows the stream.
func (st *stream) add(m moment, keys span, parents ...*shard) *shard {
	sh := &shard{index: len(st.shards), keys: keys, parents: parents, made: m, next: 1}
	st.shards = append(st.shards, sh)
	i, _ := slices.BinarySearchFunc(st.takers, keys.low, func(sh *shard, low hash) int { return sh.keys.low.compare(low) })
	st.takers = slices.Insert(st.takers, i, sh)
	return sh
}

// takerOf is the open shard that takes a hash key. There always is one.
func (st *stream) takerOf(h hash) *shard {
	i, exact := slices.BinarySearchFunc(st.takers, h, func(sh *shard, h hash) int { return sh.keys.low.compare(h) })
	if !exact {
		i--
	}
	return st.takers[i]
}

// horizon is the time before which records are trimmed.
func (st *stream) horizon(now millis) millis { return now - millis(st.retention.Milliseconds()) }

// alive are the shards that are listed.
func (st *stream) alive(now millis) []*shard {
	shards := make([]*shard, 0, len(st.shards))
	for _, sh := range st.shards {
		if !sh.expired(st.horizon(now)) {
			shards = append(shards, sh)
		}
	}
	return shards
}

// shard returns the shard of that index, with what is kept of it, or nil when it never was or is expired.
func (st *stream) shard(index int, now millis) *shard {
	if index < 0 || index >= len(st.shards) {
		return nil
	}
	sh := st.shards[index]
	sh.trim(st.horizon(now))
	if sh.expired(st.horizon(now)) {
		return nil
	}
	return sh
}

// named returns the shard with that id, or a refusal.
func (st *stream) named(id string, now millis) (*shard, error) {
	index, ok := parseShardID(id)
	if !ok {
		return nil, missing("Could not find shard %s in stream %s under account %s.", id, st.name, st.account)
	}
	if sh := st.shard(index, now); sh != nil {
		return sh, nil
	}
	return nil, st.noShard(index)
}

func (st *stream) noShard(index int) error {
	return missing("Shard %s in stream %s under account %s does not exist", shardID(index), st.name, st.account)
}

// parseShardID reads what shardID wrote.
func parseShardID(id string) (index int, ok bool) {
	const prefix, digits = "shardId-", 12
	if len(id) != len(prefix)+digits || id[:len(prefix)] != prefix {
		return 0, false
	}
	for _, c := range []byte(id[len(prefix):]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		index = index*10 + int(c-'0')
	}
	return index, true
}
