package async

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// fails returns a destination that fails its first tries of each notice.
func fails(n int, err error) func(esm.Notice, int) error {
	return func(_ esm.Notice, tries int) error {
		if tries <= n {
			return err
		}
		return nil
	}
}

func TestNoticesAreRetried(t *testing.T) {
	lost := errors.New("connection lost")
	refused := fmt.Errorf("no such queue: %w", esm.ErrUndeliverable)
	for _, test := range []struct {
		name string
		send func(esm.Notice, int) error
		at   []float64 // in seconds
		kept error
	}{
		{"at once", nil, []float64{0}, nil},
		{"after failures", fails(3, lost), []float64{0, 1, 3, 7}, nil},
		{"given up", fails(99, lost), []float64{0, 1, 3, 7, 15, 31, 63, 123, 183, 243}, lost},
		{"refused", fails(99, refused), []float64{0}, refused},
		{"refused in the end", func(_ esm.Notice, tries int) error { return []error{lost, lost, refused}[tries-1] }, []float64{0, 1, 3}, refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, 1, func(r *rig) {
				r.set("f", throw, retries(0))
				r.sending[failedArn] = test.send
				r.start()
				r.accept("f:live", "a")
				r.wait(time.Hour)
				r.close()
				r.wantEmpty()
				var at []float64
				for _, s := range r.sent {
					if s.to == failedArn {
						at = append(at, s.at.Seconds())
						if s.ID != r.sent[0].ID && s.ID != r.sent[1].ID || s.from != config.EventFailure {
							t.Errorf("sent %+v", s)
						}
					}
				}
				if !slices.Equal(at, test.at) {
					t.Errorf("sent at %v, want %v", at, test.at)
				}
				kept := r.undelivered()
				if test.kept == nil && len(kept) != 0 || test.kept != nil && (len(kept) != 1 || kept[0].Reason != test.kept.Error() || kept[0].Destination != failedArn) {
					t.Errorf("kept %+v", kept)
				}
				failures := 0
				for _, e := range traced[trace.EventNotified](r) {
					if e.DeadLetter != (e.Destination == deadArn) || e.Function != "f" || e.ID != "a" || e.Condition != esm.RetriesExhausted {
						t.Errorf("%+v", e)
					}
					if e.Err != nil {
						failures++
					}
				}
				if failures != len(kept) {
					t.Errorf("%d failures reported", failures)
				}
				r.wantSentOnly(deadArn, 1)
			})
		})
	}
}

// wantSentOnly fails the test unless a destination took a number of notices.
func (r *rig) wantSentOnly(arn string, want int) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := map[string]bool{}
	for _, s := range r.sent {
		if s.to == arn && s.err == nil {
			if got[s.ID] {
				r.Errorf("%s took %s twice", arn, s.ID)
			}
			got[s.ID] = true
		}
	}
	if len(got) != want {
		r.Errorf("%s took %d notices, want %d", arn, len(got), want)
	}
}

// holdUp makes a destination hang until letGo is called.
func (r *rig) holdUp(arn string) (letGo func()) {
	var hangs atomic.Bool
	hangs.Store(true)
	r.sending[arn] = func(esm.Notice, int) error {
		for hangs.Load() {
			time.Sleep(time.Second)
		}
		return nil
	}
	return func() { hangs.Store(false) }
}

// A destination that hangs delays neither another one nor the function. What does not fit into memory is sent later.
func TestADestinationThatHangs(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", throw, retries(0))
		letGo := r.holdUp(failedArn)
		r.make()
		r.accept("f", ids("e", 500)...)
		r.start()
		r.wait(time.Minute)
		r.wantSentOnly(deadArn, 500)
		r.wantSentOnly(failedArn, 0)
		if ended := len(traced[trace.EventEnded](r)); ended != 500 {
			t.Errorf("%d events have ended", ended)
		}
		if n := len(r.feed.running.outbox.inHand); n > maxSenders+maxQueued {
			t.Errorf("%d notices in hand", n)
		}
		letGo()
		r.wait(time.Minute)
		r.wantSentOnly(failedArn, 500)
		r.close()
		r.wantEmpty()
	})
}

// An event that was given up without a destination is kept.
func TestWithoutADestination(t *testing.T) {
	bubble(t, 1, func(r *rig) {
		nowhere := func(t *policy.Target) { *t = policy.Target{Exists: true, Arn: t.Arn} }
		r.set("f", throw, nowhere)
		r.set("g", succeed, nowhere)
		r.start()
		r.accept("f", "a")
		r.accept("g", "b")
		r.wait(time.Hour)
		r.close()
		r.wantEmpty()
		kept := r.undelivered()
		if len(kept) != 1 || kept[0].Notice.RequestID != "a" || kept[0].Destination != "" || kept[0].Reason == "" || len(r.sent) != 0 {
			t.Errorf("kept %+v, sent %+v", kept, r.sent)
		}
	})
}

// Large notices are few in memory.
func TestLargeNotices(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", throw, retries(0))
		letGo := r.holdUp(failedArn)
		r.start()
		payload := json.RawMessage(`"` + strings.Repeat("x", esm.MaxEvent-2) + `"`)
		for i := range 30 {
			if err := r.feed.Accept(t.Context(), esm.Event{ID: fmt.Sprint(i), Function: "f", Payload: payload}); err != nil {
				t.Fatal(err)
			}
		}
		r.wait(time.Minute)
		if n := len(r.feed.running.outbox.inHand); n > maxSenders+maxBytes/esm.MaxEvent {
			t.Errorf("%d notices in hand", n)
		}
		letGo()
		r.wait(time.Minute)
		r.wantSentOnly(failedArn, 30)
		r.close()
		r.wantEmpty()
	})
}

