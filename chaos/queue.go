package chaos

import (
	"context"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// Queue is an [esm.Queue] whose calls fail, and which records what passes. Its fields are set before its first use.
type Queue struct {
	Queue  esm.Queue
	Faults *Injector

	// Repeats allows the queue to return a record again that it returned before, as a standard queue may. A FIFO queue
	// does not.
	Repeats bool

	mu   sync.Mutex
	last *esm.Record // returned lately; nil if it was repeated
}

var _ esm.Queue = (*Queue)(nil)

// queueTarget names the queue as the target of faults.
const queueTarget = "queue"

// slowest is how long a slow call takes at most.
const slowest = 4 * time.Second

// Receive implements [esm.Queue].
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	fault, dice := q.Faults.first([]Fault{SourceThrottles, SourceUndone, SourceEmpty, SourceSlow}, queueTarget, nil)
	switch fault {
	case SourceThrottles, SourceUndone:
		return nil, failure(fault)
	case SourceEmpty:
		return nil, sleep(ctx, wait.Truncate(time.Second))
	case SourceSlow:
		if err := sleep(ctx, between(dice, time.Second, slowest)); err != nil {
			return nil, err
		}
	}
	recs, err := q.Queue.Receive(ctx, limit, wait)
	if err != nil || len(recs) == 0 {
		return recs, err
	}
	if _, hit := q.Faults.Strikes(SourceDone, recs[0].ID, idsOf(recs)...); hit {
		return nil, failure(SourceDone)
	}
	if len(recs) < limit {
		recs = q.repeat(recs)
	}
	now := time.Now()
	q.Faults.recorder().note(func(h *History) {
		for _, r := range recs {
			h.Received = append(h.Received, Receipt{r.ID, r.Receipt, now, r.Until})
		}
	})
	return recs, nil
}

// repeat adds a record that was returned before, if the fault strikes, and remembers one of recs for later.
func (q *Queue) repeat(recs []esm.Record) []esm.Record {
	if !q.Repeats {
		return recs
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	earlier := q.last
	q.last = &recs[0]
	if earlier == nil || earlier.ID == recs[0].ID || !time.Now().Before(earlier.Until) {
		return recs
	}
	if _, hit := q.Faults.Strikes(SourceRepeats, earlier.ID, earlier.ID); !hit {
		return recs
	}
	q.last = nil
	return append(recs, *earlier)
}

// Delete implements [esm.Queue]. Each record fails by itself, as in a DeleteMessageBatch.
func (q *Queue) Delete(ctx context.Context, recs []esm.Record) (left []esm.Record, err error) {
	now := time.Now()
	q.Faults.recorder().note(func(h *History) {
		for _, r := range recs {
			h.Settled = append(h.Settled, Settlement{r.ID, now})
		}
	})
	if len(recs) > 0 {
		if dice, hit := q.Faults.Strikes(SourceSlow, "delete "+recs[0].ID, idsOf(recs)...); hit {
			if err := sleep(ctx, between(dice, time.Second, slowest)); err != nil {
				return recs, err
			}
		}
	}
	var pass, failed []esm.Record
	for _, r := range recs {
		fault, _ := q.Faults.first([]Fault{SourceUndone, SourceDone}, "delete "+r.ID, []string{r.ID})
		if fault != "" {
			failed, err = append(failed, r), failure(fault)
		}
		if fault != SourceUndone {
			pass = append(pass, r)
		}
	}
	left, passErr := q.Queue.Delete(ctx, pass)
	if passErr != nil {
		err = passErr
	}
	return union(left, failed), err
}

// Release implements [esm.Queue].
func (q *Queue) Release(ctx context.Context, recs []esm.Record) error {
	if len(recs) == 0 {
		return q.Queue.Release(ctx, recs)
	}
	fault, _ := q.Faults.first([]Fault{SourceUndone, SourceDone}, "release "+recs[0].ID, idsOf(recs))
	if fault == SourceUndone {
		return failure(fault)
	}
	if err := q.Queue.Release(ctx, recs); err != nil || fault == "" {
		return err
	}
	return failure(fault)
}

// union returns the records of both lists, each receipt once.
func union(a, b []esm.Record) (all []esm.Record) {
	seen := map[string]bool{}
	for _, list := range [][]esm.Record{a, b} {
		for _, r := range list {
			if !seen[r.Receipt] {
				seen[r.Receipt] = true
				all = append(all, r)
			}
		}
	}
	return all
}

func idsOf(recs []esm.Record) []string {
	ids := make([]string, len(recs))
	for i, r := range recs {
		ids[i] = r.ID
	}
	return ids
}

func (i *Injector) recorder() *Recorder {
	if i == nil {
		return nil
	}
	return i.Recorder
}
