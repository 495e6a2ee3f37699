package async

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// bubble runs a test with a rig in a synctest bubble.
func bubble(t *testing.T, permits int, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newRig(t, permits)) })
}

// The stories that were recorded on AWS, with the times of the tries. The pool has one permit, which another caller holds
// if the function is to be throttled.
func TestRecordedStories(t *testing.T) {
	for _, test := range []struct {
		name      string
		handler   handler
		change    func(*policy.Target)
		throttled bool
		ages      []float64
		condition esm.Condition
		to        []string
	}{
		{name: "default retries", handler: throw, ages: []float64{0, 60, 180}, condition: esm.RetriesExhausted, to: []string{failedArn, deadArn}},
		{name: "no retries", handler: throw, change: retries(0), ages: []float64{0}, condition: esm.RetriesExhausted, to: []string{failedArn, deadArn}},
		{name: "age 60", handler: throw, change: maxAge(60), ages: []float64{0}, condition: esm.EventAgeExceeded, to: []string{failedArn, deadArn}},
		{name: "age 90", handler: throw, change: maxAge(90), ages: []float64{0, 60}, condition: esm.EventAgeExceeded, to: []string{failedArn, deadArn}},
		{name: "throttled", handler: throw, change: maxAge(60), throttled: true, ages: []float64{0, 1, 3, 7, 15, 31}, condition: esm.EventAgeExceeded, to: []string{failedArn, deadArn}},
		{name: "switched off", handler: throw, change: reserved(0), condition: esm.ZeroReservedConcurrency, to: []string{failedArn, deadArn}},
		{name: "deleted", change: func(t *policy.Target) { t.Exists = false; retries(1)(t) }, ages: []float64{0, 60}, condition: esm.RetriesExhausted, to: []string{failedArn, deadArn}},
		{name: "a success", handler: succeed, ages: []float64{0}, condition: esm.Success, to: []string{doneArn}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 1, func(r *rig) {
				r.set("f", test.handler, test.change)
				if test.throttled {
					defer r.hold("f", 1)()
					r.dice = 0
				}
				r.start()
				r.accept("f", "a")
				r.wait(7 * time.Hour)
				r.wantAges("a", test.ages...)
				r.wantEnd("a", test.condition)
				r.wantSent("a", test.to...)
				r.close()
				r.wantEmpty()
				if ran := len(r.calls); (test.throttled || test.change != nil && test.handler == nil) && ran > 0 {
					t.Errorf("%d calls", ran)
				}
				for _, s := range r.sent {
					if string(s.Payload) != `{"n": 1}` || s.Event.TraceHeader == "" || s.Notice.ID == "" {
						t.Errorf("notice %+v", s.Notice)
					}
				}
			})
		})
	}
}

// A handler sees the same request ID and trace header at every try.
func TestCalls(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		var calls []esm.Call
		r.set("f", func(c esm.Call, tries int) (esm.Response, error) {
			calls = append(calls, c)
			return throw(c, tries)
		}, nil)
		r.start()
		if err := r.feed.Accept(t.Context(), esm.Event{Function: "f:live", Payload: json.RawMessage(`[1]`)}); err != nil {
			t.Fatal(err)
		}
		r.wait(time.Hour)
		r.close()
		if len(calls) != 3 || calls[0].ID == "" || calls[0].Function != "f:live" || string(calls[0].Payload) != "[1]" ||
			!strings.HasPrefix(calls[0].TraceHeader, "Root=1-") || policy.Passes(calls[0].TraceHeader, "f") != 1 {
			t.Errorf("calls %+v", calls)
		}
		for _, c := range calls {
			if fmt.Sprint(c) != fmt.Sprint(calls[0]) {
				t.Errorf("%+v differs from %+v", c, calls[0])
			}
		}
		if n := r.sent[0]; n.FunctionArn != "arn:aws:lambda:eu-west-1:111122223333:function:f:live" || n.Event.TraceHeader != calls[0].TraceHeader {
			t.Errorf("%+v", n)
		}
	})
}

