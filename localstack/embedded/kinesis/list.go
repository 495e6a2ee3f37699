package kinesis

import (
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type hashRange struct{ StartingHashKey, EndingHashKey string }

func rangeOf(keys span) hashRange { return hashRange{keys.low.String(), keys.high.String()} }

type numberRange struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string `json:",omitempty"`
}

type shardJSON struct {
	ShardId               string
	ParentShardId         string `json:",omitempty"`
	AdjacentParentShardId string `json:",omitempty"`
	HashKeyRange          hashRange
	SequenceNumberRange   numberRange
}

func (sh *shard) describe() shardJSON {
	out := shardJSON{ShardId: sh.id(), HashKeyRange: rangeOf(sh.keys)}
	if len(sh.parents) > 0 {
		out.ParentShardId = sh.parents[0].id()
	}
	if len(sh.parents) > 1 {
		out.AdjacentParentShardId = sh.parents[1].id()
	}
	out.SequenceNumberRange.StartingSequenceNumber = sh.number(0).String()
	if !sh.open() {
		out.SequenceNumberRange.EndingSequenceNumber = sh.number(lastIndex).String()
	}
	return out
}

// describePage returns one page of shards, which are sorted by ID, and the last ID if there are more.
func describePage(shards []*shard, after string, limit int) (page []shardJSON, last string) {
	shards, last = wire.Page(shards, after, limit, (*shard).id)
	page = make([]shardJSON, len(shards))
	for i, sh := range shards {
		page[i] = sh.describe()
	}
	return page, last
}

// A filter selects the shards to list. The zero filter selects all.
type filter struct {
	Type      string
	ShardId   string  `json:",omitempty"`
	Timestamp *millis `json:",omitempty"`
}

// check refuses a filter whose members do not match its type.
func (f filter) check() error {
	after, timed := f.Type == "AFTER_SHARD_ID", f.Type == "AT_TIMESTAMP" || f.Type == "FROM_TIMESTAMP"
	switch f.Type {
	case "", "AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP":
	default:
		return malformed(f.Type, "shardFilter.type", "Member must satisfy enum value set: [AT_LATEST, AT_TIMESTAMP, "+
			"FROM_TIMESTAMP, AFTER_SHARD_ID, FROM_TRIM_HORIZON, AT_TRIM_HORIZON]")
	}
	if after != (f.ShardId != "") {
		return invalid("ShardFilter of type %s and ShardId %q do not go together.", f.Type, f.ShardId)
	}
	if timed != (f.Timestamp != nil) {
		return invalid("ShardFilter of type %s and its Timestamp do not go together.", f.Type)
	}
	return nil
}

// pick returns the shards of st that the filter selects.
func (f filter) pick(st *stream, now millis) []*shard {
	oldest := max(st.horizon(now), st.created.at)
	openAt := func(sh *shard, t millis) bool { return sh.created.at <= t && (sh.open() || sh.closed > t) }
	var picked []*shard
	for _, sh := range st.kept(now) {
		ok := true
		switch f.Type {
		case "AFTER_SHARD_ID":
			ok = sh.id() > f.ShardId
		case "AT_LATEST":
			ok = sh.open()
		case "AT_TRIM_HORIZON":
			ok = openAt(sh, oldest)
		case "AT_TIMESTAMP":
			ok = openAt(sh, max(oldest, *f.Timestamp))
		case "FROM_TIMESTAMP":
			ok = sh.open() || sh.closed >= *f.Timestamp
		}
		if ok {
			picked = append(picked, sh)
		}
	}
	return picked
}

// A token says where a listing continues.
type token struct {
	Of      string // what is listed
	Issued  millis
	Stream  string
	Created millis  // of the stream
	After   string  // the last one listed
	Filter  *filter `json:",omitempty"`
}

const tokenLifetime = 300 * time.Second

func (t token) String() string { return encodeOpaque(opaqueToken, t) }

// next returns the token of the page after last, or "" if last is.
func (t token) next(last string, now millis) string {
	if last == "" {
		return ""
	}
	t.Issued, t.After = now, last
	return t.String()
}

// resume returns the token that text encodes, which must list the same as t, or t if text is empty.
func (t token) resume(text string, now millis) (token, error) {
	if text == "" {
		return t, nil
	}
	of := t.Of
	t = token{}
	if !decodeOpaque(opaqueToken, text, &t) || t.Of != of {
		return token{}, invalid("NextToken is invalid.")
	}
	if int64(now-t.Issued) > tokenLifetime.Milliseconds() {
		return token{}, wire.Errorf("ExpiredNextTokenException", "NextToken has expired: it can be used for %d seconds.", int(tokenLifetime.Seconds()))
	}
	if t.Filter != nil && t.Filter.check() != nil {
		return token{}, invalid("NextToken is invalid.")
	}
	return t, nil
}

type listInput struct {
	ref
	NextToken               string
	ExclusiveStartShardId   string
	MaxResults              *int
	ShardFilter             *filter
	StreamCreationTimestamp *millis
}

type listOutput struct {
	Shards    []shardJSON
	NextToken string `json:",omitempty"`
}

func (s *Server) listShards(in listInput) (out listOutput, err error) {
	const most = 1000
	limit, err := limitOf(in.MaxResults, "maxResults", 10_000, most)
	if err != nil {
		return out, err
	}
	now := now()
	st, t, err := s.listing(in, now)
	if err != nil {
		return out, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	var last string
	out.Shards, last = describePage(t.Filter.pick(st, now), t.After, min(limit, most))
	out.NextToken = t.next(last, now)
	return out, nil
}

// listing returns the stream and the token of a ListShards, which begins a listing or continues one.
func (s *Server) listing(in listInput, now millis) (st *stream, t token, err error) {
	if in.NextToken != "" {
		if in.ref != (ref{}) || in.ExclusiveStartShardId != "" || in.ShardFilter != nil || in.StreamCreationTimestamp != nil {
			return nil, t, invalid("NextToken and StreamName cannot be provided together.")
		}
		if t, err = (token{Of: "shards"}).resume(in.NextToken, now); err != nil {
			return nil, t, err
		}
		st, err = s.find(ref{StreamName: t.Stream})
		if err == nil && st.created.at != t.Created {
			err = invalid("NextToken is invalid.")
		}
	} else if st, err = s.find(in.ref); err == nil {
		t = token{Of: "shards", Stream: st.name, Created: st.created.at, After: in.ExclusiveStartShardId, Filter: in.ShardFilter}
	}
	if t.Filter == nil {
		t.Filter = &filter{}
	}
	if err == nil {
		err = t.Filter.check()
	}
	return st, t, err
}
