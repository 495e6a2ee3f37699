package localstack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A flood is many records that are put into a stream while its shards are split and merged, and engines that are killed
// one after the other.
type flood struct {
	*stream
	*chronicle
	records, kills int
	chunk          int // so many records are put at once
	reshardEvery   int // so many chunks

	mu      sync.Mutex
	put     []string
	allowed int // so many may be put by now
	failed  error
}

// TestKilledAtRandom splits and merges shards while records flow, and kills the engine at random all the while.
func TestKilledAtRandom(t *testing.T) {
	for _, lanes := range []int{1, 4} {
		t.Run(fmt.Sprint("parallelization factor ", lanes), func(t *testing.T) {
			overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
				f := &flood{chronicle: newChronicle(), records: 50_000, kills: 50, chunk: 250, reshardEvery: 8}
				if lanes > 1 {
					f.records, f.kills = 20_000, 20
				}
				if c.where.name != "embedded" {
					f.records, f.kills, f.chunk = 2500, 10, 50
				}
				f.stream = c.stream(fmt.Sprint("flood", lanes), 3)
				f.flow(lanes)
			})
		})
	}
}

func (f *flood) flow(lanes int) {
	seed := rand.Uint64()
	f.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	dlq, arn := f.queue("flood-dead", map[string]string{})
	keys := []string{
		"BatchSize: 100", "MaximumRetryAttempts: 1", "BisectBatchOnFunctionError: true", reporting, onFailure(arn),
		fmt.Sprint("ParallelizationFactor: ", lanes),
	}
	var producing sync.WaitGroup
	ctx, end := context.WithCancel(f.Context())
	defer producing.Wait()
	defer end()
	producing.Go(func() { f.produce(ctx, rand.New(rand.NewPCG(seed, 1))) })
	for kill := range f.kills {
		f.allow(f.records * (kill + 1) / (f.kills + 1))
		life, answer := f.begin()
		e := f.start(fileOf(f.follow("flooded", f.arn, answer, keys...)))
		f.killSometime(dice, e, life)
	}
	f.allow(f.records)
	_, answer := f.begin()
	e := f.run(fileOf(f.follow("flooded", f.arn, answer, keys...)))
	within(f.T, 5*time.Minute, "every record is handled, but for the poison", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.failed != nil {
			f.Fatalf("producing: %v", f.failed)
		}
		return f.visited() == f.records && f.handled() == f.records-f.poison()
	})
	producing.Wait()
	told := map[string]int{}
	eventually(f.T, "each poison is in a notice", func() bool {
		f.noteNotices(told, f.collect(dlq))
		return len(told) >= f.poison()
	})
	if code := e.stop(); code != 0 {
		f.Errorf("exit code %d", code)
	}
	f.check(f.T, f.put)
	f.Logf("%d invocations in %d lives, notices of %d poisoned records", len(f.visits), f.life, len(told))
}

func (f *flood) allow(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed = n
}

// killSometime kills an engine after a random number of invocations, or when there is nothing left to do, or while it
// starts.
func (f *flood) killSometime(dice *rand.Rand, e *engine, life int) {
	f.Helper()
	after, more := dice.IntN(16), time.Duration(dice.IntN(15_000))*time.Microsecond
	if after == 0 {
		more *= 30
	}
	eventually(f.T, "the engine has enough to do, or nothing", func() bool {
		f.mu.Lock()
		put, allowed, failed := len(f.put), f.allowed, f.failed
		f.mu.Unlock()
		if failed != nil {
			f.Fatalf("producing: %v", failed)
		}
		return f.invocations(life) >= after || put >= allowed && f.visited() == put
	})
	moment := time.NewTimer(more)
	<-moment.C
	e.kill()
}

