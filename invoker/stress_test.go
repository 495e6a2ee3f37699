package invoker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Callers of every kind, environments that fail in every way and limits that change leave nothing behind, and never are
// more environments busy than there are permits.
func TestRandomCalls(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := newStage(t, func(s *stage) {
				s.pool.IdleTimeout = time.Duration(random.IntN(100)+1) * ms
				s.pool.MaxAge = time.Duration(random.IntN(60)+1) * second
				s.pool.Starts = random.IntN(4) + 1
				s.machine.boot = time.Duration(random.IntN(30)) * ms
				s.machine.broken = func(start int) error {
					if start%7 == int(seed) {
						return errBroken
					}
					return nil
				}
			})
			var callers sync.WaitGroup
			for i := range 12 {
				callers.Go(func() { calls(s, rand.New(rand.NewPCG(seed, uint64(i+2)))) })
			}
			for range 20 {
				time.Sleep(time.Duration(random.IntN(200)) * ms)
				s.Limits.Set("f", [...]*int{nil, new(1), new(4), new(2)}[random.IntN(4)])
			}
			s.Limits.Set("f", nil)
			callers.Wait()
			for _, e := range seen[trace.Environments](s) {
				if e.Busy > e.Alive || e.Busy < 0 {
					t.Errorf("seed %d: got %+v", seed, e)
				}
			}
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
}

func calls(s *stage, random *rand.Rand) {
	upTo := func(most int) time.Duration { return time.Duration(random.IntN(most)) * ms }
	for range 60 {
		time.Sleep(upTo(20))
		ctx, cancel := context.WithTimeout(context.Background(), upTo(300))
		c := call(event{
			Take: upTo(20), Drain: upTo(12),
			Do: [...]string{"", "", "", "fail", "crash", "die"}[random.IntN(6)],
		})
		if random.IntN(2) == 0 {
			_, err := s.Functions.Invoke(ctx, c)
			s.wantKnown(err)
		} else if slot, err := s.Reserve(ctx, "f"); err == nil {
			for range random.IntN(3) {
				_, err := slot.Invoke(ctx, c)
				s.wantKnown(err)
			}
			slot.Release()
		}
		cancel()
	}
}

func (s *stage) wantKnown(err error) {
	s.Helper()
	if err != nil && !errors.Is(err, esm.ErrNotRun) && !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("got %v", err)
	}
}
