package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/stream"
	"github.com/esm-run/esm/sources/kinesis"
)

const manyShards = 10_000

// vast is a Kinesis whose one stream has many shards and no records, under the real SDK client. Each call takes a few
// milliseconds, as it would over a network; there are no connections.
type vast struct {
	listed     atomic.Int64 // when the last page of shards went out, in nanoseconds
	polls      atomic.Int64
	busy, most atomic.Int64
	first      sync.Map // when a shard was first read, by its iterator
	reading    atomic.Int64
	all        chan bool // closed when all shards have been read
}

func newVast() *vast { return &vast{all: make(chan bool)} }

const perPage = 1000

func (v *vast) Do(req *http.Request) (*http.Response, error) {
	v.most.Store(max(v.most.Load(), v.busy.Add(1)))
	defer v.busy.Add(-1)
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	time.Sleep(5 * time.Millisecond)
	var in struct{ ShardId, ShardIterator, NextToken string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var out string
	_, op, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	switch op {
	case "DescribeStreamSummary":
		out = `{"StreamDescriptionSummary":{"StreamCreationTimestamp":1772600000,"RetentionPeriodHours":24}}`
	case "ListShards":
		out = v.list(in.NextToken)
	case "GetShardIterator":
		out = `{"ShardIterator":"` + in.ShardId + `"}`
	case "GetRecords":
		v.polled(in.ShardIterator)
		out = `{"Records":[],"MillisBehindLatest":0,"NextShardIterator":"` + in.ShardIterator + `"}`
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(out)),
	}, nil
}

func (v *vast) list(token string) string {
	var out bytes.Buffer
	page := 0
	_, _ = fmt.Sscan(token, &page)
	out.WriteString(`{"Shards":[`)
	for i := range perPage {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"ShardId":"shardId-%012d","SequenceNumberRange":{"StartingSequenceNumber":"1"}}`, page*perPage+i)
	}
	if page++; page*perPage < manyShards {
		fmt.Fprintf(&out, `],"NextToken":"%d"}`, page)
	} else {
		out.WriteString(`]}`)
		v.listed.CompareAndSwap(0, time.Now().UnixNano())
	}
	return out.String()
}

func (v *vast) polled(shard string) {
	v.polls.Add(1)
	if _, known := v.first.LoadOrStore(shard, time.Now()); !known && v.reading.Add(1) == manyShards {
		close(v.all)
	}
}

// since is how long after the listing the first shard was polled, and the last.
func (v *vast) since() (first, last time.Duration) {
	listed := time.Unix(0, v.listed.Load())
	v.first.Range(func(_, at any) bool {
		d := at.(time.Time).Sub(listed)
		if first == 0 || d < first {
			first = d
		}
		last = max(last, d)
		return true
	})
	return first, last
}

// feed is a mapping of that stream that had been seen before, its positions in a file.
func (v *vast) feed(b *testing.B) *stream.Feed {
	b.Helper()
	const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/vast"
	source, err := kinesis.New(kinesis.Config{ARN: config.ParseSource(arn).ARN, Client: sdk.New(sdk.Options{
		Region: "us-east-1", HTTPClient: v, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})})
	if err != nil {
		b.Fatal(err)
	}
	db, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	var saves sync.WaitGroup
	save := func(shard, position string) {
		saves.Go(func() {
			if _, err := db.Save(b.Context(), esm.Key{Mapping: "m", Shard: shard}, esm.Checkpoint{Position: position}); err != nil {
				b.Error(err)
			}
		})
	}
	save("", time.Unix(1772600000, 0).UTC().Format(time.RFC3339Nano))
	for i := range manyShards {
		save(fmt.Sprintf("shardId-%012d", i), "49660123456789012345678901234567890123456789012345678914")
	}
	saves.Wait()
	return &stream.Feed{
		Mapping: "m", Function: "f", Source: arn, Stream: source, Checkpoints: db,
		Shards: policy.Shards{Start: config.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1}, Batching: policy.Batching{Size: 100},
	}
}

// BenchmarkManyShards is a mapping of a stream of 10,000 idle shards, from its start: how long after the listing the first
// is polled and until all have been; how much memory each takes, on the heap and on stacks, and as the operating system
// sees it; what all of them take of one core, and how many calls were under way at once at the most. Connections are not
// among it.
func BenchmarkManyShards(b *testing.B) {
	for b.Loop() {
		v := newVast()
		feed := v.feed(b)
		before := inUse()
		ctx, stop := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		ended.Go(func() { feed.Run(ctx, context.WithoutCancel(ctx), func() {}) })
		<-v.all
		first, last := v.since()
		b.ReportMetric(float64(first.Microseconds())/1000, "first-poll-ms")
		b.ReportMetric(float64(last.Microseconds())/1000, "all-polled-ms")
		polls, used := v.polls.Load(), cpu(b)
		const watched = 5 * time.Second
		time.Sleep(watched)
		b.ReportMetric(100*(cpu(b)-used).Seconds()/watched.Seconds(), "core-%")
		b.ReportMetric(float64(v.polls.Load()-polls)/manyShards/watched.Seconds(), "polls/shard/s")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys-m.HeapReleased-before)/manyShards/1024, "with-garbage-KB/shard")
		b.ReportMetric(float64(inUse()-before)/manyShards/1024, "KB/shard")
		b.ReportMetric(float64(v.most.Load()), "calls-at-once")
		stop()
		ended.Wait()
	}
}

// inUse is the memory of this process that is in use, in bytes: stacks and what is on the heap.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what a finalizer held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse + m.HeapInuse
}
