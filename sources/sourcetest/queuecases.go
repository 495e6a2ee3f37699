package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

func emptyAtOnce(t *queueTest) {
	start := time.Now()
	if recs := t.receive(10, 0); len(recs) != 0 {
		t.Errorf("received %d records from an empty queue", len(recs))
	}
	t.took(start, 0)
}

func waitsWholeSeconds(t *queueTest) {
	t.receive(10, 0) // the first call may have to find the queue
	start := time.Now()
	if recs := t.receive(10, 1900*time.Millisecond); len(recs) != 0 {
		t.Errorf("received %d records from an empty queue", len(recs))
	}
	t.took(start, time.Second)
}

func longPollEnds(t *queueTest) {
	start := time.Now()
	t.sendAfter(time.Second, "late")
	if got := t.bodies(t.receive(10, 20*time.Second)); !slices.Equal(got, []string{"late"}) {
		t.Errorf("received %q, want the late message", got)
	}
	t.took(start, time.Second)
}

func pollEndsWithContext(t *queueTest) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	start := time.Now()
	recs, err := t.Queue.Receive(ctx, 10, 20*time.Second)
	if !errors.Is(err, context.DeadlineExceeded) || len(recs) != 0 {
		t.Errorf("got %d records and %v, want the end of the context", len(recs), err)
	}
	t.took(start, 1500*time.Millisecond)
	if recs, err := t.Queue.Receive(t.ended(), 10, 0); !errors.Is(err, context.Canceled) || len(recs) != 0 {
		t.Errorf("after the end: got %d records and %v", len(recs), err)
	}
}

func recordIsMessage(t *queueTest) {
	const body = "{\"a\": \"<é>&\u2028 \\n\"}\ttab \"quoted\" 😀"
	sent := time.Now()
	t.send(body)
	rec := t.take(1)[0]
	now := time.Now()
	got := t.look(rec)
	if got.Body != body {
		t.Errorf("body %q, want %q", got.Body, body)
	}
	if rec.ID == "" || rec.ID != got.MessageID || rec.Receipt == "" {
		t.Errorf("id %q and receipt %q of message %q", rec.ID, rec.Receipt, got.MessageID)
	}
	if want := now.Add(t.Visibility); rec.Until.After(want) || rec.Until.Before(want.Add(-t.Slack)) {
		t.Errorf("until %s, want %s (less %s at most)", rec.Until, want, t.Slack)
	}
	if rec.Arrived.Before(sent.Add(-t.Slack-time.Millisecond)) || rec.Arrived.After(now.Add(t.Slack)) { // given in ms
		t.Errorf("arrived %s, sent between %s and %s", rec.Arrived, sent, now)
	}
	if want := map[bool]string{true: "group"}[t.FIFO]; rec.Group != want {
		t.Errorf("group %q, want %q", rec.Group, want)
	}
	if got := got.Attributes["ApproximateReceiveCount"]; got != "1" {
		t.Errorf("receive count %q, want 1", got)
	}
}

func limitHonoured(t *queueTest) {
	var bodies []string
	for i := range 15 {
		bodies = append(bodies, fmt.Sprint(i))
	}
	t.sendApart(bodies...)
	for _, limit := range []int{2, 100} {
		if got := t.receive(limit, time.Second); len(got) > min(limit, esm.MaxReceived) {
			t.Errorf("received %d records with a limit of %d", len(got), limit)
		}
	}
}

func deletedMeansGone(t *queueTest) {
	t.send("a")
	t.delete(t.take(1))
	t.quiet(t.Visibility + t.Slack + time.Second)
}

func comesBackAtUntil(t *queueTest) {
	t.send("again")
	first := t.take(1)[0]
	second := t.take(1)[0]
	if early := time.Until(first.Until); early > t.Slack {
		t.Errorf("came back %s before its Until", early)
	}
	if late := time.Since(first.Until); late > t.Slack {
		t.Errorf("came back %s after its Until", late)
	}
	if second.ID != first.ID || second.Receipt == first.Receipt {
		t.Errorf("id %s and receipt %s came back as %s and %s", first.ID, first.Receipt, second.ID, second.Receipt)
	}
	if got := t.look(second).Attributes["ApproximateReceiveCount"]; got != "2" {
		t.Errorf("receive count %q, want 2", got)
	}
}

func deleteTwice(t *queueTest) {
	t.sendApart("a", "b")
	recs := t.take(2)
	t.delete(recs[:1])
	t.delete(recs)
	t.delete(recs)
}

