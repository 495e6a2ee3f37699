package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

var _ engine.Feed = (*Feed)(nil)

// Bubbles begin at 2000-01-01 00:00:00 UTC, a Saturday.
const rule = "arn:aws:events:eu-west-1:123456789012:rule/nightly"

// accepted is an [esm.Acceptor] that remembers what it was given. Its first calls may fail, undone or done.
type accepted struct {
	faults []checkpointtest.Fault
	slow   time.Duration // of each call

	mu     sync.Mutex
	calls  int
	events []esm.Event
	times  []time.Time
}

func (a *accepted) Accept(ctx context.Context, e esm.Event) error {
	select {
	case <-time.After(a.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fault := checkpointtest.InTurn(a.faults...)(a.calls + 1)
	a.calls++
	if fault.Err == nil || fault.Done {
		a.events, a.times = append(a.events, e), append(a.times, time.Now())
	}
	return fault.Err
}

// since returns when the events were accepted.
func (a *accepted) since(start time.Time) (all []time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.times {
		all = append(all, t.Sub(start))
	}
	return all
}

func feed(t *testing.T, r *enginetest.Rig, expression string, store esm.Documents, targets ...Target) *Feed {
	t.Helper()
	s, err := policy.ParseSchedule(expression)
	if err != nil {
		t.Fatal(err)
	}
	return &Feed{
		Rule: rule, Region: "eu-west-1", Account: "123456789012", Expression: expression, Schedule: s,
		Targets: targets, Starts: store, Trace: r.Trace,
	}
}

func function(name string, a *accepted) Target {
	return Target{ID: name, Arn: "arn:aws:lambda:eu-west-1:123456789012:function:" + name, To: Function{Name: name, Events: a}}
}

func TestCronSendsAtEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r, start := &accepted{}, enginetest.New(t, nil), time.Now()
		r.Wait(40 * time.Second)
		r.Start(feed(t, r, "cron(0/5 * * * ? *)", nil, function("f", a)))
		r.Wait(11 * time.Minute)
		if got, want := a.since(start), []time.Duration{5 * time.Minute, 10 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("sent at %v, want %v", got, want)
		}
		if took := r.Close(); took != 0 {
			t.Errorf("stopping took %v", took)
		}
		if got := enginetest.Events[trace.Scheduled](r); len(got) != 2 || got[0].Err != nil || got[0].ID != a.events[0].ID ||
			got[0].Target != "arn:aws:lambda:eu-west-1:123456789012:function:f" || !got[0].Due.Equal(start.Add(5*time.Minute)) {
			t.Errorf("reported %+v", got)
		}
	})
}

// A rate keeps its phase over restarts, and begins again with another expression.
func TestRateKeepsPhaseOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r, store, start := &accepted{}, enginetest.New(t, nil), &checkpointtest.Memory{}, time.Now()
		r.Start(feed(t, r, "rate(10 minutes)", store, function("f", a)))
		r.Wait(14 * time.Minute) // sent at 10
		r.Close()
		r.Wait(8 * time.Minute) // 20 is missed
		store = store.Reopen()
		r.Start(feed(t, r, "rate(10 minutes)", store, function("f", a)))
		r.Wait(11 * time.Minute) // sent at 30
		r.Close()
		r.Start(feed(t, r, "rate(3 minutes)", store, function("f", a)))
		r.Wait(4 * time.Minute) // sent at 33 + 3
		r.Close()
		if got, want := a.since(start), []time.Duration{10 * time.Minute, 30 * time.Minute, 36 * time.Minute}; !slices.Equal(got, want) {
			t.Errorf("sent at %v, want %v", got, want)
		}
	})
}

func TestRestartInTheSameMinuteRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := &accepted{}, enginetest.New(t, nil)
		for range 3 {
			r.Start(feed(t, r, "cron(* * * * ? *)", nil, function("f", a)))
			r.Wait(30 * time.Second)
			r.Close()
		}
		r.Wait(time.Second)
		if len(a.events) != 1 {
			t.Errorf("%d events in one and a half minutes, want 1", len(a.events))
		}
	})
}

func TestEventShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := &accepted{}, enginetest.New(t, nil)
		path, err := policy.ParseInputPath("$.resources[0]")
		if err != nil {
			t.Fatal(err)
		}
		part, constant := function("part", a), function("constant", a)
		part.Path, constant.Input = path, json.RawMessage(`{"a": 1}`)
		r.Start(feed(t, r, "cron(30 1 * * ? *)", nil, function("f", a), part, constant))
		r.Wait(2 * time.Hour)
		r.Close()
		got := map[string]string{}
		ids := map[string]bool{}
		for _, e := range a.events {
			got[e.Function] = string(e.Payload)
			ids[e.ID] = true
			if id, err := uuid.Parse(e.ID); err != nil || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
				t.Errorf("the request ID %s is no UUID of version 4", e.ID)
			}
		}
		want := `{"version":"0","id":"` + (&Feed{Rule: rule}).id(time.Date(2000, 1, 1, 1, 30, 0, 0, time.UTC), "") + `",` +
			`"detail-type":"Scheduled Event","source":"aws.events","account":"123456789012","time":"2000-01-01T01:30:00Z",` +
			`"region":"eu-west-1","resources":["arn:aws:events:eu-west-1:123456789012:rule/nightly"],"detail":{}}`
		if len(ids) != 3 || got["f"] != want || got["part"] != `"`+rule+`"` || got["constant"] != `{"a": 1}` {
			t.Errorf("got %v with %d IDs, want %s", got, len(ids), want)
		}
	})
}

