package engine

import (
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
		f, err := filter.Compile([]string{`{"data":{"n":[1,2]}}`}, "data")
		if err != nil {
			t.Fatal(err)
		}
		r.feed.Filter = f
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
