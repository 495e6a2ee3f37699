package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// TestStreamsLoseNothing runs many random lives of a stream: shards are split and merged while records flow, the engine
// is killed at random, reads and saves fail undone and done, the handler fails in every way. In the end every record was
// handled, each key's in order once repeats are taken out, and everything is settled.
func TestStreamsLoseNothing(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) { streamLife(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func streamLife(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 11))
	clears := time.Now().Add(20 * time.Minute)
	report := dice.IntN(2) == 0
	h := &moody{dice: rand.New(rand.NewPCG(seed, 12)), clears: clears, report: report, good: map[string]bool{}}
	r := flow(t, sourcetest.StreamConfig{
		Shards: 1 + dice.IntN(3), EmptyEvery: []int{0, 2, 5}[dice.IntN(3)], Lag: time.Duration(dice.IntN(3)) * time.Second,
		ReadFaults: sourcetest.OnEach(badCalls(seed, clears)),
	}, h.handle)
	r.feed.Report, r.feed.Lanes = report, 1+dice.IntN(4)
	r.feed.Rules = policy.Stream{MaxRetries: -1, Bisect: dice.IntN(2) == 0}
	r.feed.Batching = policy.Batching{Size: 1 + dice.IntN(20), Window: time.Duration(dice.IntN(3)) * time.Second}
	var put []string
	for range 12 {
		r.store.SaveFaults = func(call int) checkpointtest.Fault {
			f := badCalls(seed+1, clears)(call)
			return checkpointtest.Fault{Err: f.Err, Done: f.Done}
		}
		r.start()
		for range dice.IntN(60) {
			text := fmt.Sprint(len(put))
			put = append(put, text)
			r.stream.Put(fmt.Sprintf("key-%d", dice.IntN(9)), text)
		}
		reshard(dice, r.stream)
		r.wait(time.Duration(dice.IntN(90_000)) * time.Millisecond)
		r.crash()
	}
	r.start()
	r.wait(time.Until(clears) + 2*time.Hour)
	r.close()
	checkOrderOf(t, r, put, h.good)
	all, _ := r.store.All(t.Context(), "m")
	for _, shard := range r.stream.Shards() {
		recs := r.stream.Records(shard)
		if cp := all[shard]; len(recs) > 0 && cp.Position != recs[len(recs)-1].Receipt && (cp.Version != 0) {
			t.Errorf("shard %s is settled up to %q, and its last record is %s", shard, cp.Position, recs[len(recs)-1].Receipt)
		}
		if cp := all[shard]; len(cp.Owed) > 0 {
			t.Errorf("shard %s owes %v", shard, cp.Owed)
		}
	}
}

// reshard splits, merges or rolls a shard, or leaves them alone.
func reshard(dice *rand.Rand, s *sourcetest.Stream) {
	shards := s.Shards()
	one, other := shards[dice.IntN(len(shards))], shards[dice.IntN(len(shards))]
	switch dice.IntN(5) {
	case 0:
		s.Split(one)
	case 1:
		s.Roll(one)
	case 2:
		if one != other {
			s.Merge(one, other)
		}
	}
}

func badCalls(seed uint64, clears time.Time) sourcetest.Faults {
	lost := errors.New("bad weather")
	return func(call int) sourcetest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		switch p := dice.Float64(); {
		case time.Now().After(clears) || p > .2:
			return sourcetest.Fault{}
		case p < .1:
			return sourcetest.Done(lost)
		default:
			return sourcetest.Undone(lost)
		}
	}
}

// moody is a handler that fails in every way until the weather clears.
type moody struct {
	clears time.Time
	report bool

	mu   sync.Mutex
	dice *rand.Rand
	good map[string]bool // the texts of records that were handled
}

func (m *moody) handle(e event) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.dice.Float64()
	switch {
	case time.Now().After(m.clears) || p < .5:
		m.note(e, len(e.Records))
		return "", nil
	case p < .65:
		return "", faultError("Unhandled")
	case p < .75:
		return "", esm.ErrThrottled
	case p < .8:
		return "", errors.New("connection lost")
	case m.report:
		n := m.dice.IntN(len(e.Records))
		m.note(e, n)
		return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, e.Records[n].Kinesis.SequenceNumber), nil
	default:
		return "", faultError("Sandbox.Timedout")
	}
}

func (m *moody) note(e event, n int) {
	for _, text := range e.texts()[:n] {
		m.good[text] = true
	}
}

// checkOrderOf checks that every record was handled well, and that each key's were first seen in order.
func checkOrderOf(t *testing.T, r *river, put []string, good map[string]bool) {
	t.Helper()
	for _, text := range put {
		if !good[text] {
			t.Errorf("record %s was never handled", text)
		}
	}
	checkOrder(t, r, put)
}
