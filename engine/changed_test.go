package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

func TestWindowsThatAreSwitchedOffAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.close()
		r.feed.Tumbling = policy.Tumbling{}
		r.feed.Batching.Size = 2
		told = nil
		r.fn.handler = func(e event) (string, error) {
			told = append(told, fmt.Sprintf("%d records", len(e.Records)))
			return "", nil
		}
		r.wait(time.Hour)
		r.put(5)
		r.start()
		r.wait(5 * time.Minute)
		r.close()
		if want := []string{"2 records", "2 records", "1 records"}; !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

func TestOwedRecordsThatNoFilterWantsAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) { return "", faultError("Unhandled") })
		for _, n := range []int{1, 2, 3} {
			r.stream.Put("key", fmt.Sprintf(`{"n":%d}`, n))
		}
		r.start()
		r.wait(5 * time.Second)
		r.close()
		r.feed.Filter = numbered(t, 1, 2)
		r.fn.handler = succeed
		before := len(r.fn.seen())
		r.start()
		r.wait(5 * time.Minute)
		calls := r.fn.seen()
		if got, want := story(calls[before:]), []string{`{"n":1}-{"n":2}`}; !slices.Equal(got, want) || calls[before].ID == calls[before-1].ID {
			t.Errorf("invocations after the restart %q, want %q under a new ID", got, want)
		}
		r.close()
	})
}

// What a filter leaves out between the records of a run was never part of it.
func TestTriesGoOnCountingAroundRecordsThatNoFilterWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) { return "", faultError("Unhandled") })
		r.feed.Filter = numbered(t, 1, 3)
		r.feed.Rules = policy.Stream{MaxRetries: 6}
		for _, n := range []int{1, 2, 3, 4} {
			r.stream.Put("key", fmt.Sprintf(`{"n":%d}`, n))
		}
		for range 5 {
			r.start()
			r.wait(3 * time.Second)
			r.close()
		}
		r.start()
		r.wait(time.Hour)
		r.close()
		ids := map[string]bool{}
		for _, e := range r.fn.seen() {
			ids[e.ID] = true
		}
		if got := len(r.fn.seen()); got != 7 || len(ids) != 1 || len(r.notices) != 1 || r.notices[0].Invokes != 7 {
			t.Errorf("%d invocations under %d IDs, notices %+v", got, len(ids), r.notices)
		}
	})
}

// A run under an ID has the same records each time: with those that a new filter adds it is another one.
func TestOwedRecordsWithOthersThatAreWantedNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) { return "", faultError("Unhandled") })
		r.feed.Filter = numbered(t, 1, 3)
		r.feed.Batching.Size = 2
		for _, n := range []int{1, 2, 3} {
			r.stream.Put("key", fmt.Sprintf(`{"n":%d}`, n))
		}
		r.start()
		r.wait(5 * time.Second)
		r.close()
		r.feed.Filter = nil
		r.fn.handler = succeed
		before := len(r.fn.seen())
		r.start()
		r.wait(time.Minute)
		r.close()
		calls := r.fn.seen()
		if got, want := story(calls[before:]), []string{`{"n":1}-{"n":3}`}; !slices.Equal(got, want) || calls[before].ID == calls[before-1].ID {
			t.Errorf("invocations after the restart %q, want %q under a new ID", got, want)
		}
	})
}

