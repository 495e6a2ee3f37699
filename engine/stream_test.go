package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// river is a StreamFeed at work inside a bubble.
type river struct {
	*testing.T
	stream *sourcetest.Stream
	store  *checkpointtest.Memory
	fn     *function
	feed   *StreamFeed

	mu      sync.Mutex
	events  []trace.Event
	notices []esm.Notice

	stop, kill context.CancelFunc
	ended      chan struct{}
}

// flow prepares a feed of the oldest records in batches of 10; a test may alter it before it starts.
func flow(t *testing.T, stream sourcetest.StreamConfig, handler func(event) (string, error)) *river {
	t.Helper()
	r := &river{T: t, stream: sourcetest.NewStream(stream), store: &checkpointtest.Memory{}, fn: &function{handler: handler}}
	r.feed = &StreamFeed{
		Mapping: "m", Function: "f", Stream: r.stream, Checkpoints: r.store, Invoker: r.fn, Destination: r,
		Shards: policy.Shards{Start: policy.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
		Trace: func(e trace.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	return r
}

// Send makes the river its own destination.
func (r *river) Send(_ context.Context, n esm.Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, n)
	return nil
}

func (r *river) start() {
	ctx, stop := context.WithCancel(context.Background())
	work, kill := context.WithCancel(context.Background())
	r.stop, r.kill, r.ended = stop, kill, make(chan struct{})
	ended := r.ended
	go func() {
		defer close(ended)
		r.feed.Run(ctx, work)
	}()
}

func (r *river) close() {
	r.Helper()
	r.stop()
	<-r.ended
	r.kill()
	if held := r.fn.held(); held != 0 {
		r.Errorf("%d permits are held after the end", held)
	}
}

// crash ends everything at once and loses what is not durable.
func (r *river) crash() {
	r.stop()
	r.kill()
	<-r.ended
	r.store = r.store.Reopen()
	r.feed.Checkpoints = r.store
}

func (r *river) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// put puts n records called 1, 2 and so on.
func (r *river) put(n int) {
	for i := range n {
		r.stream.Put("key", fmt.Sprint(i+1))
	}
}

// texts are the data of an event's records.
func (e event) texts() (texts []string) {
	for _, rec := range e.Records {
		data, _ := base64.StdEncoding.DecodeString(rec.Kinesis.Data)
		texts = append(texts, string(data))
	}
	return texts
}

// story writes each invocation as the range of its records, as in "1-10", and "×3" for repeats.
func story(calls []event) (lines []string) {
	for _, c := range calls {
		texts := c.texts()
		line := texts[0]
		if len(texts) > 1 {
			line += "-" + texts[len(texts)-1]
		}
		lines = append(lines, line)
	}
	return lines
}

// poison fails whenever these records are in the event: by an exception, or by a report of the first of them.
func poison(report bool, bad ...string) func(event) (string, error) {
	return func(e event) (string, error) {
		for i, text := range e.texts() {
			if !slices.Contains(bad, text) {
				continue
			}
			if report {
				return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, e.Records[i].Kinesis.SequenceNumber), nil
			}
			return "", faultError("Unhandled")
		}
		return "", nil
	}
}

func TestRecordsAreHandledInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.put(25)
		r.start()
		r.wait(5 * time.Second)
		if got, want := story(r.fn.seen()), []string{"1-10", "11-20", "21-25"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		r.close()
	})
}

