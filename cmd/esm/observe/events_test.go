package observe

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/trace"
)

// Received is what succeeded, was given up or dropped, and waits.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(nil, []string{"f"})
		now := time.Now()
		m.WatchBacklogs(func() []async.Backlog {
			return []async.Backlog{
				{Function: "f", Waiting: 1, InFlight: 1, Oldest: now.Add(-time.Minute), Next: now.Add(time.Second)},
				{Function: "gone", Waiting: 3, Oldest: now.Add(-time.Hour)},
			}
		})
		for range 7 {
			m.Trace(trace.EventAccepted{Function: "f:live", ID: "a"})
		}
		for _, e := range []trace.Event{
			trace.EventTried{Function: "f", Age: time.Second},
			trace.EventTried{Function: "f", Age: 2 * time.Second, Verdict: trace.NotRun, Reason: trace.ReasonThrottled},
			trace.EventTried{Function: "f", Verdict: trace.NotRun, Reason: trace.ReasonThrottled, Invoked: true}, // a Ran reports it
			trace.EventEnded{Function: "f:live", Condition: esm.Success},
			trace.EventEnded{Function: "f", Condition: esm.RetriesExhausted, Error: "no stock"},
			trace.EventEnded{Function: "f", Condition: esm.RecursiveInvocation},
			trace.EventsRemoved{Function: "f", Count: 2},
			trace.RecursionStopped{Function: "f:live", Count: 3},
			trace.EventEnded{Function: "gone", Condition: esm.RetriesExhausted},
			trace.EventNotified{Function: "f", Condition: esm.RetriesExhausted},
			trace.EventNotified{Function: "f", Condition: esm.RetriesExhausted, Err: errors.New("there is no destination")},
			trace.EventNotified{Function: "f", Condition: esm.RetriesExhausted, Destination: "arn", Err: errors.New("gone")},
			trace.EventNotified{Function: "f", Condition: esm.RetriesExhausted, Destination: "arn", DeadLetter: true, Err: errors.New("gone")},
		} {
			m.Trace(e)
		}
		functions := m.Status().Functions
		if len(functions) != 2 || functions[1].Name != "gone" || !functions[1].Missing || functions[1].Events.Waiting != 3 || functions[1].Events.Dropped != 1 {
			t.Fatalf("got %+v", functions)
		}
		f := functions[0]
		e := f.Events
		if e.Received != 7 || e.Succeeded+e.Dropped+int64(e.Waiting+e.InFlight) != e.Received || f.Throttles != 1 || e.OldestAge != time.Minute {
			t.Errorf("got %+v", f)
		}
		checkMetrics(t, "events", m, map[string]float64{
			"esm_async_events_received_total":                              7,
			"esm_async_events_succeeded_total":                             1,
			"esm_async_events_dropped_total,condition=RetriesExhausted":    2, // one of a function that is not in the file
			"esm_async_events_dropped_total,condition=RecursiveInvocation": 1,
			"esm_async_events_dropped_total,condition=Removed":             2,
			"esm_recursive_invocations_dropped_total":                      4,
			"esm_async_destination_delivery_failures_total":                1,
			"esm_async_dead_letter_errors_total":                           1,
			"esm_async_events_waiting,function=gone":                       3,
			"esm_async_events_in_flight":                                   1,
			"esm_async_oldest_event_age_seconds,function=f":                60,
			"esm_async_event_age_seconds":                                  3,
		})
	})
}
