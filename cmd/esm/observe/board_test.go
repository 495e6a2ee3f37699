package observe

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// of is the status of the only mapping.
func of(t *testing.T, b *Board) MappingStatus {
	t.Helper()
	all := b.Status().Mappings
	if len(all) != 1 {
		t.Fatalf("got %d mappings, want 1", len(all))
	}
	return all[0]
}

func TestBoardTellsTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard([]Mapping{orders}, []string{"f"})
		if got := of(t, b); got.State != "Creating" || got.LastBatch != nil || got.LastResult != "" {
			t.Errorf("before it begins: %+v", got)
		}
		events := story()
		tell(b.Trace, events[:7]...) // up to the invocation
		if got := of(t, b); got.InFlight != 1 || got.Invoked != 8 {
			t.Errorf("%d batches in flight with %d records, want 1 with 8", got.InFlight, got.Invoked)
		}
		tell(b.Trace, events[7:]...)
		got := of(t, b)
		if counts := []int64{got.Polled, got.FilteredOut, got.Invoked, got.FailedInvoke, got.Deleted}; !slices.Equal(counts, []int64{10, 2, 8, 3, 5}) {
			t.Errorf("polled, filtered out, invoked, failed and deleted are %v, want 10, 2, 8, 3 and 5", counts)
		}
		if got.State != "Enabled" || got.Pollers != 5 || got.InFlight != 0 || got.LastResult != "ItemFailures" || !got.Polling {
			t.Errorf("got %+v", got)
		}
		if want := (Batch{time.Now(), 8, 123456 * time.Microsecond}); *got.LastBatch != want {
			t.Errorf("last batch %+v, want %+v", *got.LastBatch, want)
		}
		if got.LastError != nil || got.LastWarning != nil {
			t.Errorf("reported failures are no trouble: %v, %v", got.LastError, got.LastWarning)
		}
	})
}

func TestBoardKeepsTheLastTrouble(t *testing.T) {
	for _, c := range []struct {
		name           string
		event          trace.Event
		errs, warns    string
		result         string
		failing, polls bool
	}{
		{"failed", invoked(trace.Failed, "FunctionError", "Unhandled: boom", 1), "Unhandled: boom", "", "FunctionError", false, false},
		{"done", invoked(trace.Done, "", "", 1), "", "", "Done", false, false},
		{"a doubtful answer", invoked(trace.Done, "", "is ignored", 1), "", "is ignored", "Done", false, false},
		{"failing", trace.Failing{Mapping: uuid, Err: errRefused}, "connection refused", "", "", true, false},
		{"an empty poll", trace.Received{Mapping: uuid}, "", "", "", false, true},
		{"a poll that fails", trace.Received{Mapping: uuid, Err: errRefused}, "", "", "", false, false},
		{"left with an error", trace.Left{Mapping: uuid, Reason: "NoPermit", Err: errRefused}, "NoPermit: connection refused", "", "", false, false},
		{"too large", trace.Left{Mapping: uuid, Reason: "RecordTooLarge"}, "RecordTooLarge", "", "", false, false},
		{"left as told", trace.Left{Mapping: uuid, Reason: "FunctionError"}, "", "", "", false, false},
		{"slowed down", trace.Slowed{Mapping: uuid, Err: errRefused}, "", "connection refused", "", false, false},
		{"stopping", trace.Left{Mapping: uuid, Reason: "Stopping"}, "", "", "", false, false},
	} {
		b := NewBoard([]Mapping{orders}, nil)
		b.Trace(c.event)
		got := of(t, b)
		if text(got.LastError) != c.errs || text(got.LastWarning) != c.warns || got.LastResult != c.result {
			t.Errorf("%s: got %q, %q and %q, want %q, %q and %q", c.name,
				text(got.LastError), text(got.LastWarning), got.LastResult, c.errs, c.warns, c.result)
		}
		if got.Failing != c.failing || got.Polling != c.polls {
			t.Errorf("%s: failing %v and polling %v, want %v and %v", c.name, got.Failing, got.Polling, c.failing, c.polls)
		}
	}
}

func text(n *Note) string {
	if n == nil {
		return ""
	}
	return n.Text
}

func TestBoardOfASourceThatRecovers(t *testing.T) {
	b := NewBoard([]Mapping{orders}, nil)
	b.Trace(trace.Failing{Mapping: uuid, Err: errRefused})
	b.Trace(trace.Received{Mapping: uuid})
	if got := of(t, b); got.Failing || got.LastError == nil {
		t.Errorf("failing %v with %v, want that it has passed and is remembered", got.Failing, got.LastError)
	}
}

