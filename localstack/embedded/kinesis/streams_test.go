package kinesis

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestDescribing(t *testing.T) {
	inBubble(t, &Server{Region: "eu-west-1", AccountID: "111122223333"}, 2, func(t *testing.T, a *account) {
		const arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"
		out, err := a.DescribeStream(t.Context(), &sdk.DescribeStreamInput{StreamARN: aws.String(arn)})
		if err != nil {
			t.Fatal(err)
		}
		d := out.StreamDescription
		if *d.StreamARN != arn || *d.StreamName != "orders" || d.StreamStatus != types.StreamStatusActive || *d.RetentionPeriodHours != 24 ||
			d.StreamModeDetails.StreamMode != types.StreamModeProvisioned || len(d.Shards) != 2 || *d.HasMoreShards {
			t.Errorf("got %+v", d)
		}
		sum, err := a.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: &a.name, StreamARN: aws.String(arn)})
		if err != nil {
			t.Fatal(err)
		}
		s := sum.StreamDescriptionSummary
		if *s.OpenShardCount != 2 || *s.ConsumerCount != 0 || !s.StreamCreationTimestamp.Equal(*d.StreamCreationTimestamp) || s.StreamStatus != types.StreamStatusActive {
			t.Errorf("got %+v", s)
		}
		_, err = a.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamARN: a.arn()})
		refused(t, "another Region", err, "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
		_, err = a.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamARN: aws.String("arn:aws:sqs:us-east-1:000000000000:q")})
		refused(t, "no stream", err, "InvalidArgumentException", "is not the ARN of a stream")
		_, err = a.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{})
		refused(t, "nothing", err, "InvalidArgumentException", "Either StreamName or StreamARN must be provided.")
	})
}

func TestCreating(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		create := func(in sdk.CreateStreamInput) error {
			_, err := a.CreateStream(t.Context(), &in)
			return err
		}
		onDemand := &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}
		refused(t, "again", create(sdk.CreateStreamInput{StreamName: &a.name, ShardCount: aws.Int32(1)}), "ResourceInUseException", "Stream orders under account 000000000000 already exists.")
		refused(t, "name", create(sdk.CreateStreamInput{StreamName: aws.String("a/b"), ShardCount: aws.Int32(1)}), "ValidationException", "Value 'a/b' at 'streamName'")
		refused(t, "no shards", create(sdk.CreateStreamInput{StreamName: aws.String("a"), ShardCount: aws.Int32(0)}), "ValidationException", "Value '0' at 'shardCount'")
		refused(t, "shards", create(sdk.CreateStreamInput{StreamName: aws.String("a"), ShardCount: aws.Int32(1 << 30)}), "LimitExceededException", "shard limit")
		refused(t, "both", create(sdk.CreateStreamInput{StreamName: aws.String("a"), ShardCount: aws.Int32(1), StreamModeDetails: onDemand}), "InvalidArgumentException", "ShardCount")
		refused(t, "neither", create(sdk.CreateStreamInput{StreamName: aws.String("a")}), "InvalidArgumentException", "ShardCount")
		refused(t, "mode", create(sdk.CreateStreamInput{StreamName: aws.String("a"), StreamModeDetails: &types.StreamModeDetails{StreamMode: "FREE"}}), "ValidationException", "streamMode")
		if err := create(sdk.CreateStreamInput{StreamName: aws.String("elastic"), StreamModeDetails: onDemand}); err != nil {
			t.Fatal(err)
		}
		a.name = "elastic"
		if got := len(a.shards(nil)); got != 4 {
			t.Errorf("%d shards, want 4", got)
		}
		_, err := a.UpdateStreamMode(t.Context(), &sdk.UpdateStreamModeInput{StreamARN: a.arn(), StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeProvisioned}})
		if err != nil {
			t.Error(err)
		}
	})
}

// A stream of the same name is another one, even within the same millisecond.
func TestMadeAnew(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		old := a.put("key", "x").SequenceNumber
		made := func() time.Time {
			out, err := a.DescribeStreamSummary(t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: &a.name})
			if err != nil {
				t.Fatal(err)
			}
			return *out.StreamDescriptionSummary.StreamCreationTimestamp
		}
		before := made()
		a.delete()
		a.create(a.name, 1)
		a.put("key", "y")
		if !made().After(before) {
			t.Errorf("made at %s and then at %s", before, made())
		}
		_, err := a.tryIterator(0, sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: old})
		refused(t, "the old number", err, "InvalidArgumentException", "did not come from this stream.")
	})
}

