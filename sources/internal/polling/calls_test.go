package polling

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls Calls
		var busy, most atomic.Int64
		var all sync.WaitGroup
		start := time.Now()
		for range 2 * maxCalls {
			all.Go(func() {
				if err := calls.Do(t.Context(), func() error {
					most.Store(max(most.Load(), busy.Add(1)))
					time.Sleep(time.Second)
					busy.Add(-1)
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := calls.Do(ctx, func() error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a call that waits: %v", err)
		}
		all.Wait()
		if most.Load() != maxCalls || time.Since(start) != 2*time.Second {
			t.Errorf("%d calls were under way, and all took %s", most.Load(), time.Since(start))
		}
	})
}
