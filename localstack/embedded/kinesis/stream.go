package kinesis

import (
	"slices"
	"sync"
	"time"
)

// A stream is one data stream.
type stream struct {
	name, arn string
	account   string
	created   moment
	deleted   chan struct{} // closed when the stream is deleted

	mu        sync.Mutex // guards the rest
	mode      string
	retention time.Duration
	shards    []*shard // all there ever were, by index
	open      []*shard // the open ones, by keys
	consumers map[string]*consumer
	tags      map[string]string
}

// add adds an open shard. The lock is held, or nobody else knows the stream.
func (st *stream) add(m moment, keys span, parents ...*shard) *shard {
	sh := &shard{index: len(st.shards), keys: keys, parents: parents, created: m, next: 1}
	st.shards = append(st.shards, sh)
	i, _ := slices.BinarySearchFunc(st.open, keys.low, func(sh *shard, low hash) int { return sh.keys.low.compare(low) })
	st.open = slices.Insert(st.open, i, sh)
	return sh
}

// openShardOf returns the open shard of a hash key. There always is one.
func (st *stream) openShardOf(h hash) *shard {
	i, exact := slices.BinarySearchFunc(st.open, h, func(sh *shard, h hash) int { return sh.keys.low.compare(h) })
	if !exact {
		i--
	}
	return st.open[i]
}

// horizon returns the time before which records are trimmed.
func (st *stream) horizon(now millis) millis { return now - millis(st.retention.Milliseconds()) }

// kept returns the shards that have not expired, in the order of their IDs.
func (st *stream) kept(now millis) []*shard {
	shards := make([]*shard, 0, len(st.shards))
	for _, sh := range st.shards {
		if !sh.expired(st.horizon(now)) {
			shards = append(shards, sh)
		}
	}
	return shards
}

// shard trims and returns the shard with that index, or returns nil if there is none or it has expired.
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

// named returns the shard with that ID.
func (st *stream) named(id string, now millis) (*shard, error) {
	index, ok := parseShardID(id)
	if !ok {
		return nil, notFound("Could not find shard %s in stream %s under account %s.", id, st.name, st.account)
	}
	if sh := st.shard(index, now); sh != nil {
		return sh, nil
	}
	return nil, st.noShard(index)
}

func (st *stream) noShard(index int) error {
	return notFound("Shard %s in stream %s under account %s does not exist", shardID(index), st.name, st.account)
}

// parseShardID parses what shardID returned.
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
