package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/e2e/rig"
)

// A producer puts records into a stream while its shards are split and merged.
type producer struct {
	*rig.Stream
	records, chunk int // how many there are, and how many are put at once

	mu      sync.Mutex
	put     []string
	allowed int // how many may be put by now
	failed  error
}

// Shards are split and merged while records flow, and the engine is killed at random all the while.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	for _, lanes := range []int{1, 4} {
		t.Run(fmt.Sprint("parallelization factor ", lanes), func(t *testing.T) {
			rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
				p, kills := &producer{records: 50_000, chunk: 250}, 50
				if lanes > 1 {
					p.records, kills = 20_000, 20
				}
				if e.Service != rig.StandIn {
					p.records, p.chunk, kills = 2500, 50, 10
				}
				p.Stream = e.Stream(fmt.Sprint("random", lanes), 3)
				p.killAtRandom(t, lanes, kills)
			})
		})
	}
}

func (p *producer) killAtRandom(t *testing.T, lanes, kills int) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice, h, dlq := rand.New(rand.NewPCG(seed, 0)), newHistory(), p.Queue("random-dead", nil)
	keys := []string{
		rig.BatchSize(100), rig.Retries(1), rig.Bisecting, rig.Reporting, rig.OnFailure(dlq.ARN), fmt.Sprint("ParallelizationFactor: ", lanes),
	}
	var producing sync.WaitGroup
	ctx, end := context.WithCancel(t.Context())
	defer producing.Wait()
	defer end()
	producing.Go(func() { p.produce(ctx, rand.New(rand.NewPCG(seed, 1))) })
	for kill := range kills {
		p.allow(p.records * (kill + 1) / (kills + 1))
		id, handler := h.begin()
		engine := p.Start(p.Function("f", handler).On(p.ARN, keys...))
		invocations, more := dice.IntN(16), time.Duration(dice.IntN(15_000))*time.Microsecond
		if invocations == 0 { // it may still be starting
			more *= 30
		}
		p.waitForWork(t, h, id, invocations)
		moment := time.After(more)
		<-moment
		engine.Kill()
	}
	p.allow(p.records)
	_, handler := h.begin()
	engine := p.Run(p.Function("f", handler).On(p.ARN, keys...))
	rig.Within(t, 5*time.Minute, "every record is handled, but for those that fail", func() bool {
		put, bad := p.state(t)
		_, given, handled := h.counts(0)
		return put == p.records && given == p.records && handled == p.records-bad
	})
	_, bad := p.state(t)
	noticed := map[string]bool{}
	rig.Eventually(t, "there is a notice of each record that fails", func() bool {
		h.checkNotices(t, noticed, dlq.Take())
		return len(noticed) >= bad
	})
	engine.Stop()
	h.checkOrder(t, p.put)
	h.checkRepeats(t)
	h.checkTries(t)
	t.Logf("%d invocations by %d engines, notices of %d records", len(h.visits), h.engine, len(noticed))
}

func (p *producer) allow(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = n
}

// state returns how many records were put, and how many of them always fail.
func (p *producer) state(t *testing.T) (put, bad int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		t.Fatalf("producing: %v", p.failed)
	}
	for _, text := range p.put {
		if fails(text) {
			bad++
		}
	}
	return len(p.put), bad
}

// waitForWork waits until an engine has made that many invocations, or there is nothing left to do.
func (p *producer) waitForWork(t *testing.T, h *history, engine, invocations int) {
	t.Helper()
	rig.Eventually(t, "the engine has enough to do, or nothing", func() bool {
		put, _ := p.state(t)
		p.mu.Lock()
		allowed := p.allowed
		p.mu.Unlock()
		made, given, _ := h.counts(engine)
		return made >= invocations || put >= allowed && given == put
	})
}

// produce puts what is allowed, and changes the shards now and then.
func (p *producer) produce(ctx context.Context, dice *rand.Rand) {
	counts := map[string]int{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for chunk := 1; ; {
		p.mu.Lock()
		room, done := min(p.allowed, p.records)-len(p.put), len(p.put) == p.records
		p.mu.Unlock()
		if done {
			return
		}
		if room <= 0 {
			select {
			case <-tick.C:
				continue
			case <-ctx.Done():
				return
			}
		}
		texts, entries := someRecords(dice, counts, min(room, p.chunk), 700)
		err := p.PutEntries(entries)
		if chunk%8 == 0 && err == nil {
			err = reshard(ctx, p.Stream, dice)
		}
		chunk++
		p.mu.Lock()
		p.put = append(p.put, texts...)
		p.failed = err
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// someRecords makes the next n records of random keys. One in failing of them always fails; 0 is none.
func someRecords(dice *rand.Rand, counts map[string]int, n, failing int) (texts []string, entries []types.PutRecordsRequestEntry) {
	for range n {
		key := fmt.Sprint("k", dice.IntN(40))
		text := fmt.Sprint(key, "/", counts[key])
		counts[key]++
		if failing > 0 && dice.IntN(failing) == 0 {
			text += "!"
		}
		texts = append(texts, text)
		entries = append(entries, types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: &key})
	}
	return texts, entries
}

// reshard splits a shard, merges two, or scales the whole stream, so that it has one to six of them.
func reshard(ctx context.Context, s *rig.Stream, dice *rand.Rand) error {
	open, err := s.OpenShards(ctx)
	if err != nil {
		return err
	}
	n := dice.IntN(len(open))
	switch how := dice.IntN(3); {
	case how == 0 && len(open) < 6:
		err = s.Split(ctx, open[n])
	case how == 1 && n+1 < len(open):
		_, err = s.Kinesis.MergeShards(ctx, &kinesis.MergeShardsInput{
			StreamName: &s.Name, ShardToMerge: open[n].ShardId, AdjacentShardToMerge: open[n+1].ShardId,
		})
	default:
		least, most := (len(open)+1)/2, min(6, 2*len(open))
		err = s.Scale(ctx, least+dice.IntN(most-least+1))
	}
	return errors.Join(err, s.WaitActive(ctx))
}

// checkNotices notes the records of notices, and checks that each is of one record that always fails, after two tries.
func (h *history) checkNotices(t *testing.T, noticed map[string]bool, texts []string) {
	t.Helper()
	for _, text := range texts {
		var n struct {
			RequestContext struct {
				Condition              string
				ApproximateInvokeCount int
			}
			KinesisBatchInfo struct {
				StartSequenceNumber string
				BatchSize           int
			}
		}
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			t.Fatalf("the notice %s: %v", text, err)
		}
		record := h.text(n.KinesisBatchInfo.StartSequenceNumber)
		if !fails(record) || n.KinesisBatchInfo.BatchSize != 1 || n.RequestContext.ApproximateInvokeCount != 2 || n.RequestContext.Condition != "RetryAttemptsExhausted" {
			t.Errorf("the notice %s is of %q", text, record)
		}
		noticed[record] = true
	}
}
