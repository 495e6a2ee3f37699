package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/chaos"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// Without faults, wrappers pass the suites of their contracts.

func TestQueueSuite(t *testing.T) {
	for name, fifo := range map[string]bool{"standard": false, "FIFO": true} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunQueue(t, synctest.Test, func(*testing.T) sourcetest.Fixture {
				q := sourcetest.NewQueue(sourcetest.QueueConfig{Visibility: 5 * time.Second, FIFO: fifo})
				return sourcetest.Fixture{
					Queue: &chaos.Queue{Queue: q, Faults: &chaos.Injector{}}, Send: func(body, group string) { q.Send(body, group) },
					FIFO: fifo, Visibility: 5 * time.Second,
				}
			})
		})
	}
}

func TestStreamSuite(t *testing.T) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		s := sourcetest.NewStream(sourcetest.StreamConfig{})
		return sourcetest.StreamFixture{
			Stream: &chaos.Stream{Stream: s}, Put: func(key, data string) { s.Put(key, data) },
			Reshard: func(shard string) { s.Split(shard) }, Merge: func(a, b string) { s.Merge(a, b) },
			Trim:   func() { time.Sleep(time.Nanosecond); s.Trim(time.Now()) },
			Delete: s.Delete, Recreate: s.Recreate,
		}
	})
}

func TestStoreSuite(t *testing.T) {
	checkpointtest.Run(t, func(*testing.T) (esm.Store, func() esm.Store) {
		m := &checkpointtest.Memory{}
		wrap := func() esm.Store { return &chaos.Store{Store: m} }
		return wrap(), func() esm.Store { m = m.Reopen(); return wrap() }
	})
}

func TestEventsSuite(t *testing.T) {
	checkpointtest.RunEvents(t, func(*testing.T) (esm.Events, func() esm.Events) {
		m := &checkpointtest.MemoryEvents{}
		wrap := func() esm.Events { return &chaos.Events{Events: m} }
		return wrap(), func() esm.Events { m = m.Reopen(); return wrap() }
	})
}

// always returns an injector whose fault always strikes.
func always(f chaos.Fault) *chaos.Injector {
	return &chaos.Injector{Rates: chaos.Rates{f: 1}, Recorder: &chaos.Recorder{}}
}

// wantInjected fails the test unless err is the fault's, which was recorded.
func wantInjected(t *testing.T, i *chaos.Injector, err error) {
	t.Helper()
	if !errors.Is(err, chaos.ErrInjected) || len(i.Recorder.History().Injected) == 0 {
		t.Errorf("got %v and %d faults, want an injected one", err, len(i.Recorder.History().Injected))
	}
}

func TestQueueFaults(t *testing.T) {
	for _, c := range []struct {
		fault                   chaos.Fault
		receives                bool // the receive succeeds
		inFlight, left, deleted int  // after a receive, and after a delete of a message received before
	}{
		{chaos.SourceThrottles, false, 0, 0, 1},
		{chaos.SourceUndone, false, 0, 1, 0},
		{chaos.SourceDone, false, 1, 1, 1},
		{chaos.SourceSlow, true, 1, 0, 1},
		{chaos.SourceEmpty, true, 0, 0, 1},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := always(c.fault)
				inner := sourcetest.NewQueue(sourcetest.QueueConfig{})
				inner.Send("a", "")
				inner.Send("b", "")
				first, err := inner.Receive(t.Context(), 1, 0)
				if err != nil {
					t.Fatal(err)
				}
				q := &chaos.Queue{Queue: inner, Faults: faults}
				if _, err := q.Receive(t.Context(), 10, 2*time.Second); !c.receives {
					wantInjected(t, faults, err)
				} else if err != nil {
					t.Error(err)
				}
				if got := inner.InFlight() - 1; got != c.inFlight {
					t.Errorf("%d received, want %d", got, c.inFlight)
				}
				left, err := q.Delete(t.Context(), first)
				if len(left) != c.left || (err != nil) != (c.left > 0) || len(inner.Deleted()) != c.deleted {
					t.Errorf("%d left (%v) and %d deleted, want %d and %d", len(left), err, len(inner.Deleted()), c.left, c.deleted)
				}
			})
		})
	}
}

func TestQueueRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := always(chaos.SourceRepeats)
		inner := sourcetest.NewQueue(sourcetest.QueueConfig{})
		q := &chaos.Queue{Queue: inner, Faults: faults, Repeats: true}
		var got []string
		for _, body := range []string{"a", "b"} {
			inner.Send(body, "")
			recs, err := q.Receive(t.Context(), 10, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recs {
				got = append(got, r.ID[len(r.ID)-1:])
			}
		}
		if want := []string{"1", "2", "1"}; !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
	})
}