// What is configured when an event is tried counts, not what was when it was accepted.
func TestConfigurationIsReadAtEachTry(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.set("f", throw, retries(0))
		r.start()
		r.set("f", throw, retries(2))
		r.accept("f", "a", "b")
		r.wait(time.Minute)
		r.set("f", succeed, func(t *policy.Target) { t.Config.DestinationConfig.OnSuccess.Destination = "" })
		r.wait(time.Hour)
		r.wantAges("a", 0, 60, 180)
		r.wantEnd("a", esm.Success)
		r.wantSent("a")
		r.close()
		r.wantEmpty()
	})
}

// A function that is removed while its events wait, and put back, runs them.
func TestAFunctionComesBack(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		gone := func(t *policy.Target) { *t = policy.Target{Arn: t.Arn} }
		r.set("f", nil, gone)
		r.set("g", nil, gone)
		r.start()
		r.accept("f", "a")
		r.accept("g", "b")
		r.wait(30 * time.Second)
		r.set("f", succeed, nil)
		r.wait(time.Hour)
		r.wantEnd("a", esm.Success)
		r.wantEnd("b", esm.RetriesExhausted)
		r.close()
		r.wantEmpty()
		kept := r.undelivered()
		if len(kept) != 1 || kept[0].Notice.RequestID != "b" || kept[0].Destination != "" || kept[0].Notice.Response.Status != 404 {
			t.Errorf("kept %+v", kept)
		}
	})
}

// While events of a function run, others wait for their turn and are not throttled.
func TestEventsWaitForTheirTurn(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", takes(10*time.Second), reserved(1))
		r.set("g", takes(10*time.Second), maxAge(60))
		release := r.hold("g", 9)
		r.start()
		r.accept("f", "a", "b", "c")
		r.accept("g", ids("g", 10)...)
		r.wait(time.Hour)
		for i, id := range []string{"a", "b", "c"} {
			r.wantAges(id, float64(10*i))
		}
		r.wantAges("g6", 60)
		r.wantEnd("g6", esm.Success)
		r.wantAges("g7")
		r.wantEnd("g7", esm.EventAgeExceeded) // when its age was exceeded, and not when it was its turn
		for _, e := range traced[trace.EventEnded](r) {
			if e.ID == "g9" && e.Age != time.Minute+1 {
				t.Errorf("%s has ended at the age of %v", e.ID, e.Age)
			}
		}
		release()
		r.close()
		r.wantEmpty()
	})
}

// An event that waits for a permit is not throttled any more when another event gets one.
func TestTheFirstEventGetsThePermit(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.set("f", takes(10*time.Second), nil)
		r.set("g", takes(10*time.Second), nil)
		release := r.hold("f", 1)
		r.start()
		r.accept("f", "a")
		r.wait(100 * time.Millisecond)
		r.accept("g", "b")
		r.wait(200 * time.Millisecond)
		release()
		r.wait(time.Minute)
		if len(r.calls) != 2 || r.calls[0].age != 300*time.Millisecond || r.calls[1].age != 10300*time.Millisecond {
			t.Errorf("calls %+v", r.calls)
		}
		r.wantAges("b", 10.2)
		r.close()
	})
}

// What changes while an event waits for a permit counts when it gets one.
func TestFunctionsChangeWhileEventsWait(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("gone", takes(100*time.Second), reserved(1))
		r.set("young", takes(100*time.Second), reserved(1))
		r.start()
		r.accept("gone", "a", "b")
		r.accept("young", "c", "d")
		r.wait(5 * time.Second)
		r.set("gone", takes(time.Second), func(t *policy.Target) { t.Exists = false; retries(0)(t) })
		r.set("young", takes(time.Second), func(t *policy.Target) { reserved(1)(t); maxAge(60)(t) })
		r.wait(time.Hour)
		r.wantEnd("a", esm.Success) // what runs is not interrupted
		r.wantEnd("b", esm.RetriesExhausted)
		r.wantEnd("c", esm.Success)
		r.wantEnd("d", esm.EventAgeExceeded)
		if len(r.calls) != 2 || r.limits.InUse("gone")+r.limits.InUse("young") != 0 {
			t.Errorf("calls %+v", r.calls)
		}
		r.close()
		r.wantEmpty()
	})
}

