package kinesis

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const (
	maxShards      = 20_000 // of a stream
	onDemandShards = 4      // of a stream in on-demand mode, at first
	provisioned    = "PROVISIONED"
	onDemand       = "ON_DEMAND"
)

type modeDetails struct{ StreamMode string }

func (m modeDetails) check() error {
	if m.StreamMode != provisioned && m.StreamMode != onDemand {
		return malformed(m.StreamMode, "streamModeDetails.streamMode", "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]")
	}
	return nil
}

type createInput struct {
	StreamName        string
	ShardCount        *int
	StreamModeDetails *modeDetails
	Tags              map[string]string
}

// shape is the mode and the number of shards that are asked for.
func (s *Server) shape(in createInput) (mode string, shards int, err error) {
	mode = provisioned
	if in.StreamModeDetails != nil {
		mode, err = in.StreamModeDetails.StreamMode, in.StreamModeDetails.check()
	}
	switch {
	case err != nil:
		return "", 0, err
	case mode == onDemand && in.ShardCount != nil:
		return "", 0, invalid("ShardCount must not be provided for a stream in ON_DEMAND mode.")
	case mode == onDemand:
		return mode, onDemandShards, nil
	case in.ShardCount == nil:
		return "", 0, invalid("ShardCount must be provided for a stream in PROVISIONED mode.")
	case *in.ShardCount < 1:
		return "", 0, malformed(*in.ShardCount, "shardCount", "Member must have value greater than or equal to 1")
	case *in.ShardCount > maxShards:
		return "", 0, s.tooMany(*in.ShardCount)
	}
	return mode, *in.ShardCount, nil
}

func (s *Server) tooMany(shards int) error {
	return overLimit("This request would exceed the shard limit for the account %s in %s. Limit: %d. Number of shards requested: %d.",
		s.account(), s.region(), maxShards, shards)
}

func (s *Server) createStream(_ *http.Request, in createInput) (wire.None, error) {
	if !validName(in.StreamName) {
		return wire.None{}, malformed(in.StreamName, "streamName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, "+
			"and have length between 1 and 128")
	}
	mode, shards, err := s.shape(in)
	if err != nil {
		return wire.None{}, err
	}
	st := &stream{
		name: in.StreamName, arn: s.arn(in.StreamName), account: s.account(), made: s.moment(), deleted: make(chan struct{}),
		mode: mode, retention: minRetention, consumers: map[string]*consumer{}, tags: map[string]string{},
	}
	maps.Copy(st.tags, in.Tags)
	for i := range shards {
		st.add(st.made, evenly(i, shards))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[st.name] != nil {
		return wire.None{}, inUse("Stream %s under account %s already exists.", st.name, s.account())
	}
	if s.streams == nil {
		s.streams = map[string]*stream{}
	}
	s.streams[st.name] = st
	return wire.None{}, nil
}

type deleteInput struct {
	ref
	EnforceConsumerDeletion bool
}

func (s *Server) deleteStream(_ *http.Request, in deleteInput) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	if !in.EnforceConsumerDeletion && st.consumed() {
		return wire.None{}, inUse("Stream %s under account %s has registered consumers: set EnforceConsumerDeletion, or deregister them.",
			st.name, s.account())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[st.name] != st {
		return wire.None{}, s.noStream(st.name, s.account())
	}
	delete(s.streams, st.name)
	close(st.deleted)
	return wire.None{}, nil
}

type monitoring struct{ ShardLevelMetrics []string }

// description is what all descriptions of a stream have.
type description struct {
	StreamName, StreamARN   string
	StreamStatus            string
	StreamModeDetails       modeDetails
	RetentionPeriodHours    int
	StreamCreationTimestamp millis
	EnhancedMonitoring      []monitoring
	EncryptionType          string
}

// describe is the description of st. The lock is held.
func (st *stream) describe() description {
	return description{
		StreamName: st.name, StreamARN: st.arn, StreamStatus: "ACTIVE", StreamModeDetails: modeDetails{st.mode},
		RetentionPeriodHours: int(st.retention / time.Hour), StreamCreationTimestamp: st.made.at,
		EnhancedMonitoring: []monitoring{{[]string{}}}, EncryptionType: "NONE",
	}
}

type describeInput struct {
	ref
	ExclusiveStartShardId string
	Limit                 *int
}

type describeOutput struct {
	StreamDescription struct {
		description
		Shards        []shardJSON
		HasMoreShards bool
	}
}

func (s *Server) describeStream(_ *http.Request, in describeInput) (out describeOutput, err error) {
	const most = 100
	limit, err := between(in.Limit, "limit", 1, 10_000, most)
	if err != nil {
		return out, err
	}
	st, err := s.find(in.ref)
	if err != nil {
		return out, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	d := &out.StreamDescription
	d.description, d.Shards = st.describe(), []shardJSON{}
	for _, sh := range st.alive(now()) {
		if sh.id() <= in.ExclusiveStartShardId {
			continue
		}
		if d.HasMoreShards = len(d.Shards) == min(limit, most); d.HasMoreShards {
			break
		}
		d.Shards = append(d.Shards, sh.describe())
	}
	return out, nil
}

type summaryOutput struct {
	StreamDescriptionSummary struct {
		description
		OpenShardCount, ConsumerCount int
	}
}

func (s *Server) describeSummary(_ *http.Request, in ref) (out summaryOutput, err error) {
	st, err := s.find(in)
	if err != nil {
		return out, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	d := &out.StreamDescriptionSummary
	d.description, d.OpenShardCount, d.ConsumerCount = st.describe(), len(st.takers), len(st.consumers)
	return out, nil
}

type listStreamsInput struct {
	ExclusiveStartStreamName, NextToken string
	Limit                               *int
}

type streamSummary struct {
	StreamName, StreamARN   string
	StreamStatus            string
	StreamModeDetails       modeDetails
	StreamCreationTimestamp millis
}

type listStreamsOutput struct {
	StreamNames     []string
	StreamSummaries []streamSummary
	HasMoreStreams  bool
	NextToken       string `json:",omitempty"`
}

func (s *Server) listStreams(_ *http.Request, in listStreamsInput) (listStreamsOutput, error) {
	limit, err := between(in.Limit, "limit", 1, 10_000, 100)
	if err != nil {
		return listStreamsOutput{}, err
	}
	t := token{Of: "streams", After: in.ExclusiveStartStreamName}
	if in.NextToken != "" {
		if t, err = parseToken(in.NextToken, "streams", now()); err != nil {
			return listStreamsOutput{}, err
		}
	}
	out := listStreamsOutput{StreamNames: []string{}, StreamSummaries: []streamSummary{}}
	for _, st := range s.all() {
		if st.name <= t.After {
			continue
		}
		if out.HasMoreStreams = len(out.StreamNames) == limit; out.HasMoreStreams {
			t.Issued, t.After = now(), out.StreamNames[limit-1]
			out.NextToken = t.String()
			break
		}
		out.StreamNames = append(out.StreamNames, st.name)
		out.StreamSummaries = append(out.StreamSummaries, st.summary())
	}
	return out, nil
}

func (st *stream) summary() streamSummary {
	st.mu.Lock()
	defer st.mu.Unlock()
	return streamSummary{st.name, st.arn, "ACTIVE", modeDetails{st.mode}, st.made.at}
}

// all returns the streams by their names.
func (s *Server) all() []*stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	streams := make([]*stream, 0, len(s.streams))
	for _, name := range slices.Sorted(maps.Keys(s.streams)) {
		streams = append(streams, s.streams[name])
	}
	return streams
}
