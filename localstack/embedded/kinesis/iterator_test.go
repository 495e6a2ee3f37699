package kinesis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	at      = types.ShardIteratorTypeAtSequenceNumber
	after   = types.ShardIteratorTypeAfterSequenceNumber
	horizon = types.ShardIteratorTypeTrimHorizon
	newest  = types.ShardIteratorTypeLatest
	timed   = types.ShardIteratorTypeAtTimestamp
)

func TestPositions(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		begin := time.Now()
		numbers := a.puts(2)
		time.Sleep(1500 * time.Millisecond)
		middle := time.Now()
		numbers = append(numbers, *a.put("key", "2").SequenceNumber)
		start := a.shards(nil)[0].SequenceNumberRange.StartingSequenceNumber
		for _, test := range []struct {
			what string
			in   sdk.GetShardIteratorInput
			want string
		}{
			{"the oldest", sdk.GetShardIteratorInput{}, "0 1 2"},
			{"the newest", sdk.GetShardIteratorInput{ShardIteratorType: newest}, ""},
			{"at the first", sdk.GetShardIteratorInput{ShardIteratorType: at, StartingSequenceNumber: &numbers[0]}, "0 1 2"},
			{"after the first", sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: &numbers[0]}, "1 2"},
			{"at the last", sdk.GetShardIteratorInput{ShardIteratorType: at, StartingSequenceNumber: &numbers[2]}, "2"},
			{"after the last", sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: &numbers[2]}, ""},
			{"at the start", sdk.GetShardIteratorInput{ShardIteratorType: at, StartingSequenceNumber: start}, "0 1 2"},
			{"after the start", sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: start}, "0 1 2"},
			{"since the first", sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: &begin}, "0 1 2"},
			{"since the last", sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: &middle}, "2"},
			{"since before the last", sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: aws.Time(middle.Add(-time.Millisecond))}, "2"},
			{"since after the first", sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: aws.Time(begin.Add(time.Millisecond))}, "2"},
			{"since long ago", sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: aws.Time(begin.Add(-time.Hour))}, "0 1 2"},
		} {
			out := a.read(a.iterator(0, test.in), 10)
			if got := dataOf(out.Records); got != test.want {
				t.Errorf("%s: read %q, want %q", test.what, got, test.want)
			}
		}
	})
}

func TestPositionsThatAreRefused(t *testing.T) {
	inBubble(t, new(Server), 2, func(t *testing.T, a *account) {
		number := a.put("key", "x") // of one shard or the other
		shard, _ := parseShardID(*number.ShardId)
		n, _ := parseNumber(*number.SequenceNumber)
		n.index++
		ahead := aws.String(n.String())
		n.index, n.epoch = 1, n.epoch-1
		for _, test := range []struct {
			what       string
			shard      int
			in         sdk.GetShardIteratorInput
			code, text string
		}{
			{"another shard's", 1 - shard, sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: number.SequenceNumber},
				"InvalidArgumentException", "Invalid StartingSequenceNumber. It encodes " + *number.ShardId + ", while it was used in a call to a shard with " + shardID(1-shard)},
			{"another stream's", shard, sdk.GetShardIteratorInput{ShardIteratorType: at, StartingSequenceNumber: aws.String(n.String())},
				"InvalidArgumentException", "is invalid because it did not come from this stream."},
			{"one ahead", shard, sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: ahead},
				"InvalidArgumentException", "is invalid because it did not come from this stream."},
			{"no number", shard, sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: aws.String("12")},
				"InvalidArgumentException", "StartingSequenceNumber 12 used in GetShardIterator on shard " + shardID(shard) + " in stream orders under account 000000000000 is invalid."},
			{"a number too many", shard, sdk.GetShardIteratorInput{ShardIteratorType: newest, StartingSequenceNumber: number.SequenceNumber},
				"InvalidArgumentException", "Request specified LATEST and also a StartingSequenceNumber."},
			{"a number missing", shard, sdk.GetShardIteratorInput{ShardIteratorType: at},
				"InvalidArgumentException", "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."},
			{"the future", shard, sdk.GetShardIteratorInput{ShardIteratorType: timed, Timestamp: aws.Time(time.Now().Add(time.Second))},
				"InvalidArgumentException", "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: 946684801000, currentTimestampInMillis: 946684800000"},
			{"no time", shard, sdk.GetShardIteratorInput{ShardIteratorType: timed}, "InvalidArgumentException", "Must specify timestampInMillis"},
			{"no such type", shard, sdk.GetShardIteratorInput{ShardIteratorType: "EARLIEST"}, "ValidationException", "Value 'EARLIEST' at 'shardIteratorType'"},
			{"no such shard", 7, sdk.GetShardIteratorInput{}, "ResourceNotFoundException",
				"Shard shardId-000000000007 in stream orders under account 000000000000 does not exist"},
		} {
			_, err := a.tryIterator(test.shard, test.in)
			refused(t, test.what, err, test.code, test.text)
		}
		_, err := a.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{StreamName: aws.String("other"), ShardId: aws.String("x"), ShardIteratorType: newest})
		refused(t, "no such stream", err, "ResourceNotFoundException", "Stream other under account 000000000000 not found.")
	})
}

func TestIteratorsExpire(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		first := a.iterator(0, sdk.GetShardIteratorInput{})
		time.Sleep(iteratorLives)
		next := a.read(first, 1).NextShardIterator
		time.Sleep(time.Millisecond)
		_, err := a.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: first})
		refused(t, "an old one", err, "ExpiredIteratorException", "Iterator expired. The iterator was created at time Sat Jan 01 00:00:00 UTC 2000 "+
			"while right now it is Sat Jan 01 00:05:00 UTC 2000 which is further in the future than the tolerated delay of 300000 milliseconds.")
		a.read(next, 1)
	})
}

func TestIteratorsThatAreNone(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		good := *a.iterator(0, sdk.GetShardIteratorInput{})
		if !strings.HasPrefix(good, "AAAAAAAAAAE") {
			t.Errorf("iterator %s does not begin as those of AWS", good)
		}
		try := func(text string) error {
			_, err := a.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: &text})
			return err
		}
		flipped := strings.Replace(good, good[20:21], string('A'+('Z'-good[20])%26), 1)
		for _, text := range []string{"garbage", "", good[1:], good + "AAAA", good + "=", flipped, token{Of: "shards"}.String()} {
			refused(t, text, try(text), "InvalidArgumentException", "Invalid ShardIterator.")
		}
		a.delete()
		refused(t, "deleted", try(good), "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
		a.create(a.name, 1)
		refused(t, "made anew", try(good), "InvalidArgumentException", "Invalid ShardIterator.")
		forged := iterator{issued: now(), shard: 1 << 40, next: lastIndex, stream: "orders"}
		refused(t, "made up", try(forged.String()), "InvalidArgumentException", "Invalid ShardIterator.")
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

// FuzzReading reads a shard from anywhere.
func FuzzReading(f *testing.F) {
	f.Add(int64(1), 3, 10)
	f.Add(int64(lastIndex), 1, 0)
	f.Fuzz(func(t *testing.T, from int64, limit, bytes int) {
		sh := &shard{next: 1}
		for range 5 {
			sh.put(1000, &entry{Data: []byte("abc")})
		}
		sh.recs = sh.recs[2:] // trimmed
		p := sh.read(max(1, from), max(1, min(limit, 10_000)), max(0, min(bytes, 100)), 2000)
		if len(p.recs) > 3 || p.next > sh.next || p.next <= int64(len(p.recs)) || p.end {
			t.Errorf("from %d: %d records, then %d", from, len(p.recs), p.next)
		}
	})
}
