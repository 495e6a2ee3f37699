package localstack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Several batches of a shard at a time, and the order of each item.
func TestParallelizationOfTables(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		const keys, rounds = 20, 10
		tb := c.table("lanes", types.StreamViewTypeNewImage)
		for n := range rounds {
			tb.putRound(keys, n)
			tb.settled((n + 1) * keys)
		}
		var most together
		f := c.follow("f", tb.stream, most.meet, "ParallelizationFactor: 10", "BatchSize: 3")
		c.run(fileOf(f))
		eventually(t, "all are handled", func() bool { return f.fn.records() >= keys*rounds })
		wantOrder(t, roundsOf(f.fn.seen()), keys*rounds)
		if n := most.count(); n < 3 || n > 10 {
			t.Errorf("%d batches at a time, want more than two and ten at most", n)
		}
	})
}

// A batch waits for its window, which ends early when the batch is full.
func TestBatchingWindowOfTables(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("batching")
		f := c.follow("f", tb.stream, succeed, "MaximumBatchingWindowInSeconds: 3", "BatchSize: 4")
		tb.put(numbers(6)...)
		c.run(fileOf(f))
		f.sees(tb, numbers(6)...)
		calls := f.fn.seen()
		var sizes []int
		for _, e := range calls {
			sizes = append(sizes, len(e.Records))
		}
		if !slices.Equal(sizes, []int{4, 2}) {
			t.Fatalf("batches of %v, want four records and two", sizes)
		}
		if gap := calls[1].At.Sub(calls[0].At); gap < 2500*time.Millisecond || gap > slack {
			t.Errorf("the second batch came after %v, want 3 s", gap)
		}
	})
}

// A table's tumbling windows are by the times of its changes, which are whole seconds or, with DynamoDB Local, minutes.
func TestTumblingWindowsOfTables(t *testing.T) {
	whole := []streamService{dynamodbServices[0], dynamodbServices[2]}
	overStreams(t, whole, func(t *testing.T, c *corner) {
		tb := c.table("tumbling")
		f := c.follow("f", tb.stream, func(e event) (string, error) {
			w := windowOf(e)
			return fmt.Sprintf(`{"state":{"n":"%s%d"}}`, w.State["n"], len(w.Records)), nil
		}, "TumblingWindowInSeconds: 2", "BatchSize: 1")
		c.run(fileOf(f))
		n := 0
		eventually(t, "two windows have ended", func() bool {
			if n++; n%15 == 1 {
				tb.put(fmt.Sprint(n))
			}
			return len(endsOf(f.fn.seen())) >= 2
		})
		tb.wantWindows(t, f.fn.seen())
	})
}

func windowOf(e event) (w events.DynamoDBTimeWindowEvent) {
	_ = json.Unmarshal(e.Raw, &w)
	return w
}

func endsOf(calls []event) (finals []event) {
	for _, e := range calls {
		if windowOf(e).IsFinalInvokeForWindow {
			finals = append(finals, e)
		}
	}
	return finals
}

// wantWindows follows the states through all invocations: each has the state that the one before it returned, and the
// first of a window has none.
func (t *table) wantWindows(test interface{ Errorf(string, ...any) }, calls []event) {
	t.Helper()
	shard, state := t.shardsOf(t.stream)[0].ShardId, ""
	for _, e := range calls {
		w := windowOf(e)
		if w.ShardID != *shard || w.EventSourceARN != t.stream || w.Window.End.Sub(w.Window.Start.Time) != 2*time.Second || w.IsWindowTerminatedEarly {
			test.Errorf("event %s", e.Raw)
		}
		if w.State["n"] != state {
			test.Errorf("state %q, want %q in %s", w.State["n"], state, e.Raw)
		}
		for _, r := range w.Records {
			if at := r.Change.ApproximateCreationDateTime; at.Before(w.Window.Start.Time) || !at.Before(w.Window.End.Time) {
				test.Errorf("a record of %v is in window %v", at, w.Window)
			}
		}
		if state += fmt.Sprint(len(w.Records)); w.IsFinalInvokeForWindow {
			if len(w.Records) > 0 {
				test.Errorf("final event %s", e.Raw)
			}
			state = ""
		}
	}
}
