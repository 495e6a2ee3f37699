package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// TestStreamsKeepTheirRules runs many random lives of a mapping with every combination of its members. The engine is
// stopped, or killed while the function runs, while a checkpoint is saved and while a notice is sent; limits, bisecting
// and filters change in between; some records always fail. What must hold of each life is in wildchecks_test.go.
func TestStreamsKeepTheirRules(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) { wildLife(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// wild is a river in bad weather, which clears in the end. It is its handler and its destination.
type wild struct {
	*river
	clears  time.Time
	retries int  // the most that there ever were
	killed  bool // the engine is, now and then

	mu     sync.Mutex
	dice   *rand.Rand // of what happens during a call
	put    map[string]written
	calls  []tried
	finals map[string][]string // the records in the state of each final invocation, by the window's start
}

// written is a record, and what it is in order with: others of its key in its shard, and those of its key in its shard's
// ancestors unless an aggregate has brought it there.
type written struct {
	esm.Record
	with []string
}

// tried is one invocation.
type tried struct {
	id     string
	texts  []string
	at     time.Time
	good   int // so many of its first records were handled
	failed bool
}

func wildLife(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 21))
	w := &wild{
		clears: time.Now().Add(30 * time.Minute), killed: seed%3 != 0,
		dice: rand.New(rand.NewPCG(seed, 22)), put: map[string]written{}, finals: map[string][]string{},
	}
	w.river = flow(t, sourcetest.StreamConfig{Shards: 1 + dice.IntN(2), EmptyEvery: []int{0, 2, 5}[dice.IntN(3)]}, w.handle)
	w.setUp(dice)
	for life := range uint64(15) {
		w.change(dice)
		w.store.SaveFaults = w.deadly(seed + life)
		w.start()
		for range dice.IntN(30) {
			w.write(dice)
			time.Sleep(time.Duration(dice.IntN(300)) * time.Millisecond)
		}
		reshard(dice, w.stream)
		w.wait(time.Duration(dice.IntN(60_000)) * time.Millisecond)
		if w.killed && dice.IntN(2) == 0 {
			w.kill()
		}
		w.crash() // which is a clean stop where nothing is in hand any more
	}
	w.store.SaveFaults = nil
	w.wait(time.Until(w.clears))
	w.start()
	w.wait(3 * time.Hour)
	w.close()
	w.check()
	if t.Failed() {
		f := w.feed
		t.Logf("killed %v, windows %v, lanes %d, reports %v, rules %+v, batching %+v", w.killed, f.Tumbling.Length, f.Lanes, f.Report, f.Rules, f.Batching)
	}
}

// setUp makes a mapping of any kind.
func (w *wild) setUp(dice *rand.Rand) {
	f := w.feed
	f.Destination, f.Report, w.fn.permits = w, dice.IntN(2) == 0, dice.IntN(3)
	f.Batching = policy.Batching{Size: 1 + dice.IntN(20), Window: 5 * time.Second * time.Duration(dice.IntN(3))}
	if dice.IntN(3) == 0 {
		f.Rules.MaxAge = time.Duration(60+dice.IntN(200)) * time.Second
	}
	switch dice.IntN(4) {
	case 0:
		f.Tumbling.Length = time.Duration(10+dice.IntN(100)) * time.Second
	case 1:
		f.Lanes = 1 + dice.IntN(10)
		f.Batching.MaxBytes = 700 + dice.IntN(3000)
	case 2:
		f.Lanes = 10
	}
}

// change sets what may change from one life to the next.
func (w *wild) change(dice *rand.Rand) {
	w.feed.Rules.MaxRetries, w.feed.Rules.Bisect = dice.IntN(6), dice.IntN(2) == 0
	w.retries = max(w.retries, w.feed.Rules.MaxRetries)
	w.feed.Filter = nil
	if n := dice.IntN(4); n > 0 && w.feed.Tumbling.Length == 0 {
		var err error
		w.feed.Filter, err = filter.Compile([]string{fmt.Sprintf(`{"partitionKey":[{"anything-but":["key-%d"]}]}`, n)}, "partitionKey")
		if err != nil {
			w.Fatal(err)
		}
	}
}

