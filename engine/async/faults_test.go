package async

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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
	"github.com/esm-run/esm/trace"
)

// faulty fails three calls of one method of the store.
func faulty(m *checkpointtest.MemoryEvents, method string, f checkpointtest.Fault) {
	faults := checkpointtest.InTurn(f, f, f)
	switch method {
	case "Recover":
		m.RecoverFaults = faults
	case "Backlogs":
		m.BacklogsFaults = faults
	case "Take":
		m.TakeFaults = faults
	case "Return":
		m.ReturnFaults = faults
	case "Finish":
		m.FinishFaults = faults
	case "Owed":
		m.OwedFaults = faults
	case "Settle":
		m.SettleFaults = faults
	}
}

// A store that fails is tried again: nothing is lost, and nothing is done twice.
func TestTheStoreFails(t *testing.T) {
	for _, method := range []string{"Recover", "Backlogs", "Take", "Return", "Finish", "Owed", "Settle"} {
		for _, fault := range []checkpointtest.Fault{checkpointtest.Undone(errDisk), checkpointtest.Done(errDisk)} {
			if method == "Take" && fault.Done {
				continue // what it has taken nobody knows: see TestTakenInSpiteOfAnError
			}
			t.Run(fmt.Sprint(method, fault.Done), func(t *testing.T) {
				bubble(t, 10, func(r *rig) {
					r.set("f", func(c esm.Call, tries int) (esm.Response, error) {
						if tries < 2 {
							return throw(c, tries)
						}
						return succeed(c, tries)
					}, nil)
					r.make()
					r.accept("f", "a", "b")
					faulty(r.events, method, fault)
					r.start()
					r.wait(time.Hour)
					r.wantEnd("a", esm.Success)
					r.wantEnd("b", esm.Success)
					r.wantSent("a", doneArn)
					r.wantSent("b", doneArn)
					if len(r.calls) != 4 {
						t.Errorf("calls %+v", r.calls)
					}
					failing := traced[trace.EventsFailing](r)
					if len(failing) < 3 || failing[0].Err != errDisk || failing[0].Wait <= 0 {
						t.Errorf("failing %+v", failing)
					}
					r.close()
					r.wantEmpty()
				})
			})
		}
	}
}

// An event that was returned in spite of an error is tried again when it is due, and left alone then.
func TestReturnedInSpiteOfAnError(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", func(c esm.Call, tries int) (esm.Response, error) {
			switch {
			case c.ID == "b":
				return succeed(c, tries)
			case tries == 1:
				return throw(c, tries)
			}
			time.Sleep(time.Hour)
			return succeed(c, tries)
		}, nil)
		r.events.ReturnFaults = func(call int) checkpointtest.Fault {
			switch {
			case call == 1:
				return checkpointtest.Done(errDisk)
			case time.Since(r.began) < 90*time.Second: // and the next try begins
				return checkpointtest.Undone(errDisk)
			}
			return checkpointtest.Fault{}
		}
		r.start()
		r.accept("f", "a")
		r.wait(time.Second)
		r.accept("f", "b") // so that the dispatcher learns what waits
		r.wait(30 * time.Minute)
		if backlogs, _ := r.events.Backlogs(t.Context()); backlogs[0].Taken != 1 {
			t.Errorf("%+v", backlogs)
		}
		r.wait(2 * time.Hour)
		r.wantEnd("a", esm.Success)
		r.wantAges("a", 0, 60)
		r.close()
		r.wantEmpty()
	})
}

// What is taken in spite of an error is tried after the next start.
func TestTakenInSpiteOfAnError(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.make()
		r.events.TakeFaults = checkpointtest.InTurn(checkpointtest.Done(errDisk))
		r.start()
		r.accept("f", "a")
		r.wait(time.Hour)
		r.close()
		r.events = r.events.Reopen()
		r.start()
		r.wait(time.Hour)
		r.wantEnd("a", esm.Success)
		r.close()
		r.wantEmpty()
	})
}