func deletePart(t *queueTest) {
	t.sendApart("a", "b", "c")
	recs := t.take(3)
	want := t.bodies(recs[1:2])
	t.delete([]esm.Record{recs[0], recs[2]})
	if got := t.bodies(t.take(1)); !slices.Equal(got, want) {
		t.Errorf("%q came back, want %q", got, want)
	}
}

func deleteNone(t *queueTest) {
	t.delete(nil)
}

func deleteAfterEnd(t *queueTest) {
	t.send("a")
	recs := t.take(1)
	if left, err := t.Queue.Delete(t.ended(), recs); !errors.Is(err, context.Canceled) || len(left) != 1 {
		t.Errorf("%d left with %v, want 1 and the end of the context", len(left), err)
	}
	t.delete(recs)
}

func deleteMany(t *queueTest) {
	const n = 35
	for i := range n {
		t.sendApart(fmt.Sprint(i))
	}
	t.delete(t.take(n))
	t.quiet(t.Visibility + t.Slack + time.Second)
}

func releasedComesBackAtOnce(t *queueTest) {
	const n = 25
	for i := range n {
		t.sendApart(fmt.Sprint(i))
	}
	first := t.take(n)
	start := time.Now()
	t.release(first)
	again := t.take(n)
	t.took(start, 0)
	receipts := map[string]string{}
	for _, r := range first {
		receipts[r.ID] = r.Receipt
	}
	for _, r := range again {
		if old, sent := receipts[r.ID]; !sent || old == r.Receipt {
			t.Errorf("message %s came back with the receipt %s, and had %s", r.ID, r.Receipt, old)
		}
	}
	if got := t.look(again[0]).Attributes["ApproximateReceiveCount"]; got != "2" {
		t.Errorf("receive count %q, want 2", got)
	}
	t.delete(again)
}

func releaseWhatIsGone(t *queueTest) {
	t.sendApart("deleted", "kept")
	recs := t.take(2)
	t.delete(recs[:1])
	t.release(nil)
	t.release(recs)
	t.release(recs)
	kept := t.take(1)
	if kept[0].ID != recs[1].ID {
		t.Errorf("message %s came back, want %s", kept[0].ID, recs[1].ID)
	}
	if err := t.Queue.Release(t.ended(), kept); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func releasedGroupKeepsOrder(t *queueTest) {
	want := []string{"0", "1", "2"}
	t.send(want...)
	t.release(t.take(1))
	recs := t.take(3)
	if got := t.bodies(recs); !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	t.release(recs)
	if got := t.bodies(t.take(3)); !slices.Equal(got, want) {
		t.Errorf("received %q again, want %q", got, want)
	}
}

// manyReceivers is small because it must end before the first message is visible again.
func manyReceivers(t *queueTest) {
	const n, receivers = 30, 4
	for i := range n {
		t.sendApart(fmt.Sprint(i))
	}
	var mu sync.Mutex
	count := map[string]int{}
	var all sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for range receivers {
		all.Go(func() {
			for ctx.Err() == nil {
				recs, err := t.Queue.Receive(ctx, 3, time.Second)
				if err == nil {
					_, err = t.Queue.Delete(ctx, recs)
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, r := range recs {
					count[r.ID]++
				}
				if len(count) == n {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(count) != n {
		t.Errorf("received %d of %d messages", len(count), n)
	}
	for id, times := range count {
		if times != 1 {
			t.Errorf("message %s was received %d times although it was deleted", id, times)
		}
	}
}

func groupKeepsOrder(t *queueTest) {
	want := []string{"0", "1", "2", "3", "4", "5", "6"}
	t.send(want...)
	var got []string
	for start := time.Now(); len(got) < len(want) && time.Since(start) < timeout; {
		recs := t.receive(3, time.Second)
		got = append(got, t.bodies(recs)...)
		t.delete(recs)
	}
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

func groupIsLocked(t *queueTest) {
	t.Send("a1", "a")
	t.Send("a2", "a")
	first := t.take(1)
	if got := t.bodies(first); got[0] != "a1" {
		t.Fatalf("received %q first", got)
	}
	t.Send("b1", "b")
	other := t.take(1)
	if got := t.bodies(other); got[0] != "b1" {
		t.Fatalf("received %q while its group is in flight", got)
	}
	t.delete(other)
	t.delete(first)
	if got := t.bodies(t.take(1)); got[0] != "a2" {
		t.Errorf("received %q once the group was free, want a2", got)
	}
}