// A reader whose answer is lost returns the same records at the next read.
func TestReaderLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := sourcetest.NewStream(sourcetest.StreamConfig{})
		for i := range 50 {
			inner.Put("key", fmt.Sprint(i))
		}
		faults := &chaos.Injector{Rates: chaos.Everything(.3), Recorder: &chaos.Recorder{}}
		s := &chaos.Stream{Stream: inner, Faults: faults}
		shard := inner.Shards()[0]
		var r esm.Reader
		for r == nil {
			r, _ = s.Open(t.Context(), shard, esm.From{}) // errors are injected
		}
		defer r.Close()
		var got []esm.Record
		for len(got) < 50 {
			recs, err := r.Read(t.Context(), 7)
			if err != nil && !errors.Is(err, chaos.ErrInjected) {
				t.Fatal(err)
			}
			got = append(got, recs...)
		}
		for i, rec := range inner.Records(shard) {
			if got[i].ID != rec.ID {
				t.Fatalf("record %d is %s, want %s", i, got[i].ID, rec.ID)
			}
		}
	})
}

func TestStoreFaults(t *testing.T) {
	for _, c := range []struct {
		fault  chaos.Fault
		err    error // of the save
		stored bool
	}{
		{chaos.StoreUndone, chaos.ErrInjected, false},
		{chaos.StoreFull, chaos.ErrInjected, false},
		{chaos.StoreDone, chaos.ErrInjected, true},
		{chaos.StoreSlow, nil, true},
		{chaos.StoreConflicts, esm.ErrConflict, false},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &checkpointtest.Memory{}
				k := esm.Key{Mapping: "m", Shard: "s"}
				cp, err := inner.Save(t.Context(), k, esm.Checkpoint{Position: "1"})
				if err != nil {
					t.Fatal(err)
				}
				cp.Position = "2"
				faults := always(c.fault)
				_, err = (&chaos.Store{Store: inner, Faults: faults}).Save(t.Context(), k, cp)
				if !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				all, err := inner.All(t.Context(), "m")
				if err != nil || (all["s"].Position == "2") != c.stored {
					t.Errorf("stored %+v (%v), want the change: %t", all, err, c.stored)
				}
				if got := len(faults.Recorder.History().Positions); (got == 1) != c.stored {
					t.Errorf("%d positions recorded, want the stored one only", got)
				}
			})
		})
	}
}

// sink is a destination that accepts everything.
type sink struct{ taken int }

func (s *sink) Send(context.Context, esm.Notice) error { s.taken++; return nil }

func TestDestinationFaults(t *testing.T) {
	for _, c := range []struct {
		fault   chaos.Fault
		forGood bool
		taken   int
	}{
		{chaos.DestinationRefuses, true, 0}, {chaos.DestinationBusy, false, 0}, {chaos.DestinationTwice, false, 1},
	} {
		to, faults := &sink{}, always(c.fault)
		err := (&chaos.Destination{Destination: to, Faults: faults}).Send(t.Context(), esm.Notice{ID: "n", RequestID: "e"})
		wantInjected(t, faults, err)
		if got := len(faults.Recorder.History().Told); errors.Is(err, esm.ErrUndeliverable) != c.forGood || to.taken != c.taken || got != c.taken {
			t.Errorf("%s: %v, %d taken and %d recorded, want %d", c.fault, err, to.taken, got, c.taken)
		}
	}
}

// succeeds is an invoker whose function succeeds at once.
type succeeds struct{ runs int }

func (s *succeeds) Invoke(context.Context, esm.Call) (esm.Response, error) {
	s.runs++
	return esm.Response{Status: 200, Payload: []byte("null")}, nil
}

func (s *succeeds) Reserve(context.Context, string) (esm.Slot, error) { return s, nil }
func (s *succeeds) Release()                                          {}

const twoMessages = `{"Records":[{"messageId":"a","receiptHandle":"1"},{"messageId":"b","receiptHandle":"2"}]}`

