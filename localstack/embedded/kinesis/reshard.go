package kinesis

import (
	"net/http"
	"slices"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// split closes an open shard, and gives its keys below a hash key to one child and the others to another.
func (st *stream) split(m moment, sh *shard, at hash) {
	st.leave(sh)
	low := st.add(m, span{sh.keys.low, at.plus(-1)}, sh)
	high := st.add(m, span{at, sh.keys.high}, sh)
	sh.close(m.at, low, high)
}

// merge closes two open shards that are neighbours, and gives their keys to one child.
func (st *stream) merge(m moment, a, b *shard) {
	st.leave(a)
	st.leave(b)
	keys := span{a.keys.low, b.keys.high}
	if b.keys.low.compare(a.keys.low) < 0 {
		keys = span{b.keys.low, a.keys.high}
	}
	child := st.add(m, keys, a, b)
	a.close(m.at, child)
	b.close(m.at, child)
}

// leave takes a shard from those that are open.
func (st *stream) leave(sh *shard) {
	i := slices.Index(st.takers, sh)
	st.takers = slices.Delete(st.takers, i, i+1)
}

// scale splits and merges until n shards share the keys evenly.
func (st *stream) scale(moment func() moment, n int) {
	for i := 1; i < n; i++ {
		if at := edge(i, n); st.takerOf(at).keys.low != at {
			st.split(moment(), st.takerOf(at), at)
		}
	}
	for i := range n {
		keys := evenly(i, n)
		for st.takerOf(keys.low) != st.takerOf(keys.high) {
			a := st.takerOf(keys.low)
			st.merge(moment(), a, st.takerOf(a.keys.high.plus(1)))
		}
	}
}

// neighbours reports whether a and b share no key and leave none out between them.
func neighbours(a, b *shard) bool {
	if b.keys.low.compare(a.keys.low) < 0 {
		a, b = b, a
	}
	return a != b && a.keys.high.plus(1) == b.keys.low
}

// changeable returns an open shard by its id.
func (st *stream) changeable(id string, now millis) (*shard, error) {
	sh, err := st.named(id, now)
	if err == nil && !sh.open() {
		return nil, invalid("Shard %s in stream %s under account %s is closed: it was split or merged before.", id, st.name, st.account)
	}
	return sh, err
}

type splitInput struct {
	ref
	ShardToSplit       string
	NewStartingHashKey string
}

func (s *Server) splitShard(_ *http.Request, in splitInput) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	m := s.moment() // under the lock: later changes have later moments
	sh, err := st.changeable(in.ShardToSplit, m.at)
	if err != nil {
		return wire.None{}, err
	}
	at, ok := parseHash(in.NewStartingHashKey)
	if !ok {
		return wire.None{}, malformed(in.NewStartingHashKey, "newStartingHashKey", `Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`)
	}
	if sh.keys.low.compare(at) >= 0 || sh.keys.low.plus(1) == at || at.compare(sh.keys.high) >= 0 {
		return wire.None{}, invalid("NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not both greater than "+
			"one plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
			at, sh.id(), st.name, st.account, sh.keys.low, sh.keys.high)
	}
	st.split(m, sh, at)
	return wire.None{}, nil
}

type mergeInput struct {
	ref
	ShardToMerge         string
	AdjacentShardToMerge string
}

func (s *Server) mergeShards(_ *http.Request, in mergeInput) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	m := s.moment() // under the lock: later changes have later moments
	a, err := st.changeable(in.ShardToMerge, m.at)
	if err != nil {
		return wire.None{}, err
	}
	b, err := st.changeable(in.AdjacentShardToMerge, m.at)
	if err != nil {
		return wire.None{}, err
	}
	if !neighbours(a, b) {
		return wire.None{}, invalid("Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging",
			a.id(), b.id(), st.name, st.account)
	}
	st.merge(m, a, b)
	return wire.None{}, nil
}

type scaleInput struct {
	ref
	TargetShardCount int
	ScalingType      string
}

type scaleOutput struct {
	StreamName, StreamARN               string
	CurrentShardCount, TargetShardCount int
}

func (s *Server) updateShardCount(_ *http.Request, in scaleInput) (scaleOutput, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return scaleOutput{}, err
	}
	if in.ScalingType != "UNIFORM_SCALING" {
		return scaleOutput{}, malformed(in.ScalingType, "scalingType", "Member must satisfy enum value set: [UNIFORM_SCALING]")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	has, wants := len(st.takers), in.TargetShardCount
	switch {
	case wants < 1:
		return scaleOutput{}, malformed(wants, "targetShardCount", "Member must have value greater than or equal to 1")
	case wants > 2*has:
		return scaleOutput{}, invalid("UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: %d Target shard count: %d", has, wants)
	case 2*wants < has:
		return scaleOutput{}, invalid("UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: %d Target shard count: %d", has, wants)
	case wants > maxShards:
		return scaleOutput{}, s.tooMany(wants)
	}
	st.scale(s.moment, wants)
	return scaleOutput{st.name, st.arn, has, wants}, nil
}
