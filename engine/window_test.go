package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// counting is a handler that counts records in the window's state, and tells what it was asked.
func counting(told *[]string) func(event) (string, error) {
	return func(e event) (string, error) {
		var state struct{ N int }
		if err := json.Unmarshal(e.State, &state); err != nil {
			return "", err
		}
		state.N += len(e.Records)
		line := fmt.Sprintf("%s %d", e.Window.Start.Format("04:05"), state.N)
		if e.Final {
			line += " final"
		}
		if e.Early {
			line += " early"
		}
		*told = append(*told, line)
		return fmt.Sprintf(`{"state":{"N":%d}}`, state.N), nil
	}
}

func tumbling(t *testing.T, handler func(event) (string, error)) *river {
	r := flow(t, sourcetest.StreamConfig{}, handler)
	r.feed.Tumbling = policy.Tumbling{Length: 30 * time.Second}
	return r
}

func TestWindowsCarryStateAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.start()
		for range 4 { // at 0, 20, 40 and 60 s of the bubble's clock, which begins with a minute
			r.put(5)
			r.wait(20 * time.Second)
		}
		r.wait(5 * time.Minute)
		r.close()
		want := []string{"00:00 5", "00:00 10", "00:00 10 final", "00:30 5", "00:30 5 final", "01:00 5", "01:00 5 final"}
		if !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

func TestAWindowSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.crash()
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.crash()
		r.wait(time.Hour)
		r.start()
		r.wait(2 * time.Minute)
		r.close()
		if want := []string{"00:00 5", "00:00 10", "00:00 10 final"}; !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

func TestShardEndClosesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.stream.Roll(r.stream.Shards()[0])
		r.wait(5 * time.Second)
		r.put(1)
		r.wait(5 * time.Second)
		if want := []string{"00:00 5", "00:00 5 final", "00:00 1"}; !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
		r.close()
	})
}

func TestALargeStateEndsItsWindowEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, func(e event) (string, error) {
			told = append(told, fmt.Sprintf("%d records, %d bytes, final %v, early %v", len(e.Records), len(e.State), e.Final, e.Early))
			if len(e.State) < 100 && !e.Final {
				return `{"state":"` + strings.Repeat("x", policy.MaxState) + `"}`, nil
			}
			return `{"state":{}}`, nil
		})
		r.put(5)
		r.start()
		r.wait(10 * time.Second)
		want := []string{"5 records, 2 bytes, final false, early false", fmt.Sprintf("0 records, %d bytes, final true, early true", policy.MaxState+2)}
		if !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
		r.close()
	})
}

func TestAFinalInvocationThatFailsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finals := 0
		r := tumbling(t, func(e event) (string, error) {
			if e.Final {
				finals++
				return "", faultError("Unhandled")
			}
			return `{"state":{"N":1}}`, nil
		})
		r.feed.Rules = policy.Stream{MaxRetries: 2}
		r.put(5)
		r.start()
		r.wait(5 * time.Minute)
		r.put(1)
		r.wait(5 * time.Second)
		r.close()
		if finals != 3 || len(r.notices) != 1 || r.notices[0].Stream.Window == nil || !r.notices[0].Stream.Window.Final || r.notices[0].Stream.Size != 0 {
			t.Errorf("%d final invocations, notices %+v", finals, r.notices)
		}
		if settled := toldBy[trace.Settled](r); len(settled) != 2 {
			t.Errorf("settled %v, want both batches", settled)
		}
	})
}

// hesitant is a stream whose shards bring nothing at the first reads, as one that is throttled does.
type hesitant struct{ esm.Stream }

func (h hesitant) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r, err := h.Stream.Open(ctx, shard, from)
	return &hesitantReader{r, 3}, err
}

type hesitantReader struct {
	esm.Reader
	empty int
}

func (r *hesitantReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if r.empty == 0 {
		return r.Reader.Read(ctx, limit)
	}
	r.empty--
	sleep(ctx, time.Second)
	return nil, nil
}

// A read that finds nothing does not tell that there is nothing: a window that is long over waits for what is left of it.
func TestAWindowWaitsForRecordsThatAreReadLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := tumbling(t, counting(&told))
		r.put(5)
		r.start()
		r.wait(5 * time.Second)
		r.close()
		r.put(5)
		r.wait(time.Hour)
		r.feed.Stream = hesitant{r.stream}
		r.start()
		r.wait(5 * time.Minute)
		r.close()
		if want := []string{"00:00 5", "00:00 10", "00:00 10 final"}; !slices.Equal(told, want) {
			t.Errorf("invocations %q, want %q", told, want)
		}
	})
}

// unopened is a stream of which no shard can be opened.
type unopened struct {
	esm.Stream
	fault error
}

func (u unopened) Open(context.Context, string, esm.From) (esm.Reader, error) { return nil, u.fault }

// A shard that is gone is at its end, and so is its window. What is wrong with the position says nothing of that.
func TestAWindowOfAShardThatIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		fault  error
		opened bool // it is said when the shard is opened
		want   []string
	}{
		"gone":             {esm.ErrNoShard, false, []string{"00:00 5", "00:00 5 final"}},
		"gone when opened": {esm.ErrNoShard, true, []string{"00:00 5", "00:00 5 final"}},
		"trimmed":          {esm.ErrTrimmed, false, []string{"00:00 5", "00:00 10", "00:00 10 final"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				r := tumbling(t, counting(&told))
				r.put(5)
				r.start()
				r.wait(5 * time.Second)
				r.close()
				r.feed.Stream = late{r.stream, test.fault}
				if test.opened {
					r.feed.Stream = unopened{r.stream, test.fault}
				}
				r.start()
				r.wait(5 * time.Second)
				r.put(5)
				r.wait(10 * time.Minute)
				r.close()
				if !slices.Equal(told, test.want) {
					t.Errorf("invocations %q, want %q", told, test.want)
				}
			})
		})
	}
}
