package kinesis

import "github.com/esm-run/esm/localstack/embedded/wire"

const version = "1.1" // of the JSON protocol

type operation = wire.Operation[*Server]

var api = wire.API[*Server]{
	Name: "Kinesis", Target: "Kinesis_20131202.", Version: version,
	Operations: map[string]operation{
		"AddTagsToStream":               doOnStream((*Server).addTags),
		"CreateStream":                  wire.Do((*Server).createStream),
		"DecreaseStreamRetentionPeriod": doOnStream((*Server).decreaseRetention),
		"DeleteStream":                  wire.Do((*Server).deleteStream),
		"DeregisterStreamConsumer":      wire.Do((*Server).deregister),
		"DescribeStream":                onStream((*Server).describeStream),
		"DescribeStreamConsumer":        wire.Call((*Server).describeConsumer),
		"DescribeStreamSummary":         onStream((*Server).describeSummary),
		"GetShardIterator":              onStream((*Server).shardIterator),
		"IncreaseStreamRetentionPeriod": doOnStream((*Server).increaseRetention),
		"ListShards":                    wire.Call((*Server).listShards),
		"ListStreamConsumers":           onStream((*Server).listConsumers),
		"ListStreams":                   wire.Call((*Server).listStreams),
		"ListTagsForStream":             onStream((*Server).listTags),
		"MergeShards":                   doOnStream((*Server).mergeShards),
		"PutRecord":                     wire.Call((*Server).putRecord),
		"PutRecords":                    wire.Call((*Server).putRecords),
		"RegisterStreamConsumer":        onStream((*Server).register),
		"RemoveTagsFromStream":          doOnStream((*Server).removeTags),
		"SplitShard":                    doOnStream((*Server).splitShard),
		"UpdateShardCount":              onStream((*Server).updateShardCount),
		"UpdateStreamMode":              doOnStream((*Server).updateMode),
	},
	Raw: map[string]wire.RawOperation[*Server]{
		"GetRecords":       (*Server).getRecords,
		"SubscribeToShard": (*Server).subscribe,
	},
	Unsupported: []string{
		"CreateChannel", "DeleteChannel", "DeleteResourcePolicy", "DescribeAccountSettings", "DescribeChannel",
		"DescribeLimits", "DisableEnhancedMonitoring", "EnableEnhancedMonitoring", "GetResourcePolicy", "ListChannels",
		"ListTagsForResource", "PutResourcePolicy", "StartStreamEncryption", "StopStreamEncryption", "TagResource",
		"UntagResource", "UpdateAccountSettings", "UpdateChannel", "UpdateMaxRecordSize",
		"UpdateStreamRecordDistributionStrategy", "UpdateStreamWarmThroughput",
	},
}

// onStream returns an operation on the stream that its input names. It is performed under the stream's lock.
func onStream[In interface{ stream() ref }, Out any](perform func(s *Server, st *stream, in In) (Out, error)) operation {
	return wire.Call(func(s *Server, in In) (out Out, err error) {
		st, err := s.find(in.stream())
		if err != nil {
			return out, err
		}
		st.mu.Lock()
		defer st.mu.Unlock()
		return perform(s, st, in)
	})
}

// doOnStream is onStream for an operation whose response is empty.
func doOnStream[In interface{ stream() ref }](perform func(s *Server, st *stream, in In) error) operation {
	return onStream(func(s *Server, st *stream, in In) (wire.Empty, error) { return wire.Empty{}, perform(s, st, in) })
}