// A permit that becomes free does not wake events that are throttled before their time.
func TestThrottledEventsKeepTheirTimes(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.dice = 0
		r.set("f", succeed, nil)
		release := r.hold("f", 1)
		r.start()
		r.accept("f", "a")
		r.wait(3200 * time.Millisecond) // it waits for a permit
		r.accept("f", "b")
		r.wait(500 * time.Millisecond)
		release()
		r.wait(time.Second)
		r.wantAges("a", 0, 1, 3)
		r.wait(time.Hour)
		r.wantAges("a", 0, 1, 3, 7)
		if throttles := len(traced[trace.EventWaiting](r)); throttles != 3 || len(r.calls) != 2 {
			t.Errorf("%d throttles, %d calls", throttles, len(r.calls))
		}
		r.close()
	})
}

// Many throttled events follow the first of them, and cost few changes of the store.
func TestManyEventsAreThrottledTogether(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.dice = 0
		r.set("f", succeed, maxAge(60))
		defer r.hold("f", 1)()
		r.make()
		r.accept("f", ids("e", 1000)...)
		takes, returns := 0, 0
		r.events.TakeFaults = count(&takes)
		r.events.ReturnFaults = count(&returns)
		r.start()
		r.wait(time.Minute)
		for _, id := range ids("e", 1000) {
			if first := r.ages(id)[0]; first > 15 {
				t.Fatalf("%s was tried first at the age of %v", id, first)
			}
		}
		if takes > 200 || returns > 200 {
			t.Errorf("%d takes, %d returns", takes, returns)
		}
		r.wait(time.Minute)
		if ended := len(traced[trace.EventEnded](r)); ended != 1000 {
			t.Errorf("%d events have ended", ended)
		}
		r.close()
		r.wantEmpty()
	})
}

func count(n *int) checkpointtest.Faults {
	return func(call int) checkpointtest.Fault { *n = call; return checkpointtest.Fault{} }
}

// A function with a backlog that uses all permits does not delay the events of another one more than by its turn.
func TestABacklogDelaysNoOtherFunction(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("busy", takes(3*time.Second), nil)
		r.set("prompt", succeed, nil)
		r.make()
		for _, id := range ids("busy", 10_000) {
			r.feed.Accept(t.Context(), esm.Event{ID: id, Function: "busy", Payload: json.RawMessage("1")})
		}
		r.start()
		for i := range 20 {
			r.wait(3400 * time.Millisecond)
			id := fmt.Sprint("prompt", i)
			r.accept("prompt", id)
		}
		r.wait(4 * time.Second)
		for i := range 20 {
			if ages := r.ages(fmt.Sprint("prompt", i)); len(ages) != 1 || ages[0] > 3 {
				t.Errorf("event %d was tried at the ages of %v", i, ages)
			}
		}
		if in := len(r.feed.dispatchers); in != 1 {
			t.Errorf("%d dispatchers, want that of the busy function", in)
		}
		backlogs, err := r.feed.Backlogs(t.Context())
		if err != nil || len(backlogs) != 1 || backlogs[0].InFlight != 10 || backlogs[0].Waiting < 9000 {
			t.Errorf("%+v, %v", backlogs, err)
		}
		if stored, _ := r.events.Backlogs(t.Context()); stored[0].Taken > 10+maxTaken {
			t.Errorf("%+v", stored)
		}
		if took := r.close(); took > 3*time.Second {
			t.Errorf("closing took %v", took)
		}
		if after, _ := r.events.Backlogs(t.Context()); after[0].Taken != 0 {
			t.Errorf("taken after the end: %+v", after)
		}
	})
}

// When ctx ends, what runs is finished and what is not begun waits as before.
func TestStop(t *testing.T) {
	bubble(t, 100, func(r *rig) {
		r.set("f", takes(10*time.Second), reserved(1))
		r.start()
		r.accept("f", "a", "b", "c")
		r.wait(time.Second)
		if took := r.close(); took != 9*time.Second {
			t.Errorf("closing took %v", took)
		}
		r.wantEnd("a", esm.Success)
		r.wantSent("a", doneArn)
		for e := range r.events.List(t.Context(), "") {
			if e.Tries != 0 || e.Throttles != 0 || e.Crashes != 0 || !e.Due.Equal(r.began) {
				t.Errorf("%+v", e)
			}
		}
		r.start()
		r.wait(time.Hour)
		r.close()
		r.wantEmpty()
		if len(r.calls) != 3 {
			t.Errorf("calls %+v", r.calls)
		}
	})
}