// The IDs must be the same in every release: a repeated event is recognized by them.
func TestIDsDoNotChange(t *testing.T) {
	f := &Feed{Rule: rule}
	due := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	got := []string{f.id(due, ""), f.id(due, "a"), f.id(due.Add(time.Minute), "a")}
	want := []string{"d9288e58-1c11-4525-b582-fb1af66b98e2", "d76e50e0-2782-4ccd-ab5b-5205277e26da", "9e485520-ffd1-42fa-8dd2-c88fb663c1e7"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// After an error the event is sent again under its ID, and other times and targets are not delayed.
func TestErrorsAreRetried(t *testing.T) {
	failed := errors.New("disk full")
	for name, fault := range map[string]checkpointtest.Fault{"undone": checkpointtest.Undone(failed), "done": checkpointtest.Done(failed)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bad, good, r, start := &accepted{faults: slices.Repeat([]checkpointtest.Fault{fault}, 3)}, &accepted{}, enginetest.New(t, nil), time.Now()
				r.Start(feed(t, r, "cron(* * * * ? *)", nil, function("bad", bad), function("good", good)))
				r.Wait(90 * time.Second)
				r.Close()
				want := 1
				if fault.Done {
					want = 4
				}
				if len(bad.events) != want || len(good.events) != 1 || good.since(start)[0] != time.Minute {
					t.Errorf("%d and %d events, want %d and 1", len(bad.events), len(good.events), want)
				}
				for _, e := range bad.events {
					if e.ID != bad.events[0].ID {
						t.Errorf("the ID has changed from %s to %s", bad.events[0].ID, e.ID)
					}
				}
				var failures, lost int
				for _, e := range enginetest.Events[trace.Scheduled](r) {
					switch {
					case e.Err != nil && e.Wait > 0:
						failures++
					case e.Err != nil:
						lost++
					}
				}
				if failures != 3 || lost != 0 {
					t.Errorf("reported %d failures and %d losses, want 3 and 0", failures, lost)
				}
			})
		})
	}
}

func TestEventIsLostAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := &accepted{faults: slices.Repeat([]checkpointtest.Fault{checkpointtest.Undone(errors.New("no"))}, 1_000_000)}, enginetest.New(t, nil)
		r.Start(feed(t, r, "cron(0 0 2 1 ? 2000)", nil, function("f", a)))
		r.Wait(49 * time.Hour)
		all := enginetest.Events[trace.Scheduled](r)
		last := all[len(all)-1]
		if last.Err == nil || last.Wait != 0 || len(a.events) != 0 {
			t.Errorf("the last report is %+v", last)
		}
		calls := a.calls
		r.Wait(time.Hour)
		if a.calls != calls {
			t.Error("it is still tried")
		}
		r.Close()
	})
}

// A stop lets a running write finish, within work, and reports an event that waits for another try as lost.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &accepted{slow: 5 * time.Second}
		bad := &accepted{faults: slices.Repeat([]checkpointtest.Fault{checkpointtest.Undone(errors.New("no"))}, 1_000_000)}
		r := enginetest.New(t, nil)
		r.Start(feed(t, r, "cron(* * * * ? *)", nil, function("slow", slow), function("bad", bad)))
		r.Wait(62 * time.Second)
		if took := r.Close(); took != 3*time.Second || len(slow.events) != 1 {
			t.Errorf("stopping took %v and %d events were accepted, want 3s and 1", took, len(slow.events))
		}
		var lost int
		for _, e := range enginetest.Events[trace.Scheduled](r) {
			if e.Err != nil && e.Wait == 0 {
				lost++
			}
		}
		if lost != 1 {
			t.Errorf("%d events were reported lost, want 1", lost)
		}
	})
}

// The feed is ready once its start is durable, whatever write fails before.
func TestStartSurvivesFaults(t *testing.T) {
	failed := errors.New("disk full")
	for i, faults := range []checkpointtest.Faults{
		checkpointtest.InTurn(checkpointtest.Undone(failed), checkpointtest.Undone(failed)),
		checkpointtest.InTurn(checkpointtest.Done(failed)),
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, r, store := &accepted{}, enginetest.New(t, nil), &checkpointtest.Memory{WriteFaults: faults}
				r.Start(feed(t, r, "rate(10 minutes)", store, function("f", a)))
				select {
				case <-r.Ready:
					t.Error("ready before its start is durable")
				default:
				}
				<-r.Ready
				r.Wait(10 * time.Minute)
				r.Close()
				if len(a.events) != 1 {
					t.Errorf("%d events, want 1", len(a.events))
				}
				if got := enginetest.Events[trace.Scheduled](r)[0]; got.Target != "" || got.Err == nil || got.Wait == 0 {
					t.Errorf("reported %+v", got)
				}
			})
		})
	}
}

func TestScheduleThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, r := &accepted{}, enginetest.New(t, nil)
		r.Start(feed(t, r, "cron(0 0 1 1 ? 1999)", nil, function("f", a)))
		r.Wait(48 * time.Hour)
		if took := r.Close(); took != 0 || len(a.events) != 0 {
			t.Errorf("stopping took %v, %d events", took, len(a.events))
		}
	})
}
