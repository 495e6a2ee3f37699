package kinesis

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// TestResponses performs requests in order and compares the responses, with opaque texts replaced by *.
func TestResponses(t *testing.T) {
	const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/"
	const one = `{"ConsumerName":"one","ConsumerARN":"` + arn + `a/consumer/one:946684801","ConsumerStatus":"ACTIVE","ConsumerCreationTimestamp":946684800.001`
	const zeroth, first, second = "49377645731838394239669026679142669229121520212673298434", "49377645731838394239669026679143878154941134841848004610", "49377645731838394239669026679145087080760749471022710786"
	iterator := iterator{Issued: 946684800000, Stream: "a", Created: 946684800000, Next: 1}.String()
	opaque := regexp.MustCompile(`AAAAAAA[A-Za-z0-9+/]+=*`)
	synctest.Test(t, func(t *testing.T) {
		s := new(Server)
		for _, test := range []struct{ operation, request, want string }{
			{"CreateStream", `{"StreamName":"a","ShardCount":1}`, `{}`},
			{"RegisterStreamConsumer", `{"StreamARN":"` + arn + `a","ConsumerName":"one"}`, `{"Consumer":` + one + `}}`},
			{"DescribeStreamConsumer", `{"StreamARN":"` + arn + `a","ConsumerName":"one"}`, `{"ConsumerDescription":` + one + `,"StreamARN":"` + arn + `a"}}`},
			{"RegisterStreamConsumer", `{"StreamARN":"` + arn + `a","ConsumerName":"two"}`, strings.NewReplacer("one", "two", "801", "802", "0.001", "0.002").Replace(`{"Consumer":` + one + `}}`)},
			{"ListStreamConsumers", `{"StreamARN":"` + arn + `a","MaxResults":1}`, `{"Consumers":[` + one + `}],"NextToken":"*"}`},
			{"DeregisterStreamConsumer", `{"StreamARN":"` + arn + `a","ConsumerName":"two"}`, `{}`},
			{"ListStreamConsumers", `{"StreamARN":"` + arn + `a"}`, `{"Consumers":[` + one + `}]}`},
			{"CreateStream", `{"StreamName":"b","StreamModeDetails":{"StreamMode":"ON_DEMAND"},"Tags":{"x":"1"}}`, `{}`},
			{"DescribeStreamSummary", `{"StreamName":"b"}`, `{"StreamDescriptionSummary":{"StreamName":"b","StreamARN":"` + arn + `b","StreamStatus":"ACTIVE","StreamModeDetails":{"StreamMode":"ON_DEMAND"},"RetentionPeriodHours":24,"StreamCreationTimestamp":946684800.003,"EnhancedMonitoring":[{"ShardLevelMetrics":[]}],"EncryptionType":"NONE","OpenShardCount":4,"ConsumerCount":0}}`},
			{"UpdateStreamMode", `{"StreamARN":"` + arn + `b","StreamModeDetails":{"StreamMode":"PROVISIONED"}}`, `{}`},
			{"AddTagsToStream", `{"StreamName":"b","Tags":{"y":"2","z":"3"}}`, `{}`},
			{"RemoveTagsFromStream", `{"StreamName":"b","TagKeys":["y"]}`, `{}`},
			{"ListTagsForStream", `{"StreamName":"b","Limit":1}`, `{"Tags":[{"Key":"x","Value":"1"}],"HasMoreTags":true}`},
			{"ListTagsForStream", `{"StreamName":"b","ExclusiveStartTagKey":"x"}`, `{"Tags":[{"Key":"z","Value":"3"}],"HasMoreTags":false}`},
			{"ListStreams", `{"Limit":1}`, `{"StreamNames":["a"],"StreamSummaries":[{"StreamName":"a","StreamARN":"` + arn + `a","StreamStatus":"ACTIVE","StreamModeDetails":{"StreamMode":"PROVISIONED"},"StreamCreationTimestamp":946684800.000}],"HasMoreStreams":true,"NextToken":"*"}`},
			{"ListStreams", `{"ExclusiveStartStreamName":"a"}`, `{"StreamNames":["b"],"StreamSummaries":[{"StreamName":"b","StreamARN":"` + arn + `b","StreamStatus":"ACTIVE","StreamModeDetails":{"StreamMode":"PROVISIONED"},"StreamCreationTimestamp":946684800.003}],"HasMoreStreams":false}`},
			{"PutRecords", `{"StreamName":"a","Records":[{"Data":"aGVsbG8=","PartitionKey":"k"},{"Data":"","PartitionKey":"k"}]}`, `{"FailedRecordCount":0,"Records":[{"SequenceNumber":"` + first + `","ShardId":"shardId-000000000000"},{"SequenceNumber":"` + second + `","ShardId":"shardId-000000000000"}]}`},
			{"SplitShard", `{"StreamName":"a","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"` + half + `"}`, `{}`},
			{"DescribeStream", `{"StreamName":"a","Limit":2}`, `{"StreamDescription":{"StreamName":"a","StreamARN":"` + arn + `a","StreamStatus":"ACTIVE","StreamModeDetails":{"StreamMode":"PROVISIONED"},"RetentionPeriodHours":24,"StreamCreationTimestamp":946684800.000,"EnhancedMonitoring":[{"ShardLevelMetrics":[]}],"EncryptionType":"NONE",` +
				`"Shards":[{"ShardId":"shardId-000000000000","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"},"SequenceNumberRange":{"StartingSequenceNumber":"` + zeroth + `","EndingSequenceNumber":"49377645731849544612268291990712228162438229764251582466"}},` +
				`{"ShardId":"shardId-000000000001","ParentShardId":"shardId-000000000000","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"170141183460469231731687303715884105727"},"SequenceNumberRange":{"StartingSequenceNumber":"49377645733287942677573517183342490916843663710562025490"}}],"HasMoreShards":true}}`},
			{"GetRecords", `{"ShardIterator":"` + iterator + `","Limit":1}`, `{"Records":[{"SequenceNumber":"` + first + `","ApproximateArrivalTimestamp":946684800.000,"Data":"aGVsbG8=","PartitionKey":"k"}],"MillisBehindLatest":1,"NextShardIterator":"*"}`},
			{"MergeShards", `{"StreamName":"a","ShardToMerge":"shardId-000000000001","AdjacentShardToMerge":"shardId-000000000002"}`, `{}`},
			{"ListShards", `{"StreamName":"a","ExclusiveStartShardId":"shardId-000000000002"}`, `{"Shards":[{"ShardId":"shardId-000000000003","ParentShardId":"shardId-000000000001","AdjacentParentShardId":"shardId-000000000002","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"},"SequenceNumberRange":{"StartingSequenceNumber":"49377645733689356091147068399890133845751334217669673010"}}]}`},
		} {
			if got := opaque.ReplaceAllString(post(s, test.operation, test.request).Body.String(), "*"); got != test.want {
				t.Errorf("%s %s:\ngot  %s\nwant %s", test.operation, test.request, got, test.want)
			}
		}
	})
}