// What ten records become of which the sixth always fails, under each combination of settings.
func TestWorkedExamples(t *testing.T) {
	tests := []struct {
		bisect, report bool
		retries        int
		calls          string
		dropped        string // size and tries
	}{
		{false, false, 0, "1-10", "10×1"},
		{false, false, 2, "1-10 1-10 1-10", "10×3"},
		{false, true, 0, "1-10 6-10", "5×1"},
		{false, true, 2, "1-10 6-10 6-10 6-10", "5×3"},
		{true, false, 0, "1-10 1-5 6-10 6-7 6 7 8-10", "1×1"},
		{true, false, 2, "1-10 1-5 6-10 6-7 6 6 6 7 8-10", "1×3"},
		{true, true, 0, "1-10 6-10 6-7 6 7 8-10", "1×1"},
		{true, true, 2, "1-10 6-10 6-7 6 6 6 7 8-10", "1×3"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("bisect %v report %v retries %d", test.bisect, test.report, test.retries), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := flow(t, sourcetest.StreamConfig{}, poison(test.report, "6"))
				r.feed.Report = test.report
				r.feed.Rules = policy.Stream{MaxRetries: test.retries, Bisect: test.bisect}
				r.put(10)
				r.start()
				r.wait(time.Minute)
				r.close()
				if got := strings.Join(story(r.fn.seen()), " "); got != test.calls {
					t.Errorf("invocations %s, want %s", got, test.calls)
				}
				if len(r.notices) != 1 || fmt.Sprintf("%d×%d", r.notices[0].Stream.Size, r.notices[0].Invokes) != test.dropped {
					t.Errorf("notices %+v, want one of %s", r.notices, test.dropped)
				}
				all, _ := r.store.All(t.Context(), "m")
				if recs := r.stream.Records(r.stream.Shards()[0]); all[r.stream.Shards()[0]].Position != recs[9].Receipt {
					t.Errorf("position %v, want the last record", all)
				}
			})
		})
	}
}

func TestAPoisonRecordBlocksItsOwnShardAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{Shards: 3}, poison(false, "bad"))
		shards := r.stream.Shards()
		r.stream.PutTo(shards[1], "k", "bad")
		for i := range 30 {
			r.stream.PutTo(shards[i%3], "k", fmt.Sprint(i))
		}
		r.start()
		r.wait(time.Hour)
		all, _ := r.store.All(t.Context(), "m")
		for i, shard := range shards {
			recs := r.stream.Records(shard)
			if settled := all[shard].Position == recs[len(recs)-1].Receipt; settled != (i != 1) {
				t.Errorf("shard %d is settled: %v", i, settled)
			}
		}
		r.close()
	})
}

func TestTriesGoOnCountingAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "3"))
		r.feed.Rules = policy.Stream{MaxRetries: 8}
		r.feed.Batching.Size = 3
		r.put(9)
		for range 12 { // a crash loop
			r.start()
			r.wait(1500 * time.Millisecond)
			r.crash()
		}
		r.start()
		r.wait(10 * time.Minute)
		r.close()
		bad := 0
		ids := map[string]bool{}
		for _, c := range r.fn.seen() {
			if slices.Contains(c.texts(), "3") {
				bad++
				ids[c.ID] = true
			}
		}
		if bad < 9 || bad > 9+13 { // each crash may cost the count of the try that was under way
			t.Errorf("the poison batch was tried %d times, want about 9", bad)
		}
		if len(r.notices) == 0 || r.notices[0].Invokes != 9 {
			t.Errorf("notices %+v, want one after 9 tries", r.notices)
		}
		if last := r.fn.seen()[len(r.fn.seen())-1].texts(); last[len(last)-1] != "9" {
			t.Errorf("the last invocation had %v", last)
		}
	})
}

func TestChildrenComeAfterTheirParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{Shards: 2}, takes(100*time.Millisecond))
		var put []string
		write := func(n int) {
			for range n {
				text := fmt.Sprint(len(put))
				put = append(put, text)
				r.stream.Put("key-"+fmt.Sprint(len(put)%7), text)
			}
		}
		write(200)
		r.start()
		r.wait(3 * time.Second)
		left, _ := r.stream.Split(r.stream.Shards()[0])
		write(200)
		r.wait(3 * time.Second)
		r.stream.Merge(left, r.stream.Shards()[1])
		write(200)
		r.wait(10 * time.Minute)
		r.close()
		checkOrder(t, r, put)
	})
}

