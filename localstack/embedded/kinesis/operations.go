package kinesis

import "github.com/esm-run/esm/localstack/embedded/wire"

const version = "1.1" // of the JSON protocol

var api = wire.API[*Server]{
	Name: "Kinesis", Target: "Kinesis_20131202.", Version: version,
	Operations: map[string]wire.Operation[*Server]{
		"AddTagsToStream":               wire.Call((*Server).addTags),
		"CreateStream":                  wire.Call((*Server).createStream),
		"DecreaseStreamRetentionPeriod": wire.Call((*Server).decreaseRetention),
		"DeleteStream":                  wire.Call((*Server).deleteStream),
		"DeregisterStreamConsumer":      wire.Call((*Server).deregister),
		"DescribeStream":                wire.Call((*Server).describeStream),
		"DescribeStreamConsumer":        wire.Call((*Server).describeConsumer),
		"DescribeStreamSummary":         wire.Call((*Server).describeSummary),
		"GetShardIterator":              wire.Call((*Server).shardIterator),
		"IncreaseStreamRetentionPeriod": wire.Call((*Server).increaseRetention),
		"ListShards":                    wire.Call((*Server).listShards),
		"ListStreamConsumers":           wire.Call((*Server).listConsumers),
		"ListStreams":                   wire.Call((*Server).listStreams),
		"ListTagsForStream":             wire.Call((*Server).listTags),
		"MergeShards":                   wire.Call((*Server).mergeShards),
		"PutRecord":                     wire.Call((*Server).putRecord),
		"PutRecords":                    wire.Call((*Server).putRecords),
		"RegisterStreamConsumer":        wire.Call((*Server).register),
		"RemoveTagsFromStream":          wire.Call((*Server).removeTags),
		"SplitShard":                    wire.Call((*Server).splitShard),
		"UpdateShardCount":              wire.Call((*Server).updateShardCount),
		"UpdateStreamMode":              wire.Call((*Server).updateMode),
	},
	Streams: map[string]wire.Stream[*Server]{
		"GetRecords":       (*Server).getRecords,
		"SubscribeToShard": (*Server).subscribe,
	},
	Lacks: []string{
		"CreateChannel", "DeleteChannel", "DeleteResourcePolicy", "DescribeAccountSettings", "DescribeChannel",
		"DescribeLimits", "DisableEnhancedMonitoring", "EnableEnhancedMonitoring", "GetResourcePolicy", "ListChannels",
		"ListTagsForResource", "PutResourcePolicy", "StartStreamEncryption", "StopStreamEncryption", "TagResource",
		"UntagResource", "UpdateAccountSettings", "UpdateChannel", "UpdateMaxRecordSize",
		"UpdateStreamRecordDistributionStrategy", "UpdateStreamWarmThroughput",
	},
}
