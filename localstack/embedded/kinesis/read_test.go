package kinesis

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestReading(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		put := time.Now()
		numbers := a.puts(3)
		time.Sleep(250 * time.Millisecond)
		out := a.read(a.iterator(0, sdk.GetShardIteratorInput{}), 2)
		if got, behind := dataOf(out.Records), *out.MillisBehindLatest; got != "0 1" || behind != 250 {
			t.Errorf("read %q, %d ms behind", got, behind)
		}
		r := out.Records[1]
		if *r.SequenceNumber != numbers[1] || *r.PartitionKey != "key" || !r.ApproximateArrivalTimestamp.Equal(put) {
			t.Errorf("got %s of %s at %s", *r.SequenceNumber, *r.PartitionKey, r.ApproximateArrivalTimestamp)
		}
		out = a.read(out.NextShardIterator, 2)
		if got, behind := dataOf(out.Records), *out.MillisBehindLatest; got != "2" || behind != 0 {
			t.Errorf("read %q, %d ms behind", got, behind)
		}
		out = a.read(out.NextShardIterator, 2)
		a.put("key", "later")
		if got := dataOf(out.Records) + dataOf(a.read(out.NextShardIterator, 2).Records); got != "later" || out.ChildShards != nil {
			t.Errorf("read %q, %v", got, out.ChildShards)
		}
		_, err := a.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: out.NextShardIterator, Limit: aws.Int32(10_001)})
		refused(t, "a limit", err, "ValidationException", "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000")
		_, err = a.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: out.NextShardIterator, StreamARN: aws.String(*a.arn() + "2")})
		refused(t, "another stream", err, "InvalidArgumentException", "do not match")
	})
}

func TestReadingToTheEnd(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.puts(3)
		a.split(0, half)
		out := a.read(a.iterator(0, sdk.GetShardIteratorInput{}), 2)
		if out.NextShardIterator == nil || out.ChildShards != nil {
			t.Fatalf("it ends with %d of 3 records", len(out.Records))
		}
		out = a.read(out.NextShardIterator, 2)
		if dataOf(out.Records) != "2" || out.NextShardIterator != nil || len(out.ChildShards) != 2 || *out.MillisBehindLatest != 0 {
			t.Fatalf("got %q, %v, %v", dataOf(out.Records), out.NextShardIterator, out.ChildShards)
		}
		left, right := out.ChildShards[0], out.ChildShards[1]
		if *left.ShardId != shardID(1) || *right.ShardId != shardID(2) || *right.HashKeyRange.StartingHashKey != half || right.ParentShards[0] != shardID(0) {
			t.Errorf("children %+v and %+v", left, right)
		}
		a.merge(1, 2)
		out = a.read(a.iterator(1, sdk.GetShardIteratorInput{}), 2)
		if out.NextShardIterator != nil || len(out.ChildShards) != 1 || strings.Join(out.ChildShards[0].ParentShards, " ") != shardID(1)+" "+shardID(2) {
			t.Errorf("got %v, %+v", out.NextShardIterator, out.ChildShards)
		}
		last := a.shards(nil)[0].SequenceNumberRange.EndingSequenceNumber
		for _, kind := range []types.ShardIteratorType{at, after} {
			out = a.read(a.iterator(0, sdk.GetShardIteratorInput{ShardIteratorType: kind, StartingSequenceNumber: last}), 2)
			if out.NextShardIterator != nil || len(out.Records) > 0 {
				t.Errorf("%s the end: got %v, %v", kind, out.Records, out.NextShardIterator)
			}
		}
	})
}

func TestTenMegabytes(t *testing.T) {
	const each = 3 << 20
	sh := &shard{next: 1}
	for range 4 {
		sh.recs = append(sh.recs, record{arrived: 1000, size: each})
		sh.next++
	}
	sh.recs = append(sh.recs, record{arrived: 1000, size: maxReadBytes + 1})
	sh.next++
	next := int64(1)
	for _, want := range []page{{next: 4, behind: 7}, {next: 5, behind: 7}, {next: 6}, {next: 6}} {
		got := sh.read(next, maxRead, maxReadBytes, 1007)
		if got.next != want.next || got.behind != want.behind || len(got.recs) != int(want.next-next) {
			t.Errorf("from %d: %d records, then %d, %d ms behind; want then %d, %d ms", next, len(got.recs), got.next, got.behind, want.next, want.behind)
		}
		next = got.next
	}
}