// When work ends too, what runs is repeated after the next start, with the same ID.
func TestKill(t *testing.T) {
	bubble(t, 100, func(r *rig) {
		r.set("f", takes(10*time.Second), nil)
		r.start()
		r.accept("f", "a")
		r.wait(time.Second)
		r.stop()
		r.wait(time.Second)
		r.crash()
		r.wait(time.Minute)
		r.start()
		r.wait(time.Hour)
		r.close()
		r.wantEnd("a", esm.Success)
		r.wantEmpty()
		r.wantAges("a", 62) // the interrupted try has no result
		if len(r.calls) != 2 || r.calls[1].age != 62*time.Second {
			t.Errorf("calls %+v", r.calls)
		}
	})
}

// An event that is due later than any delay was stored before the clock was set back.
func TestTheClockIsSetBack(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.set("f", succeed, nil)
		later := time.Now().Add(time.Hour)
		r.events.Add(t.Context(), esm.Event{ID: "a", Function: "f", Payload: json.RawMessage("1"), Accepted: later, Due: later})
		r.events.Add(t.Context(), esm.Event{ID: "b", Function: "f", Payload: json.RawMessage("1"), Accepted: later, Due: later.Add(time.Minute)})
		r.start()
		r.wait(time.Second)
		r.wantAges("a", 0)
		r.wantAges("b", 0)
		r.close()
	})
}

// The refusals of an invoker count as failures, and its other errors as throttling.
func TestErrorsOfTheInvoker(t *testing.T) {
	for _, test := range []struct {
		err  error
		ages []float64
	}{
		{esm.ErrTooLarge, []float64{0, 60, 180}},
		{esm.ErrRefused, []float64{0, 60, 180}},
		{esm.ErrThrottled, []float64{0, 1, 3, 7, 15, 31, 63, 127}},
		{esm.ErrNotRun, []float64{0, 1, 3, 7, 15, 31, 63, 127}},
		{errors.New("lost"), []float64{0, 1, 3, 7, 15, 31, 63, 127}},
	} {
		bubble(t, 1, func(r *rig) {
			if len(test.ages) > 3 {
				r.dice = 0
			}
			r.set("f", func(esm.Call, int) (esm.Response, error) { return esm.Response{}, test.err }, nil)
			r.start()
			r.accept("f", "a")
			r.wait(200 * time.Second)
			r.wantAges("a", test.ages...)
			r.close()
		})
	}
}

// Every throttled try is reported once as one of the function's Throttles, whoever refused it.
func TestThrottlesAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1)
		r.functions.Trace = r.trace
		r.set("orders", func(c esm.Call, tries int) (esm.Response, error) {
			if tries == 1 {
				return esm.Response{}, esm.ErrThrottled // elsewhere, or no environment may start
			}
			return succeed(c, tries)
		}, nil)
		r.start()
		defer r.close()
		r.accept("orders", "a")
		release := r.hold("orders", 1) // until the second try was throttled here
		r.wait(2 * time.Second)
		release()
		r.wait(10 * time.Second)
		throttles := 0
		for _, e := range traced[trace.Ran](r) {
			if e.Throttled {
				throttles++
			}
		}
		for _, e := range traced[trace.EventTried](r) {
			if e.Reason == trace.ReasonThrottled && !e.Invoked {
				throttles++
			}
		}
		if tries := len(r.ages("a")); throttles != 2 || tries != 3 {
			t.Errorf("%d throttles in %d tries, want 2 in 3", throttles, tries)
		}
		r.wantEnd("a", esm.Success)
	})
}