// A destination that has failed for 15 minutes gets each further notice once, so that they do not pile up.
func TestADestinationThatFailsForLong(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", throw, retries(0))
		var broken atomic.Bool
		broken.Store(true)
		r.sending[failedArn] = func(esm.Notice, int) error {
			if broken.Load() {
				return errDisk
			}
			return nil
		}
		r.make()
		r.accept("f", ids("e", 500)...)
		r.start()
		r.wait(30 * time.Minute)
		if kept := len(r.undelivered()); kept != 500 {
			t.Errorf("%d notices are kept", kept)
		}
		r.accept("f", "x")
		broken.Store(false)
		r.accept("f", "y")
		r.wait(time.Second)
		r.wantSent("y", failedArn, deadArn)
		broken.Store(true)
		r.accept("f", "z")
		r.wait(time.Minute)
		broken.Store(false)
		r.wait(time.Minute)
		r.wantSent("z", failedArn, deadArn)
		r.close()
		r.wantEmpty()
	})
}

// What is owed when the feed ends is sent by the next one. A stop does not wait for a destination that fails, except for the
// notices that are being sent.
func TestOwedNoticesAreResumed(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", throw, retries(0))
		var broken atomic.Bool
		broken.Store(true)
		r.sending[failedArn] = func(esm.Notice, int) error {
			if broken.Load() {
				time.Sleep(2 * time.Second)
				return errDisk
			}
			return nil
		}
		r.start()
		r.accept("f", ids("e", 100)...)
		r.wait(4500 * time.Millisecond)
		if took := r.close(); took > 2*time.Second {
			t.Errorf("closing took %v", took)
		}
		r.wantSentOnly(deadArn, 100)
		broken.Store(false)
		r.events = r.events.Reopen()
		r.start()
		r.wait(time.Minute)
		r.wantSentOnly(failedArn, 100)
		r.wantSentOnly(deadArn, 100)
		r.close()
		r.wantEmpty()
	})
}

// slowly is a store that takes its time to return what is owed.
type slowly struct{ *checkpointtest.MemoryEvents }

func (s slowly) Owed(ctx context.Context) iter.Seq2[esm.OwedNotice, error] {
	return func(yield func(esm.OwedNotice, error) bool) {
		time.Sleep(5 * time.Second)
		var all []esm.OwedNotice
		for o := range s.MemoryEvents.Owed(ctx) {
			all = append(all, o)
		}
		time.Sleep(15 * time.Second)
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// A notice that is sent while all that are owed are read is sent once.
func TestAScanDuringSending(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.sending[doneArn] = func(esm.Notice, int) error { time.Sleep(10 * time.Second); return nil }
		r.make()
		r.feed.Events = slowly{r.events}
		r.run()
		r.accept("f", "a")
		r.wait(time.Minute)
		r.wantSentOnly(doneArn, 1)
		r.close()
		r.wantEmpty()
	})
}

// A notice that was stored in spite of an error is left to the call that is repeated.
func TestAScanDuringFinishing(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.make()
		r.accept("f", "a")
		r.events.FinishFaults = checkpointtest.InTurn(checkpointtest.Done(errDisk))
		r.events.OwedFaults = func(int) checkpointtest.Fault {
			time.Sleep(100 * time.Millisecond) // less than the pause before Finish is repeated
			return checkpointtest.Fault{}
		}
		r.run()
		r.wait(time.Minute)
		r.wantSentOnly(doneArn, 1)
		r.close()
		r.wantEmpty()
	})
}

// An event that ends while the feed stops sends its notices before the feed has ended.
func TestNoticesOfAStop(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", takes(10*time.Second), nil)
		r.sending[doneArn] = func(esm.Notice, int) error { time.Sleep(2 * time.Second); return nil }
		r.start()
		r.accept("f", "a")
		r.wait(time.Second)
		if took := r.close(); took != 11*time.Second {
			t.Errorf("closing took %v", took)
		}
		r.wantSent("a", doneArn)
		r.wantEmpty()
	})
}

// A notice whose sending is interrupted by a kill is sent again after the next start, with the same ID.
func TestAKillWhileSending(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.events.SettleFaults = func(int) checkpointtest.Fault { time.Sleep(time.Minute); return checkpointtest.Fault{} }
		r.start()
		r.accept("f", "a")
		r.wait(time.Second)
		r.crash()
		r.start()
		r.wait(time.Minute)
		r.close()
		r.wantEmpty()
		if len(r.sent) != 2 || r.sent[0].ID != r.sent[1].ID {
			t.Errorf("sent %+v", r.sent)
		}
	})
}

// A destination that cannot be opened is one that fails.
func TestOpening(t *testing.T) {
	bubble(t, 10, func(r *rig) {
		r.set("f", succeed, nil)
		r.start()
		opened := 0
		r.feed.Open = func(ctx context.Context, arn string, origin config.Origin) (esm.Destination, error) {
			if opened++; opened < 3 {
				return nil, errDisk
			}
			return r.open(ctx, arn, origin)
		}
		r.accept("f", "a", "b")
		r.wait(time.Minute)
		r.wantSent("a", doneArn)
		r.wantSent("b", doneArn)
		if opened > 4 || r.sent[0].from != config.EventSuccess {
			t.Errorf("opened %d times, sent %+v", opened, r.sent)
		}
		r.close()
		r.wantEmpty()
	})
}
