package dynamodb

import (
	"slices"
	"time"
)

const maxListed = 100 // streams or shards on a page (API reference: "ListStreams", "DescribeStream")

type listStreamsInput struct {
	TableName, ExclusiveStartStreamArn string
	Limit                              *int
}

type listStreamsOutput struct {
	Streams                []streamOutput
	LastEvaluatedStreamArn string `json:",omitempty"`
}

type streamOutput struct{ StreamArn, StreamLabel, TableName string }

func (s *Server) listStreams(now time.Time, in listStreamsInput) (listStreamsOutput, error) {
	limit, err := limitOf(in.Limit, maxListed)
	if err != nil {
		return listStreamsOutput{}, err
	}
	s.streams = slices.DeleteFunc(s.streams, func(st *stream) bool { return st.expired(now) })
	out := listStreamsOutput{Streams: []streamOutput{}}
	begin := 1 + slices.IndexFunc(s.streams, func(st *stream) bool { return st.arn == in.ExclusiveStartStreamArn })
	for _, st := range s.streams[begin:] {
		if in.TableName != "" && in.TableName != st.table {
			continue
		}
		if len(out.Streams) == limit {
			out.LastEvaluatedStreamArn = out.Streams[limit-1].StreamArn
			break
		}
		out.Streams = append(out.Streams, streamOutput{st.arn, st.label, st.table})
	}
	return out, nil
}

type describeStreamInput struct {
	StreamArn, ExclusiveStartShardId string
	Limit                            *int
	ShardFilter                      *struct{ Type, ShardId string }
}

type describeStreamOutput struct{ StreamDescription streamDescription }

type streamDescription struct {
	StreamArn, StreamLabel       string
	StreamStatus, StreamViewType string
	CreationRequestDateTime      float64
	TableName                    string
	KeySchema                    []keyElement
	Shards                       []shardOutput
	LastEvaluatedShardId         string `json:",omitempty"`
}

type shardOutput struct {
	ShardId             string
	ParentShardId       string `json:",omitempty"`
	SequenceNumberRange struct {
		StartingSequenceNumber string
		EndingSequenceNumber   string `json:",omitempty"`
	}
}

func (s *Server) describeStream(now time.Time, in describeStreamInput) (describeStreamOutput, error) {
	limit, err := limitOf(in.Limit, maxListed)
	if err != nil {
		return describeStreamOutput{}, err
	}
	if f := in.ShardFilter; f != nil && (f.Type != "CHILD_SHARDS" || f.ShardId == "") {
		return describeStreamOutput{}, constraint(f.Type, "shardFilter.type", "satisfy enum value set: [CHILD_SHARDS], with a ShardId")
	}
	st, err := s.stream(in.StreamArn, now)
	if err != nil {
		return describeStreamOutput{}, err
	}
	d := streamDescription{
		StreamArn: st.arn, StreamLabel: st.label, StreamStatus: "ENABLED", StreamViewType: st.view, TableName: st.table,
		CreationRequestDateTime: float64(st.created.UnixMilli()) / 1000, KeySchema: st.schema.keys,
	}
	if st.isClosed() {
		d.StreamStatus = "DISABLED"
	}
	d.Shards, d.LastEvaluatedShardId = st.list(in, limit, now)
	return describeStreamOutput{d}, nil
}

// list returns a page of the shards that are kept, and the ID of its last one if there are more.
func (st *stream) list(in describeStreamInput, limit int, now time.Time) (page []shardOutput, last string) {
	st.forget(now)
	begin := 1 + slices.IndexFunc(st.shards, func(sh *shard) bool { return sh.id == in.ExclusiveStartShardId })
	page = []shardOutput{}
	for _, sh := range st.shards[begin:] {
		if in.ShardFilter != nil && in.ShardFilter.ShardId != sh.parent {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ShardId
		}
		page = append(page, sh.describe())
	}
	return page, ""
}

func (sh *shard) describe() shardOutput {
	out := shardOutput{ShardId: sh.id, ParentShardId: sh.parent}
	out.SequenceNumberRange.StartingSequenceNumber = sh.first.String()
	if sh.isClosed() {
		out.SequenceNumberRange.EndingSequenceNumber = sh.end.String()
	}
	return out
}
