package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm"
)

func bodies(t *testing.T, recs []esm.Record) []string {
	t.Helper()
	var out []string
	for _, r := range recs {
		out = append(out, decode(t, r).Body)
	}
	return out
}

func decode(t *testing.T, r esm.Record) events.SQSMessage {
	t.Helper()
	var m events.SQSMessage
	if err := json.Unmarshal(r.Event, &m); err != nil {
		t.Fatalf("event %s: %v", r.Event, err)
	}
	return m
}

func receive(t *testing.T, q *Queue, limit int, wait time.Duration) []esm.Record {
	t.Helper()
	recs, err := q.Receive(t.Context(), limit, wait)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return recs
}

func TestLongPollEndsWithTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(QueueConfig{})
		start := time.Now()
		time.AfterFunc(7*time.Second, func() { q.Send("late", "") })
		recs := receive(t, q, 10, 20*time.Second)
		if got := bodies(t, recs); !slices.Equal(got, []string{"late"}) {
			t.Errorf("got %q, want the late message", got)
		}
		if got := time.Since(start); got != 7*time.Second {
			t.Errorf("the poll took %s, want 7s", got)
		}
	})
}

func TestMessageComesBackExactlyAtUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(QueueConfig{Visibility: 9 * time.Second})
		q.Send("again", "")
		first := receive(t, q, 10, 0)[0]
		second := receive(t, q, 10, 20*time.Second)[0]
		if got := time.Now(); !got.Equal(first.Until) {
			t.Errorf("came back %s after its Until", got.Sub(first.Until))
		}
		if got := decode(t, second).Attributes["ApproximateReceiveCount"]; got != "2" {
			t.Errorf("receive count %s, want 2", got)
		}
		if second.ID != first.ID || second.Receipt == first.Receipt {
			t.Errorf("got id %s and receipt %s, want the same id and another receipt", second.ID, second.Receipt)
		}
	})
}

func TestReceivedTooOftenMeansDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(QueueConfig{Visibility: time.Second, MaxReceives: 2})
		id := q.Send("poison", "")
		for range 2 {
			if got := receive(t, q, 10, 5*time.Second); len(got) != 1 {
				t.Fatalf("got %d records, want 1", len(got))
			}
		}
		if got := receive(t, q, 10, 5*time.Second); len(got) != 0 {
			t.Fatalf("received a third time: %v", got)
		}
		if dead := q.Dead(); len(dead) != 1 || dead[0].ID != id || q.Len() != 0 {
			t.Errorf("dead %v and %d in the queue, want the message to be dead", dead, q.Len())
		}
	})
}

func TestFaults(t *testing.T) {
	lost := errors.New("lost")
	t.Run("receive undone", func(t *testing.T) {
		q := NewQueue(QueueConfig{ReceiveFaults: InTurn(Undone(lost))})
		q.Send("x", "")
		if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, lost) || q.InFlight() != 0 {
			t.Errorf("got %v and %d in flight, want the fault and none", err, q.InFlight())
		}
		if got := receive(t, q, 1, 0); len(got) != 1 {
			t.Errorf("the second call got %d records, want 1", len(got))
		}
	})
	t.Run("receive done", func(t *testing.T) {
		q := NewQueue(QueueConfig{ReceiveFaults: InTurn(Done(lost))})
		q.Send("x", "")
		if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, lost) || q.InFlight() != 1 {
			t.Errorf("got %v and %d in flight, want the fault and one", err, q.InFlight())
		}
	})
	t.Run("delete undone for one record", func(t *testing.T) {
		first := ""
		q := NewQueue(QueueConfig{DeleteFaults: InTurn(Fault{Err: lost, Only: func(r esm.Record) bool { return r.ID == first }})})
		first = q.Send("x", "")
		second := q.Send("y", "")
		left, err := q.Delete(t.Context(), receive(t, q, 10, 0))
		if len(left) != 1 || left[0].ID != first || !errors.Is(err, lost) {
			t.Errorf("left %v with %v, want the first record with the fault", left, err)
		}
		if got := q.Deleted(); !slices.Equal(got, []string{second}) {
			t.Errorf("deleted %v, want the second", got)
		}
	})
	t.Run("delete done", func(t *testing.T) {
		q := NewQueue(QueueConfig{DeleteFaults: Always(Done(lost))})
		q.Send("x", "")
		left, err := q.Delete(t.Context(), receive(t, q, 10, 0))
		if len(left) != 1 || !errors.Is(err, lost) || q.Len() != 0 {
			t.Errorf("left %v with %v and %d in the queue, want it deleted but reported", left, err, q.Len())
		}
	})
}

func TestEventIsAMessage(t *testing.T) {
	q := NewQueue(QueueConfig{FIFO: true})
	id := q.Send(`{"a":"<b>"}`, "g")
	rec := receive(t, q, 1, 0)[0]
	m := decode(t, rec)
	if m.MessageId != id || m.ReceiptHandle != rec.Receipt || m.Body != `{"a":"<b>"}` || m.Attributes["MessageGroupId"] != "g" {
		t.Errorf("got %s", rec.Event)
	}
	if got := m.Md5OfBody; len(got) != 32 {
		t.Errorf("md5OfBody %q", got)
	}
}

func TestReceiveAfterTheEndOfCtx(t *testing.T) {
	q := NewQueue(QueueConfig{})
	q.Send("x", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if recs, err := q.Receive(ctx, 1, 0); !errors.Is(err, context.Canceled) || len(recs) != 0 || q.InFlight() != 0 {
		t.Errorf("got %v, %v with %d in flight", recs, err, q.InFlight())
	}
}

func BenchmarkDrain(b *testing.B) {
	b.ReportAllocs()
	q := NewQueue(QueueConfig{MaxReceives: 3})
	for range b.N {
		q.Send("body", "")
	}
	b.ResetTimer()
	for q.Len() > 0 {
		recs, err := q.Receive(b.Context(), 10, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := q.Delete(b.Context(), recs); err != nil {
			b.Fatal(err)
		}
	}
}
