package kinesis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestPositions(t *testing.T) {
	bubble(t, 1, func(c *client) {
		first := c.putMany(2)[0]
		time.Sleep(1500 * time.Millisecond)
		last := c.put("key", "2").SequenceNumber
		start := c.shards(nil)[0].SequenceNumberRange.StartingSequenceNumber
		for _, test := range []struct {
			kind   types.ShardIteratorType
			number *string
			want   string
		}{
			{trimHorizon, nil, "0 1 2"}, {latest, nil, ""},
			{atNumber, start, "0 1 2"}, {atNumber, first, "0 1 2"}, {atNumber, last, "2"},
			{afterNumber, start, "0 1 2"}, {afterNumber, first, "1 2"}, {afterNumber, last, ""},
		} {
			if got := dataOf(c.read(c.iterator(0, test.kind, test.number), 10).Records); got != test.want {
				t.Errorf("%s %s: read %q, want %q", test.kind, aws.ToString(test.number), got, test.want)
			}
		}
		for before, want := range map[time.Duration]string{0: "2", time.Second: "2", 1500 * time.Millisecond: "0 1 2", time.Hour: "0 1 2"} {
			it, err := c.GetShardIterator(c.t.Context(), &sdk.GetShardIteratorInput{
				StreamName: c.name, ShardId: aws.String(shardID(0)), ShardIteratorType: atTimestamp, Timestamp: aws.Time(time.Now().Add(-before)),
			})
			c.must(err)
			if got := dataOf(c.read(it.ShardIterator, 10).Records); got != want {
				t.Errorf("%v before the last: read %q, want %q", before, got, want)
			}
		}
	})
}

func TestIteratorsExpire(t *testing.T) {
	bubble(t, 1, func(c *client) {
		first := c.iterator(0, trimHorizon, nil)
		time.Sleep(iteratorLifetime)
		next := c.read(first, 1).NextShardIterator
		time.Sleep(time.Millisecond)
		_, err := c.GetRecords(c.t.Context(), &sdk.GetRecordsInput{ShardIterator: first})
		c.wantError(err, "ExpiredIteratorException", "Iterator expired. The iterator was created at time Sat Jan 01 00:00:00 UTC 2000 "+
			"while right now it is Sat Jan 01 00:05:00 UTC 2000 which is further in the future than the tolerated delay of 300000 milliseconds.")
		c.read(next, 1)
	})
}

func TestInvalidIterators(t *testing.T) {
	bubble(t, 1, func(c *client) {
		valid := *c.iterator(0, trimHorizon, nil)
		try := func(text string) error {
			_, err := c.GetRecords(c.t.Context(), &sdk.GetRecordsInput{ShardIterator: &text})
			return err
		}
		flipped := strings.Replace(valid, valid[20:21], string('A'+('Z'-valid[20])%26), 1)
		for _, text := range []string{"garbage", "", valid[1:], valid + "AAAA", valid + "=", flipped, token{Of: "shards"}.String()} {
			c.wantError(try(text), "InvalidArgumentException", "Invalid ShardIterator.")
		}
		c.delete()
		c.wantError(try(valid), "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
		c.create(*c.name, 1) // in the same millisecond
		c.wantError(try(valid), "InvalidArgumentException", "Invalid ShardIterator.")
		forged := iterator{Issued: now(), Stream: "orders", Shard: 1 << 40, Next: lastIndex}
		c.wantError(try(forged.String()), "InvalidArgumentException", "Invalid ShardIterator.")
	})
}

func FuzzIterator(f *testing.F) {
	valid := iterator{Issued: 1, Stream: "orders", Shard: 3, Next: 4}.String()
	f.Add(valid)
	f.Add(valid[:40] + "\r\n" + valid[40:]) // encoding/base64 skips line breaks
	f.Add("AAAAAAAAAAE=")
	f.Fuzz(func(t *testing.T, text string) {
		if it, ok := parseIterator(text); ok && it.String() != text {
			t.Errorf("%q became %+v, which is %s", text, it, it)
		}
	})
}