// While a full disk keeps results from being saved, tries keep their permits, so that no more are started than the memory
// holds. Nothing runs twice when there is room again.
func TestTheDiskIsFull(t *testing.T) {
	bubble(t, 200, func(r *rig) {
		r.set("f", succeed, nil)
		r.make()
		const events, most = 1500, maxSaving / minSaving
		r.accept("f", ids("e", events)...)
		var full atomic.Bool
		full.Store(true)
		r.events.FinishFaults = func(int) checkpointtest.Fault {
			if full.Load() {
				return checkpointtest.Undone(errDisk)
			}
			return checkpointtest.Fault{}
		}
		r.start()
		r.wait(time.Hour)
		if n := len(r.calls); n < most || n > 200+most {
			t.Errorf("%d calls", n)
		}
		full.Store(false)
		r.wait(time.Hour)
		if n := len(r.calls); n != events {
			t.Errorf("%d calls", n)
		}
		r.close()
		r.wantEmpty()
	})
}

// If the disk stays full until the end, events are tried again after the next start, and never lost.
func TestTheDiskIsFullAtTheEnd(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.start()
		r.events.FinishFaults = checkpointtest.Always(checkpointtest.Undone(errDisk))
		r.accept("f", "a")
		r.stop()
		r.wait(time.Minute)
		r.kill()
		<-r.ended
		r.events = r.events.Reopen()
		r.start()
		r.wait(time.Minute)
		r.wantEnd("a", esm.Success)
		if len(r.calls) != 2 || r.calls[0].id != r.calls[1].id {
			t.Errorf("calls %+v", r.calls)
		}
		r.close()
		r.wantEmpty()
	})
}

// TestEventsKeepTheirRules runs random lives: handlers succeed, fail, are throttled, slow or gone; the store and the
// destinations fail, done and undone; the engine is stopped, or killed between any two effects. At the end every event has
// ended where the rules say. What happened twice is explained by a kill or a fault.
func TestEventsKeepTheirRules(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) { newTrial(t, seed).run() })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// trial is one random life.
type trial struct {
	*rig
	calm time.Time // when faults end

	kills int

	mu   sync.Mutex
	dice *rand.Rand
}

var functions = []string{"good", "bad", "flaky", "slow", "young", "off", "gone", "tight"}

func newTrial(t *testing.T, seed uint64) *trial {
	x := &trial{rig: newRig(t, 4), dice: rand.New(rand.NewPCG(seed, 1)), calm: time.Now().Add(time.Hour)}
	flaky := func(c esm.Call, tries int) (esm.Response, error) {
		time.Sleep(time.Duration(x.roll(1000)) * time.Millisecond)
		switch x.roll(6) {
		case 0, 1:
			return throw(c, tries)
		case 2:
			return esm.Response{}, esm.ErrNotRun
		}
		return succeed(c, tries)
	}
	x.set("good", succeed, nil)
	x.set("bad", throw, func(t *policy.Target) { t.DeadLetter = "" })
	x.set("flaky", flaky, nil)
	x.set("slow", takes(20*time.Second), nil)
	x.set("young", flaky, maxAge(60))
	x.set("off", succeed, reserved(0))
	x.set("gone", nil, func(t *policy.Target) { *t = policy.Target{Arn: t.Arn} })
	x.set("tight", takes(time.Second), reserved(1))
	for i, arn := range []string{failedArn, doneArn, deadArn} {
		x.sending[arn] = func(_ esm.Notice, tries int) error {
			time.Sleep(time.Duration(x.roll(300)) * time.Millisecond)
			switch n := x.roll(8); {
			case x.isCalm() || n > 2:
				return nil
			case n == 0 && i == 0:
				return esm.ErrUndeliverable
			}
			return errDisk
		}
	}
	return x
}

func (x *trial) roll(n int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dice.IntN(n)
}

func (x *trial) isCalm() bool { return time.Now().After(x.calm) }

// bad fails one call in ten, until it is calm.
func (x *trial) bad(int) checkpointtest.Fault {
	if x.isCalm() || x.roll(10) > 0 {
		return checkpointtest.Fault{}
	}
	if x.roll(2) == 0 {
		return checkpointtest.Done(errDisk)
	}
	return checkpointtest.Undone(errDisk)
}

func (x *trial) run() {
	accepted := 0
	for range 12 {
		m := x.events
		m.RecoverFaults, m.BacklogsFaults, m.TakeFaults, m.ReturnFaults, m.FinishFaults = x.bad, x.bad, x.bad, x.bad, x.bad
		m.OwedFaults, m.SettleFaults, x.kept.KeepFaults = x.bad, x.bad, x.bad
		x.start()
		for range x.roll(12) {
			x.accept(functions[x.roll(len(functions))], fmt.Sprint("e", accepted))
			accepted++
			x.wait(time.Duration(x.roll(2000)) * time.Millisecond)
		}
		x.wait(time.Duration(x.roll(150_000)) * time.Millisecond)
		if x.roll(2) == 0 {
			x.kills++
			x.crash()
			continue
		}
		x.close()
		x.events, x.kept = x.events.Reopen(), x.kept.Reopen()
	}
	x.wait(time.Until(x.calm))
	x.start()
	x.wait(10 * time.Hour)
	x.close()
	x.wantEmpty()
	for i := range accepted {
		x.check(fmt.Sprint("e", i))
	}
}

