package kinesis

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestDescribing(t *testing.T) {
	inBubble(t, 2, func(c *client) {
		out, err := c.DescribeStream(c.t.Context(), &sdk.DescribeStreamInput{StreamARN: c.arn()})
		c.must(err)
		d := out.StreamDescription
		if *d.StreamARN != *c.arn() || *d.StreamName != "orders" || d.StreamStatus != types.StreamStatusActive || *d.RetentionPeriodHours != 24 ||
			d.StreamModeDetails.StreamMode != types.StreamModeProvisioned || len(d.Shards) != 2 || *d.HasMoreShards {
			t.Errorf("got %+v", d)
		}
		summary, err := c.DescribeStreamSummary(c.t.Context(), &sdk.DescribeStreamSummaryInput{StreamName: c.name, StreamARN: c.arn()})
		c.must(err)
		s := summary.StreamDescriptionSummary
		if *s.OpenShardCount != 2 || *s.ConsumerCount != 0 || !s.StreamCreationTimestamp.Equal(*d.StreamCreationTimestamp) || s.StreamStatus != types.StreamStatusActive {
			t.Errorf("got %+v", s)
		}
	})
}

func TestOnDemandStream(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		c.name = aws.String("elastic")
		_, err := c.CreateStream(c.t.Context(), &sdk.CreateStreamInput{StreamName: c.name, StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}})
		c.must(err)
		if got := len(c.shards(nil)); got != 4 {
			t.Errorf("%d shards, want 4", got)
		}
		_, err = c.UpdateStreamMode(c.t.Context(), &sdk.UpdateStreamModeInput{StreamARN: c.arn(), StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeProvisioned}})
		c.must(err)
	})
}

func TestListingStreams(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		for i := range 5 {
			c.create("s"+strconv.Itoa(i), 1)
		}
		var names []string
		for p := sdk.NewListStreamsPaginator(c, &sdk.ListStreamsInput{Limit: aws.Int32(2)}); p.HasMorePages(); {
			out, err := p.NextPage(c.t.Context())
			if err != nil || len(out.StreamNames) > 2 || len(out.StreamSummaries) != len(out.StreamNames) {
				t.Fatalf("got %+v, %v", out, err)
			}
			names = append(names, out.StreamNames...)
		}
		if got, want := strings.Join(names, " "), "orders s0 s1 s2 s3 s4"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		out, err := c.ListStreams(c.t.Context(), &sdk.ListStreamsInput{ExclusiveStartStreamName: aws.String("s2")})
		if err != nil || strings.Join(out.StreamNames, " ") != "s3 s4" || *out.HasMoreStreams {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

func TestRetention(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		c.put("k", "expired")
		time.Sleep(25 * time.Hour)
		c.put("k", "kept")
		_, err := c.IncreaseStreamRetentionPeriod(c.t.Context(), &sdk.IncreaseStreamRetentionPeriodInput{StreamName: c.name, RetentionPeriodHours: aws.Int32(48)})
		c.must(err)
		time.Sleep(47 * time.Hour)
		if got := c.all(0); got != "kept" {
			t.Errorf("read %q", got)
		}
		_, err = c.DecreaseStreamRetentionPeriod(c.t.Context(), &sdk.DecreaseStreamRetentionPeriodInput{StreamName: c.name, RetentionPeriodHours: aws.Int32(24)})
		c.must(err)
		if got := c.all(0); got != "" {
			t.Errorf("read %q", got)
		}
	})
}

func TestTags(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		_, err := c.AddTagsToStream(c.t.Context(), &sdk.AddTagsToStreamInput{StreamName: c.name, Tags: map[string]string{"a": "1", "b": "2", "c": "3"}})
		c.must(err)
		_, err = c.RemoveTagsFromStream(c.t.Context(), &sdk.RemoveTagsFromStreamInput{StreamName: c.name, TagKeys: []string{"b"}})
		c.must(err)
		for start, want := range map[string]string{"": "a", "a": "c"} {
			in := &sdk.ListTagsForStreamInput{StreamName: c.name, Limit: aws.Int32(1)}
			if start != "" {
				in.ExclusiveStartTagKey = &start
			}
			out, err := c.ListTagsForStream(c.t.Context(), in)
			if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != want || *out.HasMoreTags != (want == "a") {
				t.Errorf("after %q: got %+v, %v", start, out, err)
			}
		}
	})
}

func TestPutRecords(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		entries := make([]types.PutRecordsRequestEntry, maxEntries)
		for i := range entries {
			entries[i] = types.PutRecordsRequestEntry{Data: []byte(strconv.Itoa(i)), PartitionKey: aws.String(strconv.Itoa(i))}
		}
		out, err := c.PutRecords(c.t.Context(), &sdk.PutRecordsInput{StreamName: c.name, Records: entries})
		if err != nil || *out.FailedRecordCount != 0 || len(out.Records) != maxEntries {
			t.Fatalf("got %+v, %v", out, err)
		}
		for i, r := range c.read(c.iterator(0, trimHorizon, nil), 1000).Records {
			if *r.SequenceNumber != *out.Records[i].SequenceNumber || string(r.Data) != strconv.Itoa(i) || *out.Records[i].ShardId != shardID(0) {
				t.Errorf("record %d is %s, %s", i, *r.SequenceNumber, r.Data)
			}
		}
	})
}

func TestDataIsKept(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		for _, data := range []string{"", "\x00\xff\xf3\x89", "{\"é\": \"<&>\u2028\"}"} {
			for _, key := range []string{"a", "é <&> \"\\\u2028 😀", strings.Repeat("é", 256)} {
				c.put(key, data)
				recs := c.read(c.iterator(0, trimHorizon, nil), 1000).Records
				if last := recs[len(recs)-1]; string(last.Data) != data || *last.PartitionKey != key {
					t.Errorf("got %q under %q, want %q under %q", last.Data, *last.PartitionKey, data, key)
				}
			}
		}
	})
}
