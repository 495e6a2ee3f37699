package observe

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // lines show the time of day
	os.Exit(m.Run())
}

const uuid = "8ca6a480-4092-5f31-8bd6-4cea39521f1e"

// orders is the mapping of most tests.
var orders = Mapping{UUID: uuid, Source: "arn:aws:sqs:us-east-1:000000000000:orders", Function: "f:live"}

var errRefused = errors.New("connection refused")

// recs are n records with the IDs a, b and so on.
func recs(n int) (all []esm.Record) {
	for i := range n {
		all = append(all, esm.Record{ID: string(rune('a' + i))})
	}
	return all
}

// story is one batch of ten: the filter drops two of them, and the handler reports three of the rest.
func story() []trace.Event {
	in := recs(10)
	return []trace.Event{
		trace.State{Mapping: uuid, State: "Enabled"},
		trace.Scaled{Mapping: uuid, Pollers: 5},
		trace.Received{Mapping: uuid, Records: in, Took: 40 * time.Millisecond},
		trace.Filtered{Mapping: uuid, Records: in[:2]},
		trace.Deleted{Mapping: uuid, Records: in[:2], Filtered: true},
		trace.Invoking{Mapping: uuid, Function: "f:live", ID: "id-1", Records: in[2:]},
		trace.Ran{Function: "f", ID: "id-1", Took: 120 * time.Millisecond},
		trace.Invoked{
			Mapping: uuid, Function: "f:live", ID: "id-1", Records: in[2:], Took: 123456 * time.Microsecond, Tries: 1,
			Verdict: trace.Partial, Reason: "ItemFailures", Failed: []string{"c", "d", "e"},
		},
		trace.Deleted{Mapping: uuid, Records: in[5:]},
		trace.Left{Mapping: uuid, Records: in[2:5], Reason: "ItemFailures"},
	}
}

// invoked is what came of one try with eight records.
func invoked(verdict trace.Verdict, reason trace.Reason, detail string, tries int) trace.Invoked {
	return trace.Invoked{
		Mapping: uuid, Function: "f:live", ID: "id-1", Records: recs(8), Took: 12 * time.Millisecond, Tries: tries,
		Verdict: verdict, Reason: reason, Detail: detail,
	}
}

func tell(t trace.Func, events ...trace.Event) {
	for _, e := range events {
		t.Emit(e)
	}
}

func TestTee(t *testing.T) {
	var told []string
	note := func(name string) trace.Func { return func(trace.Event) { told = append(told, name) } }
	Tee(note("a"), nil, note("b")).Emit(trace.Scaled{})
	if want := []string{"a", "b"}; !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}

func TestFailedRecords(t *testing.T) {
	for verdict, want := range map[trace.Verdict]int{trace.Done: 0, trace.Partial: 2, trace.Failed: 3, trace.NotRun: 3, trace.Refused: 3} {
		if got := failedRecords(trace.Invoked{Verdict: verdict, Records: recs(3), Failed: []string{"a", "b"}[:2]}); got != want {
			t.Errorf("%s: got %d, want %d", verdict, got, want)
		}
	}
}

func TestOnlyLeftAndIntended(t *testing.T) {
	for _, c := range []struct {
		reason             trace.Reason
		err                error
		onlyLeft, intended bool
	}{
		{"ItemFailures", nil, false, false},
		{"FunctionError", nil, false, false},
		{"Throttled", nil, false, false},
		{"NoPermit", errRefused, true, false},
		{"RecordTooLarge", nil, true, false},
		{"Returned", nil, true, false},
		{"DeleteFailed", errRefused, true, false},
		{"GroupBlocked", nil, true, true},
		{"Stopping", nil, true, true},
	} {
		e := trace.Left{Reason: c.reason, Err: c.err}
		if got := onlyLeft(e); got != c.onlyLeft {
			t.Errorf("%s: onlyLeft %v, want %v", c.reason, got, c.onlyLeft)
		}
		if got := intended(e); got != c.intended {
			t.Errorf("%s: intended %v, want %v", c.reason, got, c.intended)
		}
	}
}

func TestMappingTitle(t *testing.T) {
	if got, want := orders.Title(), "orders → f:live"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