// produce puts what is allowed, and reshards now and then.
func (f *flood) produce(ctx context.Context, dice *rand.Rand) {
	counts := map[string]int{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for chunk := 1; ; {
		f.mu.Lock()
		room := min(f.allowed, f.records) - len(f.put)
		done := len(f.put) == f.records
		f.mu.Unlock()
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
		texts, entries := someRecords(dice, counts, min(room, f.chunk), 700)
		err := f.send(entries)
		if err == nil && chunk%f.reshardEvery == 0 {
			err = f.reshard(ctx, dice)
		}
		chunk++
		f.mu.Lock()
		f.put = append(f.put, texts...)
		f.failed = err
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// someRecords makes the next n records of random keys, with a poison among so many; 0 is none.
func someRecords(dice *rand.Rand, counts map[string]int, n, poison int) (texts []string, entries []types.PutRecordsRequestEntry) {
	for range n {
		key := fmt.Sprint("k", dice.IntN(40))
		text := fmt.Sprint(key, "/", counts[key])
		counts[key]++
		if poison > 0 && dice.IntN(poison) == 0 {
			text += "!"
		}
		texts = append(texts, text)
		entries = append(entries, types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: &key})
	}
	return texts, entries
}

// reshard splits a shard, merges two, or scales the whole stream, so that it has one to six of them.
func (s *stream) reshard(ctx context.Context, dice *rand.Rand) error {
	open, err := s.open(ctx)
	if err != nil {
		return err
	}
	n := dice.IntN(len(open))
	switch how := dice.IntN(3); {
	case how == 0 && len(open) < 6:
		_, err = s.kinesis.SplitShard(ctx, &kinesis.SplitShardInput{
			StreamName: &s.name, ShardToSplit: open[n].ShardId, NewStartingHashKey: aws.String(middle(open[n].HashKeyRange)),
		})
	case how == 1 && n+1 < len(open):
		_, err = s.kinesis.MergeShards(ctx, &kinesis.MergeShardsInput{
			StreamName: &s.name, ShardToMerge: open[n].ShardId, AdjacentShardToMerge: open[n+1].ShardId,
		})
	default:
		least, most := (len(open)+1)/2, min(6, 2*len(open))
		err = s.scale(ctx, least+dice.IntN(most-least+1))
	}
	return errors.Join(err, s.settled(ctx))
}

// scale changes the number of shards.
func (s *stream) scale(ctx context.Context, shards int) error {
	_, err := s.kinesis.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{
		StreamName: &s.name, TargetShardCount: aws.Int32(int32(shards)), ScalingType: types.ScalingTypeUniformScaling,
	})
	return err
}

// all lists the shards that there are.
func (s *stream) all(ctx context.Context) (shards []types.Shard, err error) {
	for in := (&kinesis.ListShardsInput{StreamName: &s.name}); ; {
		page, err := s.kinesis.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, page.Shards...)
		if page.NextToken == nil {
			return shards, nil
		}
		in = &kinesis.ListShardsInput{NextToken: page.NextToken}
	}
}

// open lists the open shards in the order of their keys.
func (s *stream) open(ctx context.Context) (open []types.Shard, err error) {
	all, err := s.all(ctx)
	for _, sh := range all {
		if sh.SequenceNumberRange.EndingSequenceNumber == nil {
			open = append(open, sh)
		}
	}
	slices.SortFunc(open, func(a, b types.Shard) int {
		low, _ := hashes(a.HashKeyRange)
		other, _ := hashes(b.HashKeyRange)
		return low.Cmp(other)
	})
	return open, err
}

// settled waits until the stream may be changed again.
func (s *stream) settled(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := s.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.name})
		if err != nil || out.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// collect takes everything out of a queue of notices. What is in there twice comes twice.
func (h *house) collect(url string) (texts []string) {
	h.Helper()
	for h.count(url) > 0 {
		got, err := h.sqs.ReceiveMessage(h.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			h.Fatal(err)
		}
		for _, m := range got.Messages {
			texts = append(texts, *m.Body)
			if _, err := h.sqs.DeleteMessage(h.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				h.Fatal(err)
			}
		}
	}
	return texts
}

// noteNotices notes the records of notices, and checks that each is of one poison, after two tries.
func (f *flood) noteNotices(told map[string]int, texts []string) {
	f.Helper()
	for _, text := range texts {
		var n struct {
			RequestContext struct {
				Condition              string
				ApproximateInvokeCount int
			}
			KinesisBatchInfo struct {
				StartSequenceNumber, EndSequenceNumber string
				BatchSize                              int
			}
		}
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			f.Fatalf("the notice %s: %v", text, err)
		}
		batch, rec := n.KinesisBatchInfo, f.text(n.KinesisBatchInfo.StartSequenceNumber)
		if !poisoned(rec) || batch.BatchSize != 1 || batch.StartSequenceNumber != batch.EndSequenceNumber ||
			n.RequestContext.ApproximateInvokeCount != 2 || n.RequestContext.Condition != "RetryAttemptsExhausted" {
			f.Errorf("the notice %s is of %q", text, rec)
		}
		told[rec]++
	}
}

// poison is how many poisoned records were put.
func (f *flood) poison() (n int) {
	for _, text := range f.put {
		if poisoned(text) {
			n++
		}
	}
	return n
}

// middle is the hash key in the middle of a range.
func middle(keys *types.HashKeyRange) string {
	low, high := hashes(keys)
	return low.Add(low, high).Rsh(low, 1).String()
}

func hashes(keys *types.HashKeyRange) (low, high *big.Int) {
	low, _ = new(big.Int).SetString(*keys.StartingHashKey, 10)
	high, _ = new(big.Int).SetString(*keys.EndingHashKey, 10)
	return low, high
}
