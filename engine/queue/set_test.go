package queue

import (
	"testing"
	"time"

	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// A mapping's MaximumConcurrency is exceeded if a new poller starts while a retired one still has a batch.
func TestRetiredPollersCount(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: time.Hour}, enginetest.Takes(time.Minute), func(r *rig) {
		r.feed.Batching.Size = 1
		r.send(10, "")
		s := newSet(r.feed)
		ctx := r.Context()
		for _, step := range []struct{ target, pollers, after int }{
			{2, 2, 30}, // both have a batch
			{1, 1, 0},
			{2, 1, 20}, // the retired one still has its batch
			{2, 1, 20},
			{2, 2, 0},
			{0, 0, 0},
		} {
			s.resize(ctx, ctx, step.target)
			if got := len(s.pollers); got != step.pollers {
				r.Errorf("%d pollers after resizing to %d, want %d", got, step.target, step.pollers)
			}
			r.Wait(time.Duration(step.after) * time.Second)
		}
		s.ended.Wait()
		if peak := r.Function.Peak(); peak != 2 {
			r.Errorf("%d invocations at once, want 2", peak)
		}
	})
}
