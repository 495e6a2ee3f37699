package stream

import (
	"context"
	"encoding/base64"
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
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// TestStreamsKeepTheirRules runs random mappings with every combination of settings. Shards are split and merged; reads,
// saves and notices fail, done and undone; the handler fails in every way. The engine is stopped, or killed during
// invocations, saves and notices. Limits, bisecting and filters change between its lives; some records always fail. The
// rules are in propertychecks_test.go.
func TestStreamsKeepTheirRules(t *testing.T) {
	for seed := range uint64(16) {
		synctest.Test(t, func(t *testing.T) { newTrial(t, seed).run(seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var errLost = errors.New("connection lost")

// trial is a random mapping and its handler and destination. Until a moment calm, things go wrong.
type trial struct {
	*rig
	calm    time.Time
	retries int  // the highest limit so far
	kills   bool // the engine is killed from time to time
	faults  bool // calls fail

	mu     sync.Mutex
	dice   *rand.Rand // of what happens during calls
	put    map[string]written
	calls  []tried
	finals map[string][]string // the records in the state of each final invocation, by the window's start
}

// written is a record and the sequences that it must be in order with: its key in its shard and, unless an aggregate has
// brought it there, its key in the shard's ancestors.
type written struct {
	esm.Record
	with []string
}

// tried is one invocation.
type tried struct {
	id     string
	texts  []string
	at     time.Time
	good   int // the number of its first records that were handled
	failed bool
}

func newTrial(t *testing.T, seed uint64) *trial {
	dice := rand.New(rand.NewPCG(seed, 21))
	x := &trial{
		calm: time.Now().Add(30 * time.Minute), kills: seed%3 != 0, faults: seed%2 == 0,
		dice: rand.New(rand.NewPCG(seed, 22)), put: map[string]written{}, finals: map[string][]string{},
	}
	x.rig = newRig(t, sourcetest.StreamConfig{
		Shards: 1 + dice.IntN(2), EmptyEvery: []int{0, 2, 5}[dice.IntN(3)], Lag: time.Duration(dice.IntN(3)) * time.Second,
		ReadFaults: sourcetest.OnEach(x.badCalls(seed, .2)), OpenFaults: sourcetest.OnEach(x.badCalls(seed+1, .2)),
	}, x.handle)
	f := x.feed
	f.Destination, f.Report, x.Function.Permits = x, dice.IntN(2) == 0, dice.IntN(3)
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
	return x
}

func (x *trial) run(seed uint64) {
	defer x.Close()
	dice := rand.New(rand.NewPCG(seed, 23))
	for life := range uint64(15) {
		x.change(dice)
		x.store.SaveFaults = x.badSaves(seed + life)
		x.start()
		for range dice.IntN(30) {
			x.write(dice)
			time.Sleep(time.Duration(dice.IntN(300)) * time.Millisecond)
		}
		reshard(dice, x.stream)
		x.Wait(time.Duration(dice.IntN(60_000)) * time.Millisecond)
		if x.kills && dice.IntN(2) == 0 {
			x.Kill()
		}
		x.crash() // which is a clean stop if nothing is in hand
	}
	x.store.SaveFaults = nil
	x.Wait(time.Until(x.calm))
	x.runFor(3 * time.Hour)
	x.Close()
	x.check()
	if f := x.feed; x.Failed() {
		x.Logf("kills %v, windows %v, lanes %d, report %v, rules %+v, batching %+v", x.kills, f.Tumbling.Length, f.Lanes, f.Report, f.Rules, f.Batching)
	}
}

// change sets what may change from one life to the next.
func (x *trial) change(dice *rand.Rand) {
	x.feed.Rules.MaxRetries, x.feed.Rules.Bisect = dice.IntN(6), dice.IntN(2) == 0
	x.retries = max(x.retries, x.feed.Rules.MaxRetries)
	x.feed.Filter = nil
	if n := dice.IntN(4); n > 0 && x.feed.Tumbling.Length == 0 {
		var err error
		x.feed.Filter, err = filter.Compile([]string{fmt.Sprintf(`{"partitionKey":[{"anything-but":["key-%d"]}]}`, n)}, "")
		if err != nil {
			x.Fatal(err)
		}
	}
}

// write puts a record, or several that came out of an aggregate and share its number.
func (x *trial) write(dice *rand.Rand) {
	shard := ""
	for i := range max(1, dice.IntN(9)-4) {
		text := fmt.Sprint(len(x.put))
		rec := esm.Record{Group: fmt.Sprintf("key-%d", dice.IntN(9)), Arrived: time.Now()}
		if i == 0 {
			shard, rec.ID = x.stream.Put(rec.Group, text)
			rec.Receipt = rec.ID
		} else {
			whole := x.stream.Records(shard)
			rec.ID = whole[len(whole)-1].ID
			rec.Receipt = fmt.Sprintf("%s/%d", rec.ID, i)
			data := base64.StdEncoding.EncodeToString([]byte(text))
			rec.Event = json.RawMessage(fmt.Sprintf(`{"kinesis":{"sequenceNumber":%q,"partitionKey":%q,"data":%q}}`, rec.ID, rec.Group, data))
			rec.View = json.RawMessage(fmt.Sprintf(`{"partitionKey":%q}`, rec.Group))
			x.stream.Add(shard, rec)
		}
		with := []string{shard + " " + rec.Group}
		if i == 0 {
			with = append(with, rec.Group)
		}
		x.put[text] = written{rec, with}
	}
}

// reshard splits, merges or rolls a shard, or does nothing.
func reshard(dice *rand.Rand, s *sourcetest.Stream) {
	shards := s.Shards()
	a, b := shards[dice.IntN(len(shards))], shards[dice.IntN(len(shards))]
	switch dice.IntN(5) {
	case 0:
		s.Split(a)
	case 1:
		s.Roll(a)
	case 2:
		s.Merge(a, b)
	}
}

func (x *trial) isCalm() bool { return !time.Now().Before(x.calm) }

// badCalls fails calls with a probability.
func (x *trial) badCalls(seed uint64, probability float64) sourcetest.Faults {
	return func(call int) sourcetest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		if !x.faults || x.isCalm() || dice.Float64() > probability {
			return sourcetest.Fault{}
		}
		return sourcetest.Fault{Err: errLost, Done: dice.IntN(2) == 0}
	}
}

// badSaves fails some saves, and kills the engine in some.
func (x *trial) badSaves(seed uint64) checkpointtest.Faults {
	fails := x.badCalls(seed, .1)
	return func(call int) checkpointtest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		if f := fails(call); f.Err != nil && x.kills { // a save whose outcome is unknown repeats its batch, as a kill does
			return checkpointtest.Fault{Err: f.Err, Done: f.Done}
		}
		if !x.kills || dice.Float64() < .97 {
			return checkpointtest.Fault{}
		}
		x.Stop()
		x.Kill()
		return checkpointtest.Fault{Err: errLost, Done: dice.IntN(2) == 0}
	}
}

// mayDie kills the engine with a probability. The lock is held.
func (x *trial) mayDie(probability float64) {
	if x.kills && !x.isCalm() && x.dice.Float64() < probability {
		x.Stop()
		x.Kill()
	}
}

// Send accepts most notices.
func (x *trial) Send(ctx context.Context, n esm.Notice) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mayDie(.1)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !x.isCalm() && x.dice.Float64() < .2 {
		return errLost
	}
	x.notices = append(x.notices, n)
	x.mayDie(.1)
	return nil
}

// handle fails in every way until it is calm, and always if a record ends with a 7. The state of a window is the records
// that were handled.
func (x *trial) handle(e enginetest.Event) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mayDie(.04)
	texts := e.Texts()
	call := tried{id: e.ID, texts: texts, at: time.Now()}
	defer func() { x.calls = append(x.calls, call) }()
	chance, n := x.dice.Float64(), slices.IndexFunc(texts, func(text string) bool { return strings.HasSuffix(text, "7") })
	if x.isCalm() {
		chance = 1
	}
	switch {
	case chance < .1:
		return "", esm.ErrThrottled
	case chance < .15:
		return "", errLost
	case chance < .25, n >= 0 && !x.feed.Report:
		call.failed = true
		return enginetest.Throw(e)
	case chance < .35 && n < 0 && x.feed.Report && len(texts) > 0:
		n = x.dice.IntN(len(texts))
	}
	failures := enginetest.Failures()
	if call.good = len(texts); n >= 0 {
		failures = enginetest.Failures(e.Item(n))
		number := e.Item(n)
		for n > 0 && e.Item(n-1) == number { // of one aggregate
			n--
		}
		call.good, call.failed = n, n == 0
	}
	var state []string
	_ = json.Unmarshal(e.State, &state) // the first of a window is {}
	if e.Final {
		start := e.Window.Start.Format(time.RFC3339)
		x.finals[start] = append(x.finals[start], strings.Join(state, " "))
	}
	kept, _ := json.Marshal(append(state, texts[:call.good]...))
	return fmt.Sprintf(`{"state":%s,%s`, kept, failures[1:]), nil
}