// Hundreds of shards that are closed already are read one generation after the other, and the stream is not listed for each.
func TestClosedShardsShareListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		var put []string
		last := r.stream.Shards()[0]
		for range 300 {
			put = append(put, fmt.Sprint(len(put)))
			r.stream.Put("key", put[len(put)-1])
			last = r.stream.Roll(last)
		}
		began := time.Now()
		r.start()
		for len(r.fn.seen()) < len(put) && time.Since(began) < time.Hour {
			r.wait(time.Second)
		}
		took, lists := time.Since(began), r.stream.Lists()
		r.close()
		checkOrder(t, r, put)
		if most := 2 + int(took/relistAfter); lists > most {
			t.Errorf("listed %d times in %s, want at most %d times", lists, took, most)
		}
		t.Logf("%d listings in %s", lists, took)
	})
}

// checkOrder checks that every record was handled, and each key's in order once repeats are taken out.
func checkOrder(t *testing.T, r *river, put []string) {
	t.Helper()
	seen := map[string]bool{}
	last := map[string]string{}
	for _, c := range r.fn.seen() {
		for i, text := range c.texts() {
			if seen[text] {
				continue
			}
			seen[text] = true
			key, seq := c.Records[i].Kinesis.PartitionKey, c.Records[i].Kinesis.SequenceNumber
			if last[key] != "" && policy.Compare(last[key], seq) > 0 {
				t.Errorf("key %s: %s was handled after %s", key, seq, last[key])
			}
			last[key] = seq
		}
	}
	if len(seen) != len(put) {
		t.Errorf("%d of %d records were handled", len(seen), len(put))
	}
}

func TestLatestIsPinnedWhenFirstSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.feed.Shards = policy.Shards{Start: policy.Latest}
		r.put(5)
		r.wait(time.Minute)
		r.start()
		r.wait(time.Second)
		r.crash()
		r.stream.Put("key", "while it was down")
		r.wait(time.Hour)
		r.start()
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"while it was down"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
	})
}

func TestLanesGoOnBesideAFailingOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "bad"))
		r.feed.Lanes = 10
		r.stream.Put("a", "bad")
		for i := range 500 {
			r.stream.Put(fmt.Sprintf("key-%d", i%40), fmt.Sprint(i))
		}
		r.start()
		r.wait(time.Minute)
		handled := map[string]bool{}
		for _, c := range r.fn.seen() {
			for _, text := range c.texts() {
				handled[text] = true
			}
		}
		stuck := policy.Lane("a", 10)
		for i := range 500 {
			if lane := policy.Lane(fmt.Sprintf("key-%d", i%40), 10); lane != stuck && !handled[fmt.Sprint(i)] {
				t.Errorf("record %d of lane %d waits for lane %d", i, lane, stuck)
				break
			}
		}
		all, _ := r.store.All(t.Context(), "m")
		if cp := all[r.stream.Shards()[0]]; cp.Position != "" || len(cp.Owed) == 0 {
			t.Errorf("checkpoint %+v: the position passes an owed record", cp)
		}
		r.close()
	})
}

// What one read brings reaches the lanes that are free, also those behind one in trouble.
func TestALaneInTroubleHoldsBackNoPartOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lanes = 4
		keys := make([]string, lanes)
		for i := 0; slices.Contains(keys, ""); i++ {
			key := fmt.Sprint("key-", i)
			keys[policy.Lane(key, lanes)] = key
		}
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "bad"))
		r.feed.Lanes, r.feed.Batching.Size = lanes, 1
		r.start()
		for range 2 { // one is in hand, and one waits
			r.stream.Put(keys[0], "bad")
			r.wait(5 * time.Second)
		}
		for _, key := range keys { // all with one read
			r.stream.Put(key, "good "+key)
		}
		r.stream.Put(keys[0], "bad")
		r.wait(time.Minute)
		handled := story(r.fn.seen())
		for _, key := range keys[1:] {
			if !slices.Contains(handled, "good "+key) {
				t.Errorf("the record of %s waits for %s: %q", key, keys[0], handled)
			}
		}
		r.close()
	})
}

func TestThrottlesCostNoRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) {
			if n++; n < 20 {
				return "", esm.ErrThrottled
			}
			return "null", nil
		})
		r.feed.Rules = policy.Stream{MaxRetries: 0}
		r.put(3)
		r.start()
		r.wait(time.Hour)
		r.close()
		if len(r.notices) != 0 || n != 20 {
			t.Errorf("%d notices after %d tries", len(r.notices), n)
		}
	})
}

func TestRecordsGrowTooOldWhileNoPermitIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.feed.Rules = policy.Stream{MaxRetries: -1, MaxAge: time.Minute}
		r.fn.permits = 1
		slot, err := r.fn.Reserve(t.Context(), "f") // and never given back
		if err != nil {
			t.Fatal(err)
		}
		r.put(2)
		r.start()
		r.wait(59 * time.Second)
		if dropped := toldBy[trace.Dropped](r); len(dropped) != 0 {
			t.Errorf("dropped too early: %+v", dropped)
		}
		r.wait(2 * time.Second)
		if dropped := toldBy[trace.Dropped](r); len(dropped) != 1 {
			t.Errorf("dropped %+v", dropped)
		}
		slot.Release()
		r.close()
		if len(r.notices) != 1 || r.notices[0].Condition != esm.RecordAgeExceeded || r.notices[0].Stream.Size != 2 || r.notices[0].Invokes != 1 {
			t.Errorf("notices %+v", r.notices)
		}
	})
}

func TestAStreamMadeAnewIsReadFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		r.put(3)
		r.start()
		r.wait(time.Minute)
		r.stream.Recreate()
		r.put(2)
		r.wait(5 * time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-2"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		lost := false
		for _, e := range toldBy[trace.Reading](r) {
			lost = lost || e.Lost != nil
		}
		if !lost {
			t.Error("nothing tells that the stream was made anew")
		}
	})
}

// A position that is none of the shard's, in the same stream, is what an emulator leaves that came back with less than it
// had.
func TestAForeignPositionBeginsTheShardAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{Shards: 2}, succeed)
		r.put(3)
		r.start()
		r.wait(time.Minute)
		r.close()
		kept, _ := r.store.All(t.Context(), "m")
		var astray string
		for id, cp := range kept {
			if id != "" && cp.Position != "" {
				astray, cp.Position = id, "99999999999999999999999999999999"
				if _, err := r.store.Save(t.Context(), esm.Key{Mapping: "m", Shard: id}, cp); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.start()
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		told := slices.ContainsFunc(toldBy[trace.Reading](r), func(e trace.Reading) bool {
			return e.Shard == astray && errors.Is(e.Lost, esm.ErrForeign)
		})
		if !told {
			t.Error("nothing tells that the position was not one of the shard")
		}
		if failing := toldBy[trace.Failing](r); len(failing) > 0 { // other shards are read on meanwhile
			t.Errorf("told of failures: %v", failing)
		}
	})
}

func TestShardsAreReadWhileListingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("slow down")
		r := flow(t, sourcetest.StreamConfig{ListFaults: func(call int) sourcetest.Fault {
			if call > 1 && call < 10 {
				return sourcetest.Undone(down)
			}
			return sourcetest.Fault{}
		}}, succeed)
		r.put(1)
		r.start()
		r.wait(auditEvery + 2*time.Second)
		r.put(1)
		r.wait(2 * time.Second)
		if got := r.stream.Lists(); got < 3 {
			t.Fatalf("listed %d times", got)
		}
		if calls, opens := len(r.fn.seen()), r.stream.Opens(r.stream.Shards()[0]); calls != 2 || opens != 1 {
			t.Errorf("%d invocations and %d readers while listing fails", calls, opens)
		}
		r.close()
		if failing := toldBy[trace.Failing](r); len(failing) == 0 || !errors.Is(failing[0].Err, down) {
			t.Errorf("told %v", failing)
		}
	})
}

