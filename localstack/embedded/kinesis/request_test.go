package kinesis

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// With concurrent writers, a subscriber and reshards, nothing is lost and each shard is in order.
func TestConcurrentUse(t *testing.T) {
	const writers, each = 4, 50
	c := newClient(t, inprocess.Config(new(Server)), 2)
	events := c.subscribe(c.consumer("c"))
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				c.put(strconv.Itoa(w), strconv.Itoa(i))
			}
		})
	}
	all.Go(func() {
		c.split(0, "7777777777777777777777777777777777777")
		c.merge(3, 1)
		c.shards(nil)
	})
	all.Go(func() {
		if _, err := drain(events); err != nil { // ends with the split
			t.Error(err)
		}
	})
	all.Wait()
	seen := map[string]int{}
	for shard := range 5 {
		for _, r := range c.read(c.iterator(shard, trimHorizon, nil), 10_000).Records {
			if want := strconv.Itoa(seen[*r.PartitionKey]); string(r.Data) != want {
				t.Errorf("shard %d: %s of writer %s, want %s", shard, r.Data, *r.PartitionKey, want)
			}
			seen[*r.PartitionKey]++
		}
	}
	for w := range writers {
		if got := seen[strconv.Itoa(w)]; got != each {
			t.Errorf("%d records of writer %d, want %d", got, w, each)
		}
	}
}

// FuzzRequest sends anything to any operation: the response is always JSON, and an error is always the caller's fault.
func FuzzRequest(f *testing.F) {
	const arn = `"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s"`
	for _, seed := range [][2]string{
		{"CreateStream", `{"StreamName":"t","ShardCount":2,"StreamModeDetails":{"StreamMode":"PROVISIONED"}}`},
		{"DeleteStream", `{"StreamName":"s","EnforceConsumerDeletion":true}`},
		{"DescribeStream", `{` + arn + `,"Limit":1,"ExclusiveStartShardId":"shardId-000000000000"}`},
		{"ListShards", `{` + arn + `,"ShardFilter":{"Type":"AT_TIMESTAMP","Timestamp":1.5},"MaxResults":1}`},
		{"ListShards", `{"NextToken":"` + token{Of: "shards", Stream: "s"}.String() + `"}`},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"AFTER_SEQUENCE_NUMBER","StartingSequenceNumber":"49"}`},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"AT_TIMESTAMP","Timestamp":-1e300}`},
		{"GetRecords", `{"ShardIterator":"` + iterator{Stream: "s", Shard: 1, Next: 9}.String() + `","Limit":7}`},
		{"PutRecord", `{` + arn + `,"Data":"eA==","PartitionKey":"\ud83d","ExplicitHashKey":"12"}`},
		{"PutRecords", `{"StreamName":"s","Records":[{"Data":"","PartitionKey":"k"}]}`},
		{"SplitShard", `{"StreamName":"s","ShardToSplit":"shardId-000000000001","NewStartingHashKey":"170141183460469231731687303715884105999"}`},
		{"MergeShards", `{"StreamName":"s","ShardToMerge":"shardId-000000000001","AdjacentShardToMerge":"shardId-000000000000"}`},
		{"UpdateShardCount", `{"StreamName":"s","TargetShardCount":3,"ScalingType":"UNIFORM_SCALING"}`},
		{"DescribeStreamConsumer", `{"ConsumerARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1"}`},
		{"ListStreamConsumers", `{` + arn + `,"MaxResults":1}`},
		{"SubscribeToShard", `{"ConsumerARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1","ShardId":"x"}`},
		{"IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":48}`},
		{"ListTagsForStream", `{"StreamName":"s"}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, operation, body string) {
		s := new(Server)
		post(s, "CreateStream", `{"StreamName":"s","ShardCount":2}`)
		post(s, "PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"k"}`)
		w := post(s, operation, body)
		if !json.Valid(w.Body.Bytes()) || w.Code >= 500 {
			t.Errorf("%s %s: got %d %s", operation, body, w.Code, w.Body)
		}
	})
}
