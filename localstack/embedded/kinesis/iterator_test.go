package kinesis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
)

func TestPositions(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		begin := time.Now()
		numbers := append(c.putMany(2), nil)
		time.Sleep(1500 * time.Millisecond)
		middle := time.Now()
		numbers[2] = c.put("key", "2").SequenceNumber
		start := c.shards(nil)[0].SequenceNumberRange.StartingSequenceNumber
		for _, test := range []struct {
			what string
			in   sdk.GetShardIteratorInput
			want string
		}{
			{"the oldest", sdk.GetShardIteratorInput{ShardIteratorType: trimHorizon}, "0 1 2"},
			{"the latest", sdk.GetShardIteratorInput{ShardIteratorType: latest}, ""},
			{"at the first", sdk.GetShardIteratorInput{ShardIteratorType: atNumber, StartingSequenceNumber: numbers[0]}, "0 1 2"},
			{"after the first", sdk.GetShardIteratorInput{ShardIteratorType: afterNumber, StartingSequenceNumber: numbers[0]}, "1 2"},
			{"at the last", sdk.GetShardIteratorInput{ShardIteratorType: atNumber, StartingSequenceNumber: numbers[2]}, "2"},
			{"after the last", sdk.GetShardIteratorInput{ShardIteratorType: afterNumber, StartingSequenceNumber: numbers[2]}, ""},
			{"at the start", sdk.GetShardIteratorInput{ShardIteratorType: atNumber, StartingSequenceNumber: start}, "0 1 2"},
			{"after the start", sdk.GetShardIteratorInput{ShardIteratorType: afterNumber, StartingSequenceNumber: start}, "0 1 2"},
			{"since the first", sdk.GetShardIteratorInput{ShardIteratorType: atTimestamp, Timestamp: &begin}, "0 1 2"},
			{"since the last", sdk.GetShardIteratorInput{ShardIteratorType: atTimestamp, Timestamp: &middle}, "2"},
			{"since after the first", sdk.GetShardIteratorInput{ShardIteratorType: atTimestamp, Timestamp: aws.Time(begin.Add(time.Millisecond))}, "2"},
			{"since long ago", sdk.GetShardIteratorInput{ShardIteratorType: atTimestamp, Timestamp: aws.Time(begin.Add(-time.Hour))}, "0 1 2"},
		} {
			test.in.StreamName, test.in.ShardId = c.name, aws.String(shardID(0))
			it, err := c.GetShardIterator(c.t.Context(), &test.in)
			c.must(err)
			if got := dataOf(c.read(it.ShardIterator, 10).Records); got != test.want {
				t.Errorf("%s: read %q, want %q", test.what, got, test.want)
			}
		}
	})
}

func TestIteratorsExpire(t *testing.T) {
	inBubble(t, 1, func(c *client) {
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
	inBubble(t, 1, func(c *client) {
		valid := *c.iterator(0, trimHorizon, nil)
		if !strings.HasPrefix(valid, "AAAAAAAAAAE") {
			t.Errorf("iterator %s does not begin as those of AWS", valid)
		}
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
		forged := iterator{issued: now(), shard: 1 << 40, next: lastIndex, stream: "orders"}
		c.wantError(try(forged.String()), "InvalidArgumentException", "Invalid ShardIterator.")
	})
}

func FuzzIterator(f *testing.F) {
	f.Add(iterator{1, 2, 3, 4, "orders"}.String())
	f.Add("AAAAAAAAAAE=")
	f.Fuzz(func(t *testing.T, text string) {
		if it, ok := parseIterator(text); ok && it.String() != text {
			t.Errorf("%q became %+v, which is %s", text, it, it)
		}
	})
}
