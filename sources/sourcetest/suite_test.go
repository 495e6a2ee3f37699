package sourcetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

func TestMemoryQueue(t *testing.T) {
	for name, fifo := range map[string]bool{"standard": false, "FIFO": true} {
		t.Run(name, func(t *testing.T) {
			RunQueue(t, synctest.Test, func(*testing.T) Fixture {
				q := NewQueue(QueueConfig{Visibility: 5 * time.Second, FIFO: fifo})
				return Fixture{
					Queue:      q,
					Send:       func(body, group string) { q.Send(body, group) },
					FIFO:       fifo,
					Visibility: 5 * time.Second,
				}
			})
		})
	}
}

func TestMemoryStream(t *testing.T) {
	for name, cfg := range map[string]StreamConfig{
		"strict":    {},
		"forgiving": {Forgiving: true, EmptyEvery: 4, Lag: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			RunStream(t, synctest.Test, func(t *testing.T) StreamFixture {
				s := NewStream(cfg)
				return StreamFixture{
					Stream:   s,
					Put:      func(key, data string) { s.Put(key, data) },
					Reshard:  func(shard string) { s.Split(shard) },
					Merge:    func(a, b string) { s.Merge(a, b) },
					Trim:     func() { time.Sleep(time.Nanosecond); s.Trim(time.Now()) },
					Delete:   s.Delete,
					Recreate: s.Recreate,
				}
			})
		})
	}
}

var errLost = errors.New("lost")

func TestQueueFaults(t *testing.T) {
	var first string
	onlyFirst := Fault{Err: errLost, Only: func(r esm.Record) bool { return r.ID == first }}
	for name, test := range map[string]struct {
		cfg               QueueConfig
		received, deleted int  // of two messages
		failed            bool // one of the calls
	}{
		"none":                          {QueueConfig{}, 2, 2, false},
		"receive undone":                {QueueConfig{ReceiveFaults: InTurn(Undone(errLost))}, 0, 0, true},
		"receive done":                  {QueueConfig{ReceiveFaults: InTurn(Done(errLost))}, 2, 0, true},
		"delete undone for one of them": {QueueConfig{DeleteFaults: InTurn(onlyFirst)}, 2, 1, true},
		"delete done":                   {QueueConfig{DeleteFaults: InTurn(Done(errLost))}, 2, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			q := NewQueue(test.cfg)
			first = q.Send("x", "")
			q.Send("y", "")
			recs, err := q.Receive(t.Context(), 10, 0)
			received := q.InFlight()
			if err == nil {
				_, err = q.Delete(t.Context(), recs)
			}
			if errors.Is(err, errLost) != test.failed || received != test.received || len(q.Deleted()) != test.deleted || q.Len() != 2-test.deleted {
				t.Errorf("%v with %d received, %d deleted, %d left", err, received, len(q.Deleted()), q.Len())
			}
		})
	}
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(QueueConfig{Visibility: time.Second, MaxReceives: 2})
		id := q.Send("poison", "")
		for i, want := range []int{1, 1, 0} {
			if got, err := q.Receive(t.Context(), 10, 5*time.Second); err != nil || len(got) != want {
				t.Fatalf("receive %d: %d records, %v, want %d", i, len(got), err, want)
			}
		}
		if dead := q.Dead(); len(dead) != 1 || dead[0].ID != id || q.Len() != 0 {
			t.Errorf("dead %v and %d in the queue, want the message to be dead", dead, q.Len())
		}
	})
}

func TestStreamFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const first = "shardId-000000000000"
		s := NewStream(StreamConfig{
			EmptyEvery: 4,
			ListFaults: InTurn(Undone(errLost)),
			OpenFaults: OnEach(InTurn(Undone(errLost))),
			ReadFaults: OnEach(InTurn(Fault{}, Undone(errLost), Done(errLost))),
		})
		if _, err := s.List(t.Context()); err != errLost {
			t.Errorf("list: %v", err)
		}
		if _, err := s.Open(t.Context(), first, esm.From{}); err != errLost {
			t.Errorf("open: %v", err)
		}
		r, err := s.Open(t.Context(), first, esm.From{})
		if err != nil {
			t.Fatal(err)
		}
		_, seq := s.PutTo(first, "k", "a"), s.PutTo(first, "k", "b")
		start := time.Now()
		for i, want := range []struct {
			ids []string
			err error
		}{{[]string{s.Records(first)[0].ID}, nil}, {nil, errLost}, {nil, errLost}, {nil, nil}, {[]string{seq}, nil}} {
			recs, err := r.Read(t.Context(), 1)
			var ids []string
			for _, rec := range recs {
				ids = append(ids, rec.ID)
			}
			if err != want.err || !slices.Equal(ids, want.ids) {
				t.Errorf("read %d: %v, %v, want %v", i, ids, err, want)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s, want a second after the read that found nothing", took)
		}
		if s.Readers(first) != 1 || s.Opens(first) != 2 || s.Lists() != 1 {
			t.Errorf("%d readers, %d opens, %d lists", s.Readers(first), s.Opens(first), s.Lists())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Read(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}
