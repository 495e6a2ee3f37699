package kinesis

import (
	"encoding/json"
	"net/http"
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

func (sh *shard) parentIDs() []string {
	ids := make([]string, len(sh.parents))
	for i, p := range sh.parents {
		ids[i] = p.id()
	}
	return ids
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

// A filter says which shards are listed. The zero filter are all.
type filter struct {
	Type      string
	ShardId   string  `json:",omitempty"`
	Timestamp *millis `json:",omitempty"`
}

// check refuses a filter that lacks something, or has what it should not.
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

// pick picks shards of st.
func (f filter) pick(st *stream, shards []*shard, now millis) []*shard {
	oldest := max(st.horizon(now), st.made.at)
	openAt := func(sh *shard, t millis) bool { return sh.made.at <= t && (sh.open() || sh.closed > t) }
	var picked []*shard
	for _, sh := range shards {
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

// A token is where a listing goes on.
type token struct {
	Of     string // what is listed
	Issued millis
	Stream string
	Made   millis
	After  string  // the last that was listed
	Filter *filter `json:",omitempty"`
}

const tokenLives = 300 * time.Second

func (t token) String() string {
	b, _ := json.Marshal(t) // texts and numbers always encode
	return seal(sealedToken, b)
}

func parseToken(text, of string, now millis) (t token, err error) {
	b, ok := unseal(sealedToken, text)
	if !ok || json.Unmarshal(b, &t) != nil || t.Of != of {
		return token{}, invalid("NextToken is invalid.")
	}
	if int64(now-t.Issued) > tokenLives.Milliseconds() {
		return token{}, wire.Refuse("ExpiredNextTokenException", "NextToken has expired: it can be used for %d seconds.", int(tokenLives.Seconds()))
	}
	if t.Filter != nil && t.Filter.check() != nil {
		return token{}, invalid("NextToken is invalid.")
	}
	return t, nil
}

// issuedBy returns the stream that a token is about, unless it is another one by now.
func (s *Server) issuedBy(t token) (*stream, error) {
	st, err := s.find(ref{StreamName: t.Stream})
	if err == nil && st.made.at != t.Made {
		return nil, invalid("NextToken is invalid.")
	}
	return st, err
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

func (s *Server) listShards(_ *http.Request, in listInput) (listOutput, error) {
	const most = 1000
	limit, err := between(in.MaxResults, "maxResults", 1, 10_000, most)
	if err != nil {
		return listOutput{}, err
	}
	now := now()
	st, t, err := s.listing(in, now)
	if err != nil {
		return listOutput{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	shards := t.Filter.pick(st, st.alive(now), now)
	for len(shards) > 0 && shards[0].id() <= t.After {
		shards = shards[1:]
	}
	out := listOutput{Shards: []shardJSON{}}
	for i, sh := range shards {
		if i == min(limit, most) {
			t.Issued, t.After = now, shards[i-1].id()
			out.NextToken = t.String()
			break
		}
		out.Shards = append(out.Shards, sh.describe())
	}
	return out, nil
}

// listing is what a ListShards is about: it goes on behind a token, or begins with one.
func (s *Server) listing(in listInput, now millis) (*stream, token, error) {
	if in.NextToken != "" {
		if in.ref != (ref{}) || in.ExclusiveStartShardId != "" || in.ShardFilter != nil || in.StreamCreationTimestamp != nil {
			return nil, token{}, invalid("NextToken and StreamName cannot be provided together.")
		}
		t, err := parseToken(in.NextToken, "shards", now)
		if err != nil {
			return nil, token{}, err
		}
		st, err := s.issuedBy(t)
		return st, t, err
	}
	st, err := s.find(in.ref)
	if err != nil {
		return nil, token{}, err
	}
	t := token{Of: "shards", Stream: st.name, Made: st.made.at, After: in.ExclusiveStartShardId, Filter: in.ShardFilter}
	if t.Filter == nil {
		t.Filter = &filter{}
	}
	return st, t, t.Filter.check()
}