func TestInvokerFaults(t *testing.T) {
	for _, c := range []struct {
		fault chaos.Fault
		err   error
		kind  string // of the function error
		ran   bool
		good  int // records that are settled
		took  time.Duration
	}{
		{chaos.InvokeThrottled, esm.ErrThrottled, "", false, 0, 0},
		{chaos.InvokeNotRun, esm.ErrNotRun, "", false, 0, 0},
		{chaos.InvokeRefused, esm.ErrRefused, "", false, 0, 0},
		{chaos.InvokeLost, chaos.ErrInjected, "", true, 0, 0},
		{chaos.HandlerThrows, nil, "Unhandled", true, 0, 0},
		{chaos.HandlerHangs, nil, "Sandbox.Timedout", true, 0, 7 * time.Second},
		{chaos.HandlerCrashes, nil, "Runtime.ExitError", true, 0, 0},
		{chaos.HandlerOutOfMemory, nil, "Runtime.OutOfMemory", true, 0, 0},
		{chaos.HandlerRubbish, nil, "", true, 0, 0},
		{chaos.HandlerLies, nil, "", true, 0, 0},
		{"", nil, "", true, 2, 0},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := always(c.fault)
				i := &chaos.Invoker{Invoker: &succeeds{}, Faults: faults, Report: true, Timeout: 7 * time.Second}
				slot, err := i.Reserve(t.Context(), "f")
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				resp, err := slot.Invoke(t.Context(), esm.Call{ID: "1", Payload: []byte(twoMessages)})
				if !errors.Is(err, c.err) || resp.Fault != c.kind || time.Since(began) != c.took {
					t.Errorf("got %+v and %v after %s", resp, err, time.Since(began))
				}
				calls := faults.Recorder.History().Calls
				if len(calls) != 1 || calls[0].Ran != c.ran || len(calls[0].Succeeded) != c.good {
					t.Errorf("recorded %+v", calls)
				}
			})
		})
	}
}

func TestHandlerPartial(t *testing.T) {
	for seed := range uint64(20) {
		for _, ordered := range []bool{false, true} {
			faults := always(chaos.HandlerPartial)
			faults.Seed = seed
			i := &chaos.Invoker{Invoker: &succeeds{}, Faults: faults, Report: true, Ordered: ordered}
			if _, err := i.Invoke(t.Context(), esm.Call{ID: "1", Payload: []byte(twoMessages)}); err != nil {
				t.Fatal(err)
			}
			good := faults.Recorder.History().Calls[0].Succeeded
			if ordered && slices.Equal(good, []string{"b"}) || ordered && len(good) > 1 {
				t.Errorf("seed %d: %q succeeded, although a comes first", seed, good)
			}
		}
	}
}

func TestHandlerLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &chaos.Invoker{Invoker: &succeeds{}, Faults: always(chaos.HandlerLate), Late: 5 * time.Second}
		began := time.Now()
		resp, err := i.Invoke(t.Context(), esm.Call{Payload: []byte(twoMessages)})
		if took := time.Since(began); err != nil || resp.Fault != "" || took < time.Second || took > 5*time.Second {
			t.Errorf("got %+v and %v after %s, want a success after one to five seconds", resp, err, took)
		}
	})
}

// TestPlanDoesNotDependOnOrder asks an injector from many goroutines, twice.
func TestPlanDoesNotDependOnOrder(t *testing.T) {
	plan := func() []string {
		i := &chaos.Injector{Seed: 7, Rates: chaos.Everything(.2), Recorder: &chaos.Recorder{}}
		var group sync.WaitGroup
		for n := range 20 {
			group.Go(func() {
				for range 20 {
					i.Strikes(chaos.SourceUndone, fmt.Sprint("target ", n))
				}
			})
		}
		group.Wait()
		var strikes []string
		for _, f := range i.Recorder.History().Injected {
			strikes = append(strikes, f.Strike.String())
		}
		slices.Sort(strikes)
		return strikes
	}
	first := plan()
	if !slices.Equal(first, plan()) || len(first) < 40 || len(first) > 120 {
		t.Errorf("%d strikes of 400, want about 80, and the same twice", len(first))
	}
}

func TestInjectorLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := always(chaos.SourceUndone)
		i.Until = time.Now().Add(time.Minute)
		i.Only = map[chaos.Strike]bool{{Fault: chaos.SourceUndone, Target: "a", N: 2}: true}
		var hits []int
		for n := range 3 {
			if _, hit := i.Strikes(chaos.SourceUndone, "a"); hit {
				hits = append(hits, n+1)
			}
		}
		if !slices.Equal(hits, []int{2}) {
			t.Errorf("struck at %v, want the second time only", hits)
		}
		i.Only = nil
		time.Sleep(time.Minute)
		if _, hit := i.Strikes(chaos.SourceUndone, "a"); hit {
			t.Error("struck after the end of faults")
		}
	})
}

func TestParseRates(t *testing.T) {
	got, err := chaos.ParseRates("handler-throws, store-*=0.2", .1)
	if err != nil || got[chaos.HandlerThrows] != .1 || got[chaos.StoreFull] != .2 || len(got) != 6 {
		t.Errorf("got %v and %v", got, err)
	}
	for _, list := range []string{"", "nothing", "handler-throws=2", "handler-throws=x", "handler-throws=0.1x", "handler-throws=NaN"} {
		if got, err := chaos.ParseRates(list, .1); err == nil {
			t.Errorf("%q is %v, want an error", list, got)
		}
	}
}