func TestAccept(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.set("f", succeed, nil)
		r.make()
		early := time.Now().Add(-time.Minute)
		r.accept("f", "a") // before Run
		if err := r.feed.Accept(t.Context(), esm.Event{ID: "b", Function: "f", Payload: json.RawMessage("1"), Accepted: early, Tries: 7, Crashes: 9, Place: 4, Due: early}); err != nil {
			t.Fatal(err)
		}
		err := r.feed.Accept(t.Context(), esm.Event{Function: "f", Payload: make([]byte, esm.MaxEvent+1)})
		if !errors.Is(err, esm.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		r.events.AddFaults = checkpointtest.InTurn(checkpointtest.Undone(errDisk), checkpointtest.Done(context.Canceled))
		if err := r.feed.Accept(t.Context(), esm.Event{ID: "c", Function: "f"}); !errors.Is(err, errDisk) {
			t.Errorf("%v", err)
		}
		if err := r.feed.Accept(t.Context(), esm.Event{ID: "d", Function: "f"}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		events := r.events
		for e := range events.List(t.Context(), "") {
			if e.ID == "b" && (!e.Accepted.Equal(early) || !e.Due.Equal(r.began) || e.Tries+e.Crashes != 0 || e.TraceHeader == "") {
				t.Errorf("stored %+v", e)
			}
		}
		r.start() // from here on the feed is another one
		r.wait(0)
		r.wantEnd("a", esm.Success)
		r.wantEnd("b", esm.Success)
		r.wantEnd("d", esm.Success)
		events.AddFaults = func(int) checkpointtest.Fault { return checkpointtest.Done(context.Canceled) }
		if err := r.feed.Accept(t.Context(), esm.Event{ID: "e", Function: "f", Payload: json.RawMessage("1")}); err == nil {
			t.Error("no error")
		}
		r.wait(0)
		r.wantEnd("e", esm.Success)
		if accepted := traced[trace.EventAccepted](r); len(accepted) != 2 {
			t.Errorf("accepted %+v", accepted)
		}
		r.close()
		r.wantEmpty()
		r.events.AddFaults = nil
		r.accept("f", "late") // after Run
		if stored, err := r.feed.Backlogs(t.Context()); err != nil || len(stored) != 1 || stored[0].Waiting != 1 {
			t.Errorf("%+v, %v", stored, err)
		}
	})
}

func TestListDropRetry(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.set("f", throw, nil)
		r.set("g", throw, nil)
		r.start()
		r.accept("f", "a", "b")
		r.accept("g:live", "c")
		r.wait(10 * time.Second)
		var events []esm.Event
		for e, err := range r.feed.List(t.Context(), "") {
			if err != nil || e.Tries != 1 || e.Last.Error != "no" {
				t.Errorf("%+v, %v", e, err)
			}
			events = append(events, e)
		}
		backlogs, err := r.feed.Backlogs(t.Context())
		next := r.began.Add(time.Minute)
		if err != nil || len(backlogs) != 2 || backlogs[0].Function != "f" || backlogs[0].Waiting != 2 || backlogs[0].InFlight != 0 || !backlogs[0].Oldest.Equal(r.began) || !backlogs[0].Next.Equal(next) {
			t.Errorf("%+v, %v", backlogs, err)
		}
		n, err := r.feed.Drop(t.Context(), events[0], events[0])
		if n != 1 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		if n, err := r.feed.Retry(t.Context(), events...); n != 2 || err != nil {
			t.Errorf("hastened %d, %v", n, err)
		}
		r.wait(time.Hour)
		r.wantAges("a", 0)
		r.wantSent("a")
		r.wantAges("b", 0, 10, 130)
		r.wantAges("c", 0, 10, 130)
		if removed := traced[trace.EventsRemoved](r); len(removed) != 1 || removed[0] != (trace.EventsRemoved{Function: "f", Count: 1}) {
			t.Errorf("%+v", removed)
		}
		r.events.RemoveFaults, r.events.HastenFaults = checkpointtest.Always(checkpointtest.Undone(errDisk)), checkpointtest.Always(checkpointtest.Undone(errDisk))
		if _, err := r.feed.Drop(t.Context(), events[1]); !errors.Is(err, errDisk) {
			t.Error(err)
		}
		if _, err := r.feed.Retry(t.Context(), events[1]); !errors.Is(err, errDisk) {
			t.Error(err)
		}
		r.close()
		r.wantEmpty()
	})
}

// Waits are scaled, and so is the patience.
func TestScale(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		r.make()
		r.feed.Scale = 0.01
		r.dice = 0
		r.set("f", throw, maxAge(200))
		r.set("g", succeed, func(t *policy.Target) { maxAge(60)(t); reserved(1)(t) })
		defer r.hold("g", 1)()
		r.start()
		r.accept("f", "a")
		r.accept("g", "b")
		r.wait(time.Minute)
		r.wantAges("a", 0, 0.57, 1.71)
		r.wantAges("b", 0, 0.01, 0.03, 0.07, 0.15, 0.31)
		r.close()
		r.wantEmpty()
	})
}
