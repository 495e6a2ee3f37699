package undelivered

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/logging"
)

const oldQueue = "arn:aws:sqs:us-east-1:000000000000:old"

// A process that ends between sending and dropping, or just does not learn that it dropped, repeats a notice and loses none.
func TestResenderBetweenSendAndDrop(t *testing.T) {
	gone := errors.New("no space left on device")
	for _, done := range []bool{false, true} {
		kept := &checkpointtest.Memory{}
		for _, id := range []string{"one", "two", "three"} {
			if err := kept.Keep(t.Context(), esm.Notice{ID: id}, oldQueue, "denied"); err != nil {
				t.Fatal(err)
			}
		}
		kept.DropFaults = checkpointtest.InTurn(checkpointtest.Fault{Err: gone, Done: done})
		d, out := &accepting{}, &strings.Builder{}
		for life := range 2 {
			r := &resender{
				to:   func(context.Context, esm.UndeliveredNotice) address { return address{arn: oldQueue, destination: d} },
				drop: func(ctx context.Context, id string) error { return kept.Drop(ctx, id) },
				w:    &logging.LockedWriter{W: out},
			}
			err := r.run(t.Context(), kept.Undelivered(t.Context()), Selection{All: true})
			if err == nil {
				err = r.result(t.Context(), 3)
			}
			if (err != nil) != (life == 0) || life == 0 && !strings.Contains(out.String(), "sent, and will be sent again: ") {
				t.Errorf("done %v, life %d: got %v\n%s", done, life, err, out)
			}
			kept = kept.Reopen()
		}
		for range kept.Undelivered(t.Context()) {
			t.Errorf("done %v: something is still kept", done)
		}
		slices.Sort(d.got)
		if want := map[bool]int{true: 3, false: 4}[done]; len(d.got) != want || len(slices.Compact(d.got)) != 3 {
			t.Errorf("done %v: sent were %q, want %d", done, d.got, want)
		}
	}
}

// No more notices are in hand than may be sent at once.
func TestResenderIsBounded(t *testing.T) {
	kept := &checkpointtest.Memory{}
	for i := range 5 * concurrency {
		if err := kept.Keep(t.Context(), esm.Notice{ID: fmt.Sprint(i)}, oldQueue, ""); err != nil {
			t.Fatal(err)
		}
	}
	c := &crowd{}
	r := &resender{
		to:   func(context.Context, esm.UndeliveredNotice) address { return address{arn: oldQueue, destination: c} },
		drop: func(ctx context.Context, id string) error { return kept.Drop(ctx, id) },
		w:    io.Discard,
	}
	if err := r.run(t.Context(), kept.Undelivered(t.Context()), Selection{All: true}); err != nil || r.result(t.Context(), 5*concurrency) != nil {
		t.Fatal(err)
	}
	if c.most > concurrency || r.sent.Load() != 5*concurrency {
		t.Errorf("sent were %d, at most %d at once", r.sent.Load(), c.most)
	}
}

// crowd is a destination that counts how many are sent at once.
type crowd struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowd) Send(context.Context, esm.Notice) error {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
	}()
	return nil
}

// accepting is a destination that accepts every notice.
type accepting struct {
	mu  sync.Mutex
	got []string
}

func (d *accepting) Send(_ context.Context, n esm.Notice) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, n.ID)
	return nil
}