// write puts a record, or some that came out of an aggregate and share its number.
func (w *wild) write(dice *rand.Rand) {
	shard := ""
	for i := range max(1, dice.IntN(9)-4) {
		w.mu.Lock()
		text := fmt.Sprint(len(w.put))
		w.mu.Unlock()
		rec := esm.Record{Group: fmt.Sprintf("key-%d", dice.IntN(9)), Arrived: time.Now()}
		if i == 0 {
			shard, rec.ID = w.stream.Put(rec.Group, text)
			rec.Receipt = rec.ID
		} else {
			whole := w.stream.Records(shard)
			rec.ID = whole[len(whole)-1].ID
			rec.Receipt = fmt.Sprintf("%s/%d", rec.ID, i)
			rec.Event = json.RawMessage(fmt.Sprintf(`{"kinesis":{"sequenceNumber":%q,"partitionKey":%q,"data":%q}}`, rec.ID, rec.Group, base64Of(text)))
			rec.View = json.RawMessage(fmt.Sprintf(`{"partitionKey":%q}`, rec.Group))
			w.stream.Add(shard, rec)
		}
		with := []string{shard + " " + rec.Group}
		if i == 0 {
			with = append(with, rec.Group)
		}
		w.mu.Lock()
		w.put[text] = written{rec, with}
		w.mu.Unlock()
	}
}

// deadly kills the engine in some saves, which are done or not.
func (w *wild) deadly(seed uint64) checkpointtest.Faults {
	return func(call int) checkpointtest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		if !w.killed || dice.Float64() > .03 {
			return checkpointtest.Fault{}
		}
		w.die()
		return checkpointtest.Fault{Err: errors.New("killed"), Done: dice.IntN(2) == 0}
	}
}

func (w *wild) die() {
	w.stop()
	w.kill()
}

// mayDie kills the engine now and then. The caller holds the lock.
func (w *wild) mayDie(chance float64) {
	if w.killed && time.Now().Before(w.clears) && w.dice.Float64() < chance {
		w.die()
	}
}

// Send takes a notice, mostly.
func (w *wild) Send(ctx context.Context, n esm.Notice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mayDie(.1)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if time.Now().Before(w.clears) && w.dice.Float64() < .2 {
		return errors.New("no space left on device")
	}
	w.notices = append(w.notices, n)
	w.mayDie(.1)
	return nil
}

// handle fails in every way until the weather clears, and always where a record is bad. Its state in a window is the
// records that it has handled.
func (w *wild) handle(e event) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mayDie(.04)
	texts := e.texts()
	call := tried{id: e.ID, texts: texts, at: time.Now()}
	defer func() { w.calls = append(w.calls, call) }()
	chance, n := w.dice.Float64(), slices.IndexFunc(texts, func(text string) bool { return strings.HasSuffix(text, "7") })
	if time.Now().After(w.clears) {
		chance = 1
	}
	switch {
	case chance < .1:
		return "", esm.ErrThrottled
	case chance < .15:
		return "", errors.New("connection lost")
	case chance < .25, n >= 0 && !w.feed.Report:
		call.failed = true
		return "", faultError("Unhandled")
	case chance < .35 && n < 0 && w.feed.Report && len(texts) > 0:
		n = w.dice.IntN(len(texts))
	}
	var list []string
	if call.good = len(texts); n >= 0 {
		number := e.Records[n].Kinesis.SequenceNumber
		list = append(list, fmt.Sprintf(`{"itemIdentifier":%q}`, number))
		for n > 0 && e.Records[n-1].Kinesis.SequenceNumber == number {
			n--
		}
		call.good, call.failed = n, n == 0
	}
	var state []string
	_ = json.Unmarshal(e.State, &state) // the first of a window is {}
	if e.Final {
		start := e.Window.Start.Format(time.RFC3339)
		w.finals[start] = append(w.finals[start], strings.Join(state, " "))
	}
	kept, _ := json.Marshal(append(state, texts[:call.good]...))
	return fmt.Sprintf(`{"state":%s,"batchItemFailures":[%s]}`, kept, strings.Join(list, ",")), nil
}
