package kinesis

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestReading(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		put := time.Now()
		numbers := c.putMany(3)
		time.Sleep(250 * time.Millisecond)
		out := c.read(c.iterator(0, trimHorizon, nil), 2)
		if got, behind := dataOf(out.Records), *out.MillisBehindLatest; got != "0 1" || behind != 250 {
			t.Errorf("read %q, %d ms behind", got, behind)
		}
		r := out.Records[1]
		if *r.SequenceNumber != *numbers[1] || *r.PartitionKey != "key" || !r.ApproximateArrivalTimestamp.Equal(put) {
			t.Errorf("got %s of %s at %s", *r.SequenceNumber, *r.PartitionKey, r.ApproximateArrivalTimestamp)
		}
		out = c.read(out.NextShardIterator, 2)
		if got, behind := dataOf(out.Records), *out.MillisBehindLatest; got != "2" || behind != 0 {
			t.Errorf("read %q, %d ms behind", got, behind)
		}
		out = c.read(out.NextShardIterator, 2)
		c.put("key", "later")
		if got := dataOf(out.Records) + dataOf(c.read(out.NextShardIterator, 2).Records); got != "later" || out.ChildShards != nil {
			t.Errorf("read %q, %v", got, out.ChildShards)
		}
	})
}

func TestReadingToTheEnd(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		c.putMany(3)
		c.split(0, half)
		out := c.read(c.iterator(0, trimHorizon, nil), 2)
		if out.NextShardIterator == nil || out.ChildShards != nil {
			t.Fatalf("it ends with %d of 3 records", len(out.Records))
		}
		out = c.read(out.NextShardIterator, 2)
		if dataOf(out.Records) != "2" || out.NextShardIterator != nil || len(out.ChildShards) != 2 || *out.MillisBehindLatest != 0 {
			t.Fatalf("got %q, %v, %v", dataOf(out.Records), out.NextShardIterator, out.ChildShards)
		}
		left, right := out.ChildShards[0], out.ChildShards[1]
		if *left.ShardId != shardID(1) || *right.ShardId != shardID(2) || *right.HashKeyRange.StartingHashKey != half || right.ParentShards[0] != shardID(0) {
			t.Errorf("children %+v and %+v", left, right)
		}
		c.merge(1, 2)
		out = c.read(c.iterator(1, trimHorizon, nil), 2)
		if out.NextShardIterator != nil || len(out.ChildShards) != 1 || strings.Join(out.ChildShards[0].ParentShards, " ") != shardID(1)+" "+shardID(2) {
			t.Errorf("got %v, %+v", out.NextShardIterator, out.ChildShards)
		}
		last := c.shards(nil)[0].SequenceNumberRange.EndingSequenceNumber
		for _, kind := range []types.ShardIteratorType{atNumber, afterNumber} {
			out = c.read(c.iterator(0, kind, last), 2)
			if out.NextShardIterator != nil || len(out.Records) > 0 {
				t.Errorf("%s the end: got %v, %v", kind, out.Records, out.NextShardIterator)
			}
		}
	})
}

func TestPageIsTenMebibytes(t *testing.T) {
	const each = 3 << 20
	sh := &shard{next: 1}
	for _, size := range []int{each, each, each, each, maxReadBytes + 1} {
		sh.recs = append(sh.recs, record{arrived: 1000, size: size})
		sh.next++
	}
	next := int64(1)
	for _, want := range []page{{next: 4, behind: 7}, {next: 5, behind: 7}, {next: 6}, {next: 6}} {
		got := sh.read(next, maxRead, maxReadBytes, 1007)
		if got.next != want.next || got.behind != want.behind || len(got.recs) != int(want.next-next) {
			t.Errorf("from %d: %d records, then %d, %d ms behind; want then %d, %d ms", next, len(got.recs), got.next, got.behind, want.next, want.behind)
		}
		next = got.next
	}
}

// FuzzReading reads a shard from any index.
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

func TestLargestRecord(t *testing.T) {
	s := new(Server)
	post(s, "CreateStream", `{"StreamName":"s","ShardCount":1}`)
	put := func(size int) int {
		body, _ := json.Marshal(map[string]any{"StreamName": "s", "PartitionKey": strings.Repeat("k", 256), "Data": make([]byte, size)})
		return post(s, "PutRecord", string(body)).Code
	}
	if largest, larger := put(maxRecord), put(maxRecord+1); largest != 200 || larger != 400 {
		t.Fatalf("got %d for the largest record and %d for a larger one", largest, larger)
	}
	st, _ := s.find(ref{StreamName: "s"})
	it := iterator{issued: now(), created: st.created.at, next: 1, stream: "s"}
	if w := post(s, "GetRecords", `{"ShardIterator":"`+it.String()+`"}`); w.Code != 200 || w.Body.Len() < maxRecord*4/3 {
		t.Errorf("got %d and %d bytes", w.Code, w.Body.Len())
	}
}

func TestTrimming(t *testing.T) {
	inBubble(t, 1, func(c *client) {
		numbers := c.putMany(2)
		time.Sleep(time.Hour)
		c.put("key", "kept")
		c.split(0, half)
		time.Sleep(23*time.Hour - time.Minute)
		early := c.iterator(0, trimHorizon, nil)
		if got := c.all(0); got != "0 1 kept" {
			t.Errorf("read %q", got)
		}
		time.Sleep(2 * time.Minute)
		for what, it := range map[string]*string{
			"made before": early,
			"oldest":      c.iterator(0, trimHorizon, nil),
			"at":          c.iterator(0, atNumber, numbers[0]),
			"after":       c.iterator(0, afterNumber, numbers[0]),
		} {
			if got := dataOf(c.read(it, 10).Records); got != "kept" {
				t.Errorf("%s: read %q", what, got)
			}
		}
		time.Sleep(time.Hour)
		if got := c.shards(nil); len(got) != 2 || *got[0].ShardId != shardID(1) {
			t.Errorf("shards %v are left", got)
		}
	})
}