func TestDeleting(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.consumer("c")
		_, err := a.DeleteStream(t.Context(), &sdk.DeleteStreamInput{StreamName: &a.name})
		refused(t, "consumers", err, "ResourceInUseException", "registered consumers")
		a.delete()
		_, err = a.DeleteStream(t.Context(), &sdk.DeleteStreamInput{StreamName: &a.name})
		refused(t, "deleted", err, "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
		_, err = a.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: &a.name, PartitionKey: aws.String("k"), Data: []byte("x")})
		refused(t, "put", err, "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
	})
}

func TestListingStreams(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		for i := range 5 {
			a.create("s"+strconv.Itoa(i), 1)
		}
		var names []string
		for p := sdk.NewListStreamsPaginator(a, &sdk.ListStreamsInput{Limit: aws.Int32(2)}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil || len(out.StreamNames) > 2 || len(out.StreamSummaries) != len(out.StreamNames) {
				t.Fatalf("got %+v, %v", out, err)
			}
			names = append(names, out.StreamNames...)
		}
		if got, want := strings.Join(names, " "), "orders s0 s1 s2 s3 s4"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		out, err := a.ListStreams(t.Context(), &sdk.ListStreamsInput{ExclusiveStartStreamName: aws.String("s2")})
		if err != nil || strings.Join(out.StreamNames, " ") != "s3 s4" || *out.HasMoreStreams {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestRetention(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		increase := func(hours int32) error {
			_, err := a.IncreaseStreamRetentionPeriod(t.Context(), &sdk.IncreaseStreamRetentionPeriodInput{StreamName: &a.name, RetentionPeriodHours: &hours})
			return err
		}
		decrease := func(hours int32) error {
			_, err := a.DecreaseStreamRetentionPeriod(t.Context(), &sdk.DecreaseStreamRetentionPeriodInput{StreamName: &a.name, RetentionPeriodHours: &hours})
			return err
		}
		refused(t, "23", increase(23), "InvalidArgumentException", "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.")
		refused(t, "8761", increase(8761), "InvalidArgumentException", "Maximum allowed retention period is 8760 hours.")
		refused(t, "48 is more", decrease(48), "InvalidArgumentException", "can not be longer than existing retention period (24 hours). Use IncreaseRetentionPeriod API.")
		a.put("k", "gone")
		time.Sleep(25 * time.Hour)
		a.put("k", "kept")
		if err := increase(48); err != nil {
			t.Fatal(err)
		}
		refused(t, "24 is less", increase(24), "InvalidArgumentException", "can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API.")
		time.Sleep(47 * time.Hour)
		if got := a.all(0); got != "kept" {
			t.Errorf("read %q", got)
		}
		if err := decrease(24); err != nil {
			t.Fatal(err)
		}
		if got := a.all(0); got != "" {
			t.Errorf("read %q", got)
		}
	})
}

