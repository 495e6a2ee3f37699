package localstack_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// keyed are so many records of each of so many keys, in turn: their texts are the key and a number. From is the first number.
func keyed(keys, from, each int) (entries []types.PutRecordsRequestEntry) {
	for n := from; n < from+each; n++ {
		for k := range keys {
			key := fmt.Sprint("key-", k)
			entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: &key, Data: fmt.Appendf(nil, "%s/%d", key, n)})
		}
	}
	return entries
}

// wantOrder checks that every key's records came in their order, once each, and how many those are.
func wantOrder(t *testing.T, texts []string, total int) {
	t.Helper()
	next := map[string]int{}
	for _, text := range texts {
		key, number, _ := strings.Cut(text, "/")
		if want := fmt.Sprint(next[key]); number != want {
			t.Fatalf("%s comes where %s/%s is next", text, key, want)
		}
		next[key]++
	}
	if len(texts) != total {
		t.Errorf("%d records, want %d", len(texts), total)
	}
}

// Ten batches of a shard at a time, and the order of each key.
func TestParallelizationFactor(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("lanes", 1)
		if err := s.send(keyed(20, 0, 20)); err != nil {
			t.Fatal(err)
		}
		var most together
		f := c.follow("f", s.arn, most.meet, "ParallelizationFactor: 10", "BatchSize: 7")
		c.run(fileOf(f))
		eventually(t, "all are handled", func() bool { return f.fn.records() >= 400 })
		wantOrder(t, f.fn.texts(), 400)
		if n := most.count(); n < 3 || n > 10 {
			t.Errorf("%d batches at a time, want more than two and ten at most", n)
		}
	})
}

// together counts the invocations that run at a time. The first ones wait until there are three.
type together struct {
	mu         sync.Mutex
	now, most  int
	threeAtOne chan struct{}
}

func (m *together) meet(e event) (string, error) {
	m.mu.Lock()
	if m.threeAtOne == nil {
		m.threeAtOne = make(chan struct{})
	}
	m.now++
	if m.now > m.most {
		if m.most = m.now; m.most == 3 {
			close(m.threeAtOne)
		}
	}
	met := m.threeAtOne
	m.mu.Unlock()
	select {
	case <-met:
	case <-time.After(slack / 2):
	}
	m.mu.Lock()
	m.now--
	m.mu.Unlock()
	return "null", nil
}

func (m *together) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.most
}

// A key whose records always fail holds up the keys of its own lane, and no others.
func TestAFailingLane(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("lane", 1)
		if err := s.send(keyed(30, 0, 5)); err != nil {
			t.Fatal(err)
		}
		f := c.follow("f", s.arn, func(e event) (string, error) {
			if slices.Contains(kinesisOf(e).texts(), "key-0/0") {
				return throw(e)
			}
			return succeed(e)
		}, "ParallelizationFactor: 10", "BatchSize: 3")
		c.run(fileOf(f))
		var ended map[string]bool
		eventually(t, "the other lanes are done, and the failing one tries again", func() bool {
			ended = map[string]bool{}
			var failed int
			for _, text := range f.fn.texts() {
				if key, last := strings.CutSuffix(text, "/4"); last {
					ended[key] = true
				}
				if text == "key-0/0" {
					failed++
				}
			}
			return len(ended) >= 18 && failed > 4 // of thirty keys, two dozen are in other lanes
		})
		if texts := f.fn.texts(); ended["key-0"] || slices.Contains(texts, "key-0/3") {
			t.Errorf("a key went on behind a record that fails: %q", texts)
		}
	})
}

// Records flow while their shard is split and its children are merged.
func TestReshardedWhileRecordsFlow(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		const keys, total = 20, 2000
		s := c.stream("reshard", 1)
		f := c.follow("f", s.arn, succeed)
		c.run(fileOf(f))
		put := func(from, until int) {
			for n := from; n < until; n += 5 {
				if err := s.send(keyed(keys, n, 5)); err != nil {
					t.Error(err)
				}
			}
		}
		var writing sync.WaitGroup
		writing.Go(func() { put(0, 100) })
		eventually(t, "records flow", func() bool { return f.fn.records() >= total/10 })
		s.split("shardId-000000000000")
		eventually(t, "records flow through the children", func() bool { return shardsOf(f.fn.seen())[1] > 0 || f.fn.records() >= total/2 })
		left, right := "shardId-000000000001", "shardId-000000000002"
		if _, err := s.kinesis.MergeShards(t.Context(), &kinesis.MergeShardsInput{StreamName: &s.name, ShardToMerge: &left, AdjacentShardToMerge: &right}); err != nil {
			t.Fatal(err)
		}
		s.active()
		writing.Wait()
		put(100, 101) // at the least these are of the merged shard
		eventually(t, "all are handled", func() bool { return f.fn.records() >= total+5*keys })
		wantOrder(t, f.fn.texts(), total+5*keys)
		if by := shardsOf(f.fn.seen()); by[3] == 0 {
			t.Errorf("records by shard: %v", by)
		}
	})
}

// shardsOf counts records by shard.
func shardsOf(calls []event) map[int]int {
	by := map[int]int{}
	for _, e := range calls {
		by[kinesisOf(e).shard()] += len(e.Records)
	}
	return by
}