// check checks the end of one event.
func (x *trial) check(id string) {
	x.Helper()
	ended := map[esm.Condition]bool{}
	function := ""
	for _, e := range traced[trace.EventEnded](x.rig) {
		if e.ID == id {
			ended[e.Condition], function = true, e.Function
		}
	}
	taken := map[string]map[string]bool{} // by destination, the IDs of notices that arrived there
	for _, s := range x.sent {
		if s.RequestID == id && s.err == nil {
			note(taken, s.to, s.Notice.ID)
		}
	}
	for _, u := range x.undelivered() {
		if u.Notice.RequestID == id {
			note(taken, u.Destination, u.Notice.ID)
		}
	}
	var want []string
	conditions := map[string][]esm.Condition{
		"good": {esm.Success}, "bad": {esm.RetriesExhausted}, "slow": {esm.Success}, "tight": {esm.Success},
		"flaky": {esm.Success, esm.RetriesExhausted}, "young": {esm.Success, esm.EventAgeExceeded},
		"off": {esm.ZeroReservedConcurrency}, "gone": {esm.RetriesExhausted},
	}
	var end esm.Condition
	for c := range ended {
		end = c
		if !slices.Contains(conditions[function], c) && c != esm.EventAgeExceeded {
			x.Errorf("%s of %s has ended with %s", id, function, c)
		}
	}
	switch {
	case end == esm.Success:
		want = []string{doneArn}
	case function == "gone":
		want = []string{""}
	case function == "bad":
		want = []string{failedArn}
	default:
		want = []string{deadArn, failedArn}
	}
	for _, to := range want {
		if len(taken[to]) != 1 {
			x.Errorf("%s of %s, ended with %v: notices %v at %q, want one", id, function, ended, taken, to)
		}
	}
	calls := 0
	for _, c := range x.calls {
		if c.id == id {
			calls++
		}
	}
	if function == "good" && calls > 1+x.kills {
		x.Errorf("%s ran %d times, and the engine was killed %d times", id, calls, x.kills)
	}
	if len(ended) != 1 || len(taken) != len(want) {
		x.Errorf("%s of %s: ended with %v, notices %v", id, function, ended, taken)
	}
}

func note(taken map[string]map[string]bool, to, id string) {
	if taken[to] == nil {
		taken[to] = map[string]bool{}
	}
	taken[to][id] = true
}

// Every event is received once, and has succeeded, was dropped, or waits: at any moment, with what is being tried.
func TestWhatIsReceivedIsCounted(t *testing.T) {
	bubble(t, 3, func(r *rig) {
		r.set("f", func(c esm.Call, tries int) (esm.Response, error) {
			time.Sleep(time.Duration(len(c.ID)) * time.Second)
			if strings.HasSuffix(c.ID, "3") {
				return throw(c, tries)
			}
			return succeed(c, tries)
		}, nil)
		r.start()
		for i := range 100 {
			if err := r.feed.Accept(t.Context(), esm.Event{ID: fmt.Sprint(i), Function: "f", Payload: json.RawMessage("1")}); err != nil {
				t.Fatal(err)
			}
			r.wait(time.Second)
			if i == 50 {
				for e := range r.feed.List(t.Context(), "f") {
					r.feed.Drop(t.Context(), e)
				}
			}
			received, ended, removed := len(traced[trace.EventAccepted](r)), len(traced[trace.EventEnded](r)), 0
			for _, e := range traced[trace.EventsRemoved](r) {
				removed += e.Count
			}
			waiting := 0
			if backlogs, _ := r.feed.Backlogs(t.Context()); len(backlogs) > 0 {
				waiting = backlogs[0].Waiting + backlogs[0].InFlight
			}
			if received != ended+removed+waiting {
				t.Fatalf("received %d, ended %d, removed %d, waiting %d", received, ended, removed, waiting)
			}
		}
		r.wait(time.Hour)
		r.close()
		r.wantEmpty()
	})
}