// numbered is a filter of records whose n is one of these.
func numbered(t *testing.T, wanted ...int) *filter.Filter {
	t.Helper()
	list, _ := json.Marshal(wanted)
	f, err := filter.Compile([]string{`{"data":{"n":` + string(list) + `}}`}, "data")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestATerminatedWindowEndsBeforeWhatIsLeftAlsoAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		finals := false
		r := tumbling(t, func(e event) (string, error) {
			told = append(told, fmt.Sprintf("%d records, final %v, early %v", len(e.Records), e.Final, e.Early))
			switch {
			case e.Final && !finals:
				return "", faultError("Unhandled")
			case e.Final || len(e.Records) < 5:
				return `{"state":{}}`, nil
			}
			return `{"state":"` + strings.Repeat("x", policy.MaxState) + `","batchItemFailures":[{"itemIdentifier":"` +
				e.Records[2].Kinesis.SequenceNumber + `"}]}`, nil
		})
		r.feed.Report = true
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.crash()
		finals, told = true, nil
		r.start()
		r.wait(5 * time.Second)
		r.close()
		want := []string{"0 records, final true, early true", "3 records, final false, early false"}
		if !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

func TestAWindowOfAnotherLengthEndsWhereANewOneWould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.wait(40 * time.Second)
		r.put(1)
		r.start()
		r.wait(5 * time.Second)
		r.close()
		r.feed.Tumbling.Length = 20 * time.Second
		r.start()
		for range 3 { // at 45, 65 and 85 s
			r.put(1)
			r.wait(20 * time.Second)
		}
		r.close()
		want := []string{"00:30 1", "00:30 1 final", "00:40 1", "00:40 1 final", "01:00 1", "01:00 1 final", "01:20 1"}
		if !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

// A run whose records no filter wants any more is owed no longer.
func TestARunThatIsNotWantedAnyMoreIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) { return "", faultError("Unhandled") })
		r.stream.Put("key", `{"n":1}`)
		r.start()
		r.wait(5 * time.Second)
		r.close()
		before := len(r.fn.seen())
		r.feed.Filter = numbered(t, 2)
		r.start()
		r.wait(5 * time.Second)
		r.close()
		all, _ := r.store.All(t.Context(), "m")
		if cp := all[r.stream.Shards()[0]]; len(cp.Owed) != 0 || cp.Position == "" || len(r.fn.seen()) != before {
			t.Errorf("kept %+v after %d further invocations", cp, len(r.fn.seen())-before)
		}
	})
}

// A run whose tries are used up is halved when that is allowed by now.
func TestBisectingThatIsSwitchedOnLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "2"))
		r.put(4)
		r.start()
		r.wait(2 * time.Second) // tries at 0, 0.2, 0.6 and 1.4 s
		r.close()
		r.feed.Rules = policy.Stream{MaxRetries: 1, Bisect: true}
		r.start()
		r.wait(time.Minute)
		r.close()
		want := []string{"1-4", "1-4", "1-4", "1-4", "1-2", "1", "2", "2", "3-4"}
		if got := story(r.fn.seen()); !slices.Equal(got, want) || len(r.notices) != 1 || r.notices[0].Stream.Size != 1 {
			t.Errorf("invocations %q, want %q; notices %+v", got, want, r.notices)
		}
	})
}

// What was owed before windows were switched on, or were of another length, is parted by windows like all else.
func TestOwedRecordsWhenWindowsChange(t *testing.T) {
	for name, test := range map[string]struct {
		before, after time.Duration
		want          []string
	}{
		"switched on": {0, 30 * time.Second, []string{"00:00 3", "00:00 3 final", "00:30 2", "00:30 2 final"}},
		"shorter":     {time.Minute, 30 * time.Second, []string{"00:00 3", "00:00 3 final", "00:30 2", "00:30 2 final"}},
		"longer":      {30 * time.Second, time.Minute, []string{"00:00 3", "00:00 5", "00:00 5 final"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := flow(t, sourcetest.StreamConfig{}, throw)
				r.feed.Tumbling.Length = test.before
				r.put(3)
				r.wait(40 * time.Second)
				r.put(2)
				r.start()
				r.wait(5 * time.Second)
				r.close()
				var told []string
				r.fn.handler = counting(&told)
				r.feed.Tumbling.Length = test.after
				r.start()
				r.wait(5 * time.Minute)
				r.close()
				if !slices.Equal(told, test.want) {
					t.Errorf("invocations %q, want %q", told, test.want)
				}
			})
		})
	}
}
