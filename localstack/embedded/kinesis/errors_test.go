package kinesis

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

func post(s *Server, operation, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", api.Target+operation)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestErrors(t *testing.T) { synctest.Test(t, testErrors) }

func testErrors(t *testing.T) {
	s := new(Server)
	mustPost := func(operation, body string) map[string]any {
		w := post(s, operation, body)
		var out map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
			t.Fatalf("%s %s: %d %s", operation, body, w.Code, w.Body)
		}
		return out
	}
	const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
	const on = `"StreamName":"s"`
	mustPost("CreateStream", `{"StreamName":"s","ShardCount":3}`)
	mustPost("SplitShard", `{"StreamName":"s","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"7"}`)
	registered := mustPost("RegisterStreamConsumer", `{"StreamARN":"`+arn+`","ConsumerName":"one"}`)
	consumer := registered["Consumer"].(map[string]any)["ConsumerARN"].(string)
	mustPost("IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":48}`)
	put := mustPost("PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"k","ExplicitHashKey":"`+half+`"}`) // to shard 1
	last, _ := parseNumber(put["SequenceNumber"].(string))
	ahead, before := last, last
	ahead.index++
	before.epoch--
	iterator := func(shard int, kind, more string) string {
		return fmt.Sprintf(`{%s,"ShardId":"%s","ShardIteratorType":"%s"%s}`, on, shardID(shard), kind, more)
	}
	at := func(n number) string { return `,"StartingSequenceNumber":"` + n.String() + `"` }
	records := func(entry string, n int) string {
		return `{` + on + `,"Records":[` + strings.TrimSuffix(strings.Repeat(entry+",", n), ",") + `]}`
	}
	tags := strings.Builder{}
	for i := range maxTags + 1 {
		fmt.Fprintf(&tags, `"%d":"",`, i)
	}
	for _, test := range []struct{ operation, body, code, text string }{
		{"StartStreamEncryption", `{}`, "UnknownOperationException", "StartStreamEncryption is not supported by the embedded Kinesis."},
		{"DescribeStreamSummary", `{}`, "InvalidArgumentException", "Either StreamName or StreamARN must be provided."},
		{"DescribeStreamSummary", `{"StreamName":"none"}`, "ResourceNotFoundException", "Stream none under account 000000000000 not found."},
		{"DescribeStreamSummary", `{"StreamARN":"arn:aws:kinesis:eu-west-1:111122223333:stream/s"}`, "ResourceNotFoundException", "Stream s under account 111122223333 not found."},
		{"DescribeStreamSummary", `{"StreamARN":"arn:aws:sqs:us-east-1:000000000000:q"}`, "InvalidArgumentException", "is not the ARN of a stream"},
		{"DescribeStreamSummary", `{"StreamName":"t","StreamARN":"` + arn + `"}`, "InvalidArgumentException", "do not match"},
		{"CreateStream", `{"StreamName":"s","ShardCount":1}`, "ResourceInUseException", "Stream s under account 000000000000 already exists."},
		{"CreateStream", `{"StreamName":"a/b","ShardCount":1}`, "ValidationException", "Value 'a/b' at 'streamName'"},
		{"CreateStream", `{"StreamName":"a","ShardCount":1073741824}`, "LimitExceededException", "shard limit"},
		{"CreateStream", `{"StreamName":"a","ShardCount":1,"StreamModeDetails":{"StreamMode":"ON_DEMAND"}}`, "InvalidArgumentException", "ShardCount must not be provided"},
		{"CreateStream", `{"StreamName":"a","StreamModeDetails":{"StreamMode":"FREE"}}`, "ValidationException", "streamMode"},
		{"DeleteStream", `{"StreamName":"s"}`, "ResourceInUseException", "registered consumers"},
		{"IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":23}`, "InvalidArgumentException", "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."},
		{"IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":8761}`, "InvalidArgumentException", "Maximum allowed retention period is 8760 hours."},
		{"IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":24}`, "InvalidArgumentException", "can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API."},
		{"DecreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":49}`, "InvalidArgumentException", "can not be longer than existing retention period (48 hours). Use IncreaseRetentionPeriod API."},
		{"AddTagsToStream", `{"StreamName":"s","Tags":{` + strings.TrimSuffix(tags.String(), ",") + `}}`, "InvalidArgumentException", "cannot have more than 50 tags"},

		{"PutRecord", `{` + on + `,"Data":"eA==","PartitionKey":"k","SequenceNumberForOrdering":"1"}`, "InvalidArgumentException", "ExclusiveMinimumSequenceNumber 1 used in PutRecord on stream s"},
		{"PutRecord", `{` + on + `,"PartitionKey":"k"}`, "ValidationException", "Value null at 'data'"},
		{"PutRecords", records(`{"Data":"","PartitionKey":"k"}`, 501), "ValidationException", "'records'"},
		{"PutRecords", records(`{"Data":"","PartitionKey":""}`, 1), "ValidationException", "'records.member.partitionKey'"},
		{"PutRecords", records(`{"Data":"","PartitionKey":"`+strings.Repeat("é", 257)+`"}`, 1), "ValidationException", "less than or equal to 256"},
		{"PutRecords", records(`{"Data":"","PartitionKey":"k","ExplicitHashKey":"340282366920938463463374607431768211456"}`, 1), "InvalidArgumentException", "Specified value was 340282366920938463463374607431768211456"},
		{"PutRecords", records(`{"Data":"`+strings.Repeat("AAAA", maxRecord/6+1)+`","PartitionKey":"k"}`, 2), "InvalidArgumentException", "Records size exceeds 10 MB limit"},

		{"SplitShard", `{` + on + `,"ShardToSplit":"shardId-000000000003","NewStartingHashKey":"1"}`, "InvalidArgumentException", "is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey 6."},
		{"SplitShard", `{` + on + `,"ShardToSplit":"shardId-000000000003","NewStartingHashKey":"x"}`, "ValidationException", "newStartingHashKey"},
		{"SplitShard", `{` + on + `,"ShardToSplit":"shardId-000000000000","NewStartingHashKey":"9"}`, "InvalidArgumentException", "is closed"},
		{"SplitShard", `{` + on + `,"ShardToSplit":"x","NewStartingHashKey":"9"}`, "ResourceNotFoundException", "Could not find shard x in stream s under account 000000000000."},
		{"MergeShards", `{` + on + `,"ShardToMerge":"shardId-000000000003","AdjacentShardToMerge":"shardId-000000000002"}`, "InvalidArgumentException", "are not an adjacent pair of shards eligible for merging"},
		{"MergeShards", `{` + on + `,"ShardToMerge":"shardId-000000000001","AdjacentShardToMerge":"shardId-000000000001"}`, "InvalidArgumentException", "are not an adjacent pair"},
		{"UpdateShardCount", `{` + on + `,"TargetShardCount":9,"ScalingType":"UNIFORM_SCALING"}`, "InvalidArgumentException", "cannot scale up over double your current open shard count"},
		{"UpdateShardCount", `{` + on + `,"TargetShardCount":1,"ScalingType":"UNIFORM_SCALING"}`, "InvalidArgumentException", "cannot scale down below half your current open shard count"},
		{"UpdateShardCount", `{` + on + `,"TargetShardCount":4}`, "ValidationException", "scalingType"},
		{"ListShards", `{` + on + `,"ShardFilter":{"Type":"SOME"}}`, "ValidationException", "shardFilter.type"},
		{"ListShards", `{` + on + `,"ShardFilter":{"Type":"AT_TIMESTAMP"}}`, "InvalidArgumentException", "do not go together"},
		{"ListShards", `{` + on + `,"NextToken":"x"}`, "InvalidArgumentException", "NextToken and StreamName cannot be provided together."},
		{"ListShards", `{"NextToken":"x"}`, "InvalidArgumentException", "NextToken is invalid."},

		{"GetShardIterator", iterator(2, "AFTER_SEQUENCE_NUMBER", at(last)), "InvalidArgumentException", "Invalid StartingSequenceNumber. It encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000002"},
		{"GetShardIterator", iterator(1, "AT_SEQUENCE_NUMBER", at(before)), "InvalidArgumentException", "is invalid because it did not come from this stream."},
		{"GetShardIterator", iterator(1, "AFTER_SEQUENCE_NUMBER", at(ahead)), "InvalidArgumentException", "is invalid because it did not come from this stream."},
		{"GetShardIterator", iterator(1, "AFTER_SEQUENCE_NUMBER", `,"StartingSequenceNumber":"12"`), "InvalidArgumentException", "StartingSequenceNumber 12 used in GetShardIterator on shard shardId-000000000001 in stream s under account 000000000000 is invalid."},
		{"GetShardIterator", iterator(1, "LATEST", at(last)), "InvalidArgumentException", "Request specified LATEST and also a StartingSequenceNumber."},
		{"GetShardIterator", iterator(1, "AT_SEQUENCE_NUMBER", ""), "InvalidArgumentException", "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."},
		{"GetShardIterator", iterator(1, "AT_TIMESTAMP", `,"Timestamp":946684801`), "InvalidArgumentException", "timestampInMillis: 946684801000, currentTimestampInMillis: 946684800000"},
		{"GetShardIterator", iterator(1, "AT_TIMESTAMP", ""), "InvalidArgumentException", "Must specify timestampInMillis"},
		{"GetShardIterator", iterator(1, "EARLIEST", ""), "ValidationException", "Value 'EARLIEST' at 'shardIteratorType'"},
		{"GetShardIterator", iterator(7, "LATEST", ""), "ResourceNotFoundException", "Shard shardId-000000000007 in stream s under account 000000000000 does not exist"},
		{"GetRecords", `{"ShardIterator":"x","Limit":10001}`, "ValidationException", "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},

		{"RegisterStreamConsumer", `{"StreamARN":"` + arn + `","ConsumerName":"one"}`, "ResourceInUseException", "Consumer one under stream s already exists for account 000000000000."},
		{"DescribeStreamConsumer", `{"ConsumerARN":"` + arn + `/consumer/one:7"}`, "ResourceNotFoundException", "Consumer one with creation timestamp 7 under stream: s, account 000000000000 not found."},
		{"DescribeStreamConsumer", `{"ConsumerARN":"` + arn + `"}`, "InvalidArgumentException", "is not the ARN of a consumer"},
		{"SubscribeToShard", `{"ConsumerARN":"` + arn + `/consumer/one:7","ShardId":"shardId-000000000000"}`, "ResourceNotFoundException", "not found"},
		{"SubscribeToShard", `{"ConsumerARN":"` + consumer + `","ShardId":"shardId-000000000009"}`, "ResourceNotFoundException", "does not exist"},
	} {
		w := post(s, test.operation, test.body)
		var got struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 400 || !strings.HasSuffix(got.Type, test.code) || !strings.Contains(got.Message, test.text) {
			t.Errorf("%s %.200s: got %d %s, want %s %q", test.operation, test.body, w.Code, w.Body, test.code, test.text)
		}
	}
}

func TestCBORIsRefused(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("\xbf\xff"))
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.ListStreams")
	r.Header.Set("Content-Type", "application/x-amz-cbor-1.1")
	w := httptest.NewRecorder()
	new(Server).ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "AWS_CBOR_DISABLE") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
