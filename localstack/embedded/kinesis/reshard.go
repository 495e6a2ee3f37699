package kinesis

import "slices"

// split closes an open shard. One child gets its keys below at, another the rest.
func (st *stream) split(m moment, sh *shard, at hash) {
	st.removeOpen(sh)
	low := st.add(m, span{sh.keys.low, at.plus(-1)}, sh)
	high := st.add(m, span{at, sh.keys.high}, sh)
	sh.close(m.at, low, high)
}

// merge closes two adjacent open shards. One child gets their keys.
func (st *stream) merge(m moment, a, b *shard) {
	st.removeOpen(a)
	st.removeOpen(b)
	keys := span{a.keys.low, b.keys.high}
	if b.keys.low.compare(a.keys.low) < 0 {
		keys = span{b.keys.low, a.keys.high}
	}
	child := st.add(m, keys, a, b)
	a.close(m.at, child)
	b.close(m.at, child)
}

// removeOpen removes a shard from the open ones.
func (st *stream) removeOpen(sh *shard) {
	i := slices.Index(st.open, sh)
	st.open = slices.Delete(st.open, i, i+1)
}

// scale splits and merges until n shards share the keys evenly.
func (st *stream) scale(moment func() moment, n int) {
	for i := 1; i < n; i++ {
		if at := edge(i, n); st.openShardOf(at).keys.low != at {
			st.split(moment(), st.openShardOf(at), at)
		}
	}
	for i := range n {
		keys := evenly(i, n)
		for st.openShardOf(keys.low) != st.openShardOf(keys.high) {
			a := st.openShardOf(keys.low)
			st.merge(moment(), a, st.openShardOf(a.keys.high.plus(1)))
		}
	}
}

// adjacent reports whether the keys of a and b border on each other.
func adjacent(a, b *shard) bool {
	if b.keys.low.compare(a.keys.low) < 0 {
		a, b = b, a
	}
	return a != b && a.keys.high.plus(1) == b.keys.low
}

// openShard returns the open shard with that ID.
func (st *stream) openShard(id string, now millis) (*shard, error) {
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

func (s *Server) splitShard(st *stream, in splitInput) error {
	m := s.moment() // under the stream's lock, so that later changes have later moments
	sh, err := st.openShard(in.ShardToSplit, m.at)
	if err != nil {
		return err
	}
	at, ok := parseHash(in.NewStartingHashKey)
	if !ok {
		return malformed(in.NewStartingHashKey, "newStartingHashKey", `Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`)
	}
	if sh.keys.low.compare(at) >= 0 || sh.keys.low.plus(1) == at || at.compare(sh.keys.high) >= 0 {
		return invalid("NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not both greater than "+
			"one plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
			at, sh.id(), st.name, st.account, sh.keys.low, sh.keys.high)
	}
	st.split(m, sh, at)
	return nil
}

type mergeInput struct {
	ref
	ShardToMerge         string
	AdjacentShardToMerge string
}

func (s *Server) mergeShards(st *stream, in mergeInput) error {
	m := s.moment()
	a, err := st.openShard(in.ShardToMerge, m.at)
	if err != nil {
		return err
	}
	b, err := st.openShard(in.AdjacentShardToMerge, m.at)
	if err != nil {
		return err
	}
	if !adjacent(a, b) {
		return invalid("Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging",
			a.id(), b.id(), st.name, st.account)
	}
	st.merge(m, a, b)
	return nil
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

func (s *Server) updateShardCount(st *stream, in scaleInput) (out scaleOutput, err error) {
	has, wants := len(st.open), in.TargetShardCount
	switch {
	case in.ScalingType != "UNIFORM_SCALING":
		return out, malformed(in.ScalingType, "scalingType", "Member must satisfy enum value set: [UNIFORM_SCALING]")
	case wants < 1:
		return out, malformed(wants, "targetShardCount", "Member must have value greater than or equal to 1")
	case wants > 2*has:
		return out, invalid("UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: %d Target shard count: %d", has, wants)
	case 2*wants < has:
		return out, invalid("UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: %d Target shard count: %d", has, wants)
	case wants > maxShards:
		return out, s.tooManyShards(wants)
	}
	st.scale(s.moment, wants)
	return scaleOutput{st.name, st.arn, has, wants}, nil
}