func TestTags(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		add := func(tags map[string]string) error {
			_, err := a.AddTagsToStream(t.Context(), &sdk.AddTagsToStreamInput{StreamName: &a.name, Tags: tags})
			return err
		}
		if err := add(map[string]string{"a": "1", "b": "2", "c": "3"}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.RemoveTagsFromStream(t.Context(), &sdk.RemoveTagsFromStreamInput{StreamName: &a.name, TagKeys: []string{"b"}}); err != nil {
			t.Fatal(err)
		}
		many := map[string]string{}
		for i := range 49 {
			many[strconv.Itoa(i)] = "x"
		}
		refused(t, "many", add(many), "InvalidArgumentException", "cannot have more than 50 tags")
		out, err := a.ListTagsForStream(t.Context(), &sdk.ListTagsForStreamInput{StreamName: &a.name, Limit: aws.Int32(1)})
		if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "a" || !*out.HasMoreTags {
			t.Errorf("got %+v, %v", out, err)
		}
		out, err = a.ListTagsForStream(t.Context(), &sdk.ListTagsForStreamInput{StreamName: &a.name, ExclusiveStartTagKey: aws.String("a")})
		if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "c" || *out.HasMoreTags {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestPuttingMany(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		entries := make([]types.PutRecordsRequestEntry, maxEntries)
		for i := range entries {
			entries[i] = types.PutRecordsRequestEntry{Data: []byte(strconv.Itoa(i)), PartitionKey: aws.String(strconv.Itoa(i))}
		}
		out, err := a.PutRecords(t.Context(), &sdk.PutRecordsInput{StreamName: &a.name, Records: entries})
		if err != nil || *out.FailedRecordCount != 0 || len(out.Records) != maxEntries {
			t.Fatalf("got %+v, %v", out, err)
		}
		read := a.read(a.iterator(0, sdk.GetShardIteratorInput{}), 1000).Records
		for i, r := range read {
			if *r.SequenceNumber != *out.Records[i].SequenceNumber || string(r.Data) != strconv.Itoa(i) || *out.Records[i].ShardId != shardID(0) {
				t.Errorf("record %d is %s, %s", i, *r.SequenceNumber, r.Data)
			}
		}
		put := func(entries ...types.PutRecordsRequestEntry) error {
			_, err := a.PutRecords(t.Context(), &sdk.PutRecordsInput{StreamName: &a.name, Records: entries})
			return err
		}
		entry := func(key, data, hash string) types.PutRecordsRequestEntry {
			e := types.PutRecordsRequestEntry{PartitionKey: &key, Data: []byte(data)}
			if hash != "" {
				e.ExplicitHashKey = &hash
			}
			return e
		}
		refused(t, "501", put(append(entries, entries[0])...), "ValidationException", "'records'")
		refused(t, "none", put([]types.PutRecordsRequestEntry{}...), "ValidationException", "'records'")
		refused(t, "no key", put(entry("", "x", "")), "ValidationException", "'records.member.partitionKey'")
		refused(t, "a key of 257", put(entry(strings.Repeat("é", 257), "x", "")), "ValidationException", "less than or equal to 256")
		refused(t, "a hash", put(entry("a", "", "340282366920938463463374607431768211456")), "InvalidArgumentException",
			"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was 340282366920938463463374607431768211456")
		if err := put(entry(strings.Repeat("é", 256), "", "0")); err != nil {
			t.Error(err)
		}
		if got := len(a.read(a.iterator(0, sdk.GetShardIteratorInput{}), 1000).Records); got != maxEntries+1 {
			t.Errorf("%d records, want none of the refused ones", got)
		}
	})
}

func TestPuttingTooMuch(t *testing.T) {
	s := new(Server)
	large := make([]byte, maxRecord)
	_, err := s.putRecords(nil, putRecordsInput{Records: []entry{{Data: large, PartitionKey: "k"}}})
	if err == nil || !strings.Contains(err.Error(), "Records size exceeds 10 MB limit") {
		t.Errorf("10 MB and a key: got %v", err)
	}
	_, err = s.putRecord(nil, putRecordInput{entry: entry{Data: append(large, 1), PartitionKey: "k"}})
	if err == nil || !strings.Contains(err.Error(), "at 'data' failed to satisfy constraint: Member must have length less than or equal to 10485760") {
		t.Errorf("a byte too many: got %v", err)
	}
}

func TestDataIsKept(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		for _, data := range []string{"", "\x00\xff\xf3\x89", "{\"é\": \"<&>\u2028\"}"} {
			for _, key := range []string{"a", "é <&> \"\\\u2028 😀"} {
				a.put(key, data)
				recs := a.read(a.iterator(0, sdk.GetShardIteratorInput{}), 1000).Records
				if last := recs[len(recs)-1]; string(last.Data) != data || *last.PartitionKey != key {
					t.Errorf("got %q under %q, want %q under %q", last.Data, *last.PartitionKey, data, key)
				}
			}
		}
	})
}

func TestOrdering(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		put := func(n string) error {
			_, err := a.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: &a.name, PartitionKey: aws.String("k"), Data: []byte{}, SequenceNumberForOrdering: &n})
			return err
		}
		if err := put(a.puts(1)[0]); err != nil {
			t.Error(err)
		}
		refused(t, "no number", put("1"), "InvalidArgumentException", fmt.Sprintf("ExclusiveMinimumSequenceNumber 1 used in PutRecord on stream %s", a.name))
	})
}