func TestBoardOfFunctions(t *testing.T) {
	b := NewBoard(nil, []string{"g", "f"})
	tell(b.Trace,
		trace.Started{Function: "f", Took: time.Second},
		trace.Environments{Function: "f", Alive: 3, Busy: 2},
		trace.Ran{Function: "f"},
		trace.Ran{Function: "f", Fault: "Sandbox.Timedout"},
		trace.Ran{Function: "f", Throttled: true, Err: esm.ErrThrottled},
		trace.Ran{Function: "g", Err: errRefused},
		trace.Started{Function: "nobody", Err: errRefused},
	)
	all := b.Status().Functions
	if len(all) != 2 || all[0].Name != "f" || all[1].Name != "g" {
		t.Fatalf("got %+v, want f and g", all)
	}
	f, g := all[0], all[1]
	if f.Environments != 3 || f.Busy != 2 || f.Invocations != 2 || f.Errors != 1 || f.Throttles != 1 || text(f.LastError) != "Sandbox.Timedout" {
		t.Errorf("got %+v", f)
	}
	if g.Invocations != 0 || text(g.LastError) != "connection refused" {
		t.Errorf("got %+v", g)
	}
	b.Trace(trace.Started{Function: "g", Err: esm.ErrNotRun})
	if got, want := text(b.Status().Functions[1].LastError), esm.ErrNotRun.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWaiting(t *testing.T) {
	other := Mapping{UUID: "2", Source: "arn:aws:sqs:us-east-1:000000000000:another", Function: "f"}
	idle := Mapping{UUID: "3", Source: "arn:aws:sqs:us-east-1:000000000000:idle", Function: "f"}
	b := NewBoard([]Mapping{orders, other, idle}, nil)
	steps := []struct {
		event trace.Event
		want  []string
	}{
		{trace.State{Mapping: "3", State: "Disabled"}, []string{"another → f", "orders → f:live"}},
		{trace.Received{Mapping: uuid, Err: errRefused}, []string{"another → f", "orders → f:live"}},
		{trace.Received{Mapping: uuid}, []string{"another → f"}},
		{trace.Received{Mapping: "2", Records: recs(1)}, nil},
		{trace.Failing{Mapping: "2", Err: errRefused}, nil}, // it was ready once
	}
	for i, s := range steps {
		b.Trace(s.event)
		if got := b.Status().Waiting(); !slices.Equal(got, s.want) {
			t.Errorf("after step %d: got %q, want %q", i, got, s.want)
		}
	}
	if got := NewBoard(nil, nil).Status().Waiting(); got != nil {
		t.Errorf("without mappings it waits for %q", got)
	}
}

// A mapping that never ran has done nothing, and one that is asked for under another function is that one.
func TestStatusOf(t *testing.T) {
	b := NewBoard([]Mapping{orders, {UUID: "gone"}}, []string{"f"})
	b.Trace(trace.Received{Mapping: uuid, Records: recs(2)})
	renamed, queue, stream := orders, Mapping{UUID: "q", Source: "arn:aws:sqs:us-east-1:000000000000:z", Function: "g"},
		Mapping{UUID: "s", Source: "arn:aws:kinesis:us-east-1:000000000000:stream/z", Function: "g", Stream: true}
	renamed.Function = "other"
	got := b.StatusOf([]Mapping{queue, renamed, stream})
	if len(got.Mappings) != 3 || len(got.Functions) != 1 {
		t.Fatalf("got %+v", got)
	}
	if s := got.Mappings[0]; s.UUID != "s" || s.StreamStatus == nil || s.Shards == nil || s.Polled != 0 {
		t.Errorf("got %+v", s)
	}
	if m := got.Mappings[1]; m.UUID != uuid || m.Function != "other" || m.Polled != 2 {
		t.Errorf("got %+v", m)
	}
	if q := got.Mappings[2]; q.UUID != "q" || q.StreamStatus != nil {
		t.Errorf("got %+v", q)
	}
}

func TestBoardDropsWhatIsNotOnIt(t *testing.T) {
	b := NewBoard(nil, nil)
	tell(b.Trace, story()...)
	if got, _ := json.Marshal(b.Status()); string(got) != `{"EventSourceMappings":[],"Functions":[]}` {
		t.Errorf("got %s, want an empty board", got)
	}
}

func TestBoardManyAtOnce(t *testing.T) {
	b := NewBoard([]Mapping{orders}, []string{"f"})
	var pollers sync.WaitGroup
	for range 8 {
		pollers.Go(func() {
			for range 50 {
				tell(b.Trace, story()...)
				b.Status().Waiting()
			}
		})
	}
	pollers.Wait()
	if got := of(t, b); got.Polled != 4000 || got.Deleted != 2000 || got.InFlight != 0 {
		t.Errorf("got %+v", got)
	}
}

// What `esm status --json` and scripts read.
func TestStatusJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBoard([]Mapping{orders}, []string{"f"})
		tell(b.Trace, story()...)
		tell(b.Trace, trace.Invoking{Mapping: uuid, Records: recs(8)}, invoked(trace.Failed, "FunctionError", "boom", 1))
		got, err := json.MarshalIndent(b.Status(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want := `{
 "EventSourceMappings": [
  {
   "UUID": "8ca6a480-4092-5f31-8bd6-4cea39521f1e",
   "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders",
   "FunctionName": "f:live",
   "State": "Enabled",
   "Polling": true,
   "Failing": false,
   "Pollers": 5,
   "InFlight": 0,
   "LastResult": "FunctionError",
   "LastBatch": {
    "Time": "2000-01-01T00:00:00Z",
    "Records": 8,
    "TookNanoseconds": 12000000
   },
   "LastError": {
    "Time": "2000-01-01T00:00:00Z",
    "Text": "boom"
   },
   "Polled": 10,
   "FilteredOut": 2,
   "Invoked": 16,
   "FailedInvoke": 11,
   "Deleted": 5
  }
 ],
 "Functions": [
  {
   "FunctionName": "f",
   "Environments": 0,
   "Busy": 0,
   "Invocations": 1,
   "Errors": 0,
   "Throttles": 0
  }
 ]
}`
		if string(got) != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}