func TestTheLargestRecord(t *testing.T) {
	s := new(Server)
	post(s, "CreateStream", `{"StreamName":"s","ShardCount":1}`)
	body, _ := json.Marshal(map[string]any{"StreamName": "s", "PartitionKey": strings.Repeat("k", 256), "Data": make([]byte, maxRecord)})
	if w := post(s, "PutRecord", string(body)); w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	st, _ := s.find(ref{StreamName: "s"})
	it := iterator{issued: now(), made: st.made.at, next: 1, stream: "s"}
	if w := post(s, "GetRecords", `{"ShardIterator":"`+it.String()+`"}`); w.Code != 200 || w.Body.Len() < maxRecord*4/3 {
		t.Errorf("got %d and %d bytes", w.Code, w.Body.Len())
	}
}

func TestTrimming(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		numbers := a.puts(2)
		time.Sleep(time.Hour)
		a.put("key", "kept")
		a.split(0, half)
		time.Sleep(23*time.Hour - time.Minute)
		early := a.iterator(0, sdk.GetShardIteratorInput{})
		if got := a.all(0); got != "0 1 kept" {
			t.Errorf("read %q", got)
		}
		time.Sleep(2 * time.Minute)
		for what, it := range map[string]*string{
			"overtaken": early,
			"oldest":    a.iterator(0, sdk.GetShardIteratorInput{}),
			"at":        a.iterator(0, sdk.GetShardIteratorInput{ShardIteratorType: at, StartingSequenceNumber: &numbers[0]}),
			"after":     a.iterator(0, sdk.GetShardIteratorInput{ShardIteratorType: after, StartingSequenceNumber: &numbers[0]}),
		} {
			if got := dataOf(a.read(it, 10).Records); got != "kept" {
				t.Errorf("%s: read %q", what, got)
			}
		}
		time.Sleep(time.Hour)
		if got := a.listed(nil); got != "1 2" {
			t.Errorf("shards %s are left", got)
		}
		_, err := a.tryIterator(0, sdk.GetShardIteratorInput{})
		refused(t, "a shard that is gone", err, "ResourceNotFoundException", "does not exist")
	})
}

func TestThrottling(t *testing.T) {
	inBubble(t, &Server{Throttle: true}, 1, func(t *testing.T, a *account) {
		it := a.iterator(0, sdk.GetShardIteratorInput{})
		admitted := func() (n int) {
			for {
				if _, err := a.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: it}); err != nil {
					refused(t, "too fast", err, "ProvisionedThroughputExceededException", "Rate exceeded for shard shardId-000000000000 in stream orders under account 000000000000.")
					return n
				}
				n++
			}
		}
		if got := admitted(); got != 5 {
			t.Errorf("%d reads at once, want 5", got)
		}
		time.Sleep(time.Second)
		if got := admitted(); got != 5 {
			t.Errorf("%d reads a second later, want 5", got)
		}
	})
}

// What one read brings too much counts in the seconds after it.
func TestTwoMegabytesASecond(t *testing.T) {
	for bytes, want := range map[int]millis{1: 0, bytesPerSecond - 1: 0, bytesPerSecond: 1000, 2*bytesPerSecond + 1: 2000, maxReadBytes: 5000} {
		var m meter
		if !m.admits(1_000_000) {
			t.Error("the first read is not admitted")
		}
		m.add(bytes)
		wait := millis(0)
		for !m.admits(1_000_000 + wait) {
			wait += 100
		}
		if wait != want {
			t.Errorf("%d bytes: the next read is admitted after %d ms, want %d", bytes, wait, want)
		}
	}
}
