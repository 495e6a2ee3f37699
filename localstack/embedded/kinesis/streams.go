package kinesis

import (
	"maps"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const (
	maxShards      = 20_000 // of a stream
	onDemandShards = 4      // of a new stream in on-demand mode
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

// modeAndShards returns the mode and the number of shards of a new stream.
func (s *Server) modeAndShards(in createInput) (mode string, shards int, err error) {
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
		return "", 0, s.tooManyShards(*in.ShardCount)
	}
	return mode, *in.ShardCount, nil
}

func (s *Server) tooManyShards(shards int) error {
	return overLimit("This request would exceed the shard limit for the account %s in %s. Limit: %d. Number of shards requested: %d.",
		s.account(), s.Account.OrDefault().Region, maxShards, shards)
}

func (s *Server) createStream(in createInput) error {
	if err := checkName(in.StreamName, "streamName"); err != nil {
		return err
	}
	mode, shards, err := s.modeAndShards(in)
	if err != nil {
		return err
	}
	st := &stream{
		name: in.StreamName, arn: s.arn(in.StreamName), account: s.account(), created: s.moment(), deleted: make(chan struct{}),
		mode: mode, retention: minRetention, consumers: map[string]*consumer{}, tags: map[string]string{},
	}
	maps.Copy(st.tags, in.Tags)
	for i := range shards {
		st.add(st.created, evenly(i, shards))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[st.name] != nil {
		return inUse("Stream %s under account %s already exists.", st.name, s.account())
	}
	if s.streams == nil {
		s.streams = map[string]*stream{}
	}
	s.streams[st.name] = st
	return nil
}

type deleteInput struct {
	ref
	EnforceConsumerDeletion bool
}

func (s *Server) deleteStream(in deleteInput) error {
	st, err := s.find(in.ref)
	if err != nil {
		return err
	}
	st.mu.Lock()
	consumers := len(st.consumers)
	st.mu.Unlock()
	if consumers > 0 && !in.EnforceConsumerDeletion {
		return inUse("Stream %s under account %s has registered consumers: set EnforceConsumerDeletion, or deregister them.",
			st.name, s.account())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[st.name] != st {
		return noStream(st.name, s.account())
	}
	delete(s.streams, st.name)
	close(st.deleted)
	return nil
}

type modeInput struct {
	ref
	StreamModeDetails modeDetails
}

func (s *Server) updateMode(st *stream, in modeInput) error {
	if err := in.StreamModeDetails.check(); err != nil {
		return err
	}
	st.mode = in.StreamModeDetails.StreamMode
	return nil
}

type monitoring struct{ ShardLevelMetrics []string }

// description is the part that all descriptions of a stream share.
type description struct {
	StreamName, StreamARN   string
	StreamStatus            string
	StreamModeDetails       modeDetails
	RetentionPeriodHours    int
	StreamCreationTimestamp millis
	EnhancedMonitoring      []monitoring
	EncryptionType          string
}

func (st *stream) describe() description {
	return description{
		StreamName: st.name, StreamARN: st.arn, StreamStatus: "ACTIVE", StreamModeDetails: modeDetails{st.mode},
		RetentionPeriodHours: int(st.retention / time.Hour), StreamCreationTimestamp: st.created.at,
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

func (s *Server) describeStream(st *stream, in describeInput) (out describeOutput, err error) {
	const most = 100
	limit, err := limitOf(in.Limit, "limit", 10_000, most)
	if err != nil {
		return out, err
	}
	d := &out.StreamDescription
	var last string
	d.Shards, last = describePage(st.kept(now()), in.ExclusiveStartShardId, min(limit, most))
	d.description, d.HasMoreShards = st.describe(), last != ""
	return out, nil
}

type summaryOutput struct {
	StreamDescriptionSummary struct {
		description
		OpenShardCount, ConsumerCount int
	}
}

func (s *Server) describeSummary(st *stream, _ ref) (out summaryOutput, err error) {
	d := &out.StreamDescriptionSummary
	d.description, d.OpenShardCount, d.ConsumerCount = st.describe(), len(st.open), len(st.consumers)
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

func (s *Server) listStreams(in listStreamsInput) (out listStreamsOutput, err error) {
	limit, err := limitOf(in.Limit, "limit", 10_000, 100)
	if err != nil {
		return out, err
	}
	now := now()
	t, err := token{Of: "streams", After: in.ExclusiveStartStreamName}.resume(in.NextToken, now)
	if err != nil {
		return out, err
	}
	streams, last := wire.Page(s.all(), t.After, limit, func(st *stream) string { return st.name })
	out.StreamNames, out.StreamSummaries = []string{}, []streamSummary{}
	for _, st := range streams {
		out.StreamNames = append(out.StreamNames, st.name)
		out.StreamSummaries = append(out.StreamSummaries, st.summary())
	}
	out.HasMoreStreams, out.NextToken = last != "", t.next(last, now)
	return out, nil
}

func (st *stream) summary() streamSummary {
	st.mu.Lock()
	defer st.mu.Unlock()
	return streamSummary{st.name, st.arn, "ACTIVE", modeDetails{st.mode}, st.created.at}
}