func TestAStreamIsToldAsListedAlsoWhenNothingOfItIsRead(t *testing.T) {
	for start, want := range map[string]trace.Listed{
		policy.TrimHorizon: {Mapping: "m", Shards: 2, Reading: 2},
		policy.Latest:      {Mapping: "m", Shards: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := flow(t, sourcetest.StreamConfig{Shards: 2}, succeed)
			r.feed.Shards.Start = start
			for _, id := range r.stream.Shards() {
				r.stream.Close(id)
			}
			r.start()
			r.wait(time.Second)
			r.close()
			if got := toldBy[trace.Listed](r); len(got) == 0 || got[0] != want {
				t.Errorf("%s: told %v, want %v first", start, got, want)
			}
		})
	}
}

func toldBy[E trace.Event](r *river) (all []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

func TestFaultsOfStreamAndStoreLoseNothing(t *testing.T) {
	lost := errors.New("connection reset")
	some := func(f func(error) sourcetest.Fault) sourcetest.Faults {
		return func(call int) sourcetest.Fault {
			if call%3 == 1 && call < 60 {
				return f(lost)
			}
			return sourcetest.Fault{}
		}
	}
	for name, fault := range map[string]func(error) sourcetest.Fault{"undone": sourcetest.Undone, "done": sourcetest.Done} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := flow(t, sourcetest.StreamConfig{Shards: 2, ReadFaults: sourcetest.OnEach(some(fault)), OpenFaults: sourcetest.OnEach(some(fault))}, succeed)
				r.store.SaveFaults = func(call int) checkpointtest.Fault {
					f := some(fault)(call)
					return checkpointtest.Fault{Err: f.Err, Done: f.Done}
				}
				var put []string
				for i := range 100 {
					put = append(put, fmt.Sprint(i))
					r.stream.Put(fmt.Sprintf("key-%d", i%5), fmt.Sprint(i))
				}
				r.start()
				r.wait(30 * time.Minute)
				r.close()
				checkOrder(t, r, put)
			})
		})
	}
}

// While nothing can be saved the shard stands still, and the function is not asked again for what it has done.
func TestAFullDiskRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, succeed)
		var full atomic.Bool
		full.Store(true)
		r.store.SaveFaults = func(call int) checkpointtest.Fault {
			if full.Load() && call > 1 { // the mapping itself was saved before
				return checkpointtest.Fault{Err: errors.New("no space left on device")}
			}
			return checkpointtest.Fault{}
		}
		r.put(3)
		r.start()
		r.wait(10 * time.Minute)
		full.Store(false)
		r.wait(time.Minute)
		r.put(2)
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-2"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		if told := len(toldBy[trace.Failing](r)); told < 10 {
			t.Errorf("the trouble was told %d times", told)
		}
	})
}

// A read that fails once does not keep the other lanes waiting for one that is in trouble.
func TestAFailingReadDoesNotJoinTheLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		fault := func(int) sourcetest.Fault {
			if broken.CompareAndSwap(true, false) {
				return sourcetest.Undone(errors.New("connection reset"))
			}
			return sourcetest.Fault{}
		}
		r := flow(t, sourcetest.StreamConfig{ReadFaults: sourcetest.OnEach(fault)}, poison(false, "bad"))
		r.feed.Lanes = 10
		r.stream.Put("key", "bad")
		r.start()
		r.wait(time.Minute)
		broken.Store(true)
		r.wait(time.Minute)
		for i := range 20 {
			r.stream.Put(fmt.Sprint("other-", i), "good")
		}
		r.wait(time.Minute)
		good := 0
		for _, c := range r.fn.seen() {
			if !slices.Contains(c.texts(), "bad") {
				good += len(c.Records)
			}
		}
		if good < 15 { // some share the lane of the poison
			t.Errorf("%d records were handled beside the poison", good)
		}
		r.close()
	})
}
