package invoker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Callers of every kind, environments that fail in every way and limits that change leave nothing behind, and never are
// more environments busy than there are permits.
func TestRandomCalls(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		bubble(t, func(r *rig) {
			r.pool.IdleTimeout = time.Duration(random.IntN(100)+1) * ms
			r.pool.MaxAge = time.Duration(random.IntN(60)+1) * second
			r.pool.Starts = random.IntN(4) + 1
			r.fakeStarter.boot = time.Duration(random.IntN(30)) * ms
			r.fakeStarter.broken = func(start int) error {
				if start%7 == int(seed) {
					return errBroken
				}
				return nil
			}
		}, func(r *rig) {
			var callers sync.WaitGroup
			for i := range 12 {
				callers.Go(func() { calls(r, rand.New(rand.NewPCG(seed, uint64(i+2)))) })
			}
			for range 20 {
				time.Sleep(time.Duration(random.IntN(200)) * ms)
				r.Limits.Set("f", [...]*int{nil, new(1), new(4), new(2)}[random.IntN(4)])
				if err := r.Provision("f", random.IntN(4)); err != nil && !errors.Is(err, esm.ErrRefused) {
					r.Error(err)
				}
			}
			r.Limits.Set("f", nil)
			callers.Wait()
			for _, e := range seen[trace.Environments](r) {
				if e.Busy > e.Alive || e.Busy < 0 || e.ProvisionedBusy > e.Provisioned || e.ProvisionedBusy < 0 {
					r.Errorf("seed %d: got %+v", seed, e)
				}
			}
			if r.Failed() {
				r.Logf("seed %d", seed)
			}
		})
	}
}

func calls(r *rig, random *rand.Rand) {
	upTo := func(most int) time.Duration { return time.Duration(random.IntN(most)) * ms }
	for range 60 {
		time.Sleep(upTo(20))
		ctx, cancel := context.WithTimeout(context.Background(), upTo(300))
		c := call(event{
			Take: upTo(20), Drain: upTo(12),
			Do: [...]string{"", "", "", "fail", "crash", "die"}[random.IntN(6)],
		})
		if random.IntN(2) == 0 {
			_, err := r.Functions.Invoke(ctx, c)
			r.wantKnown(err)
		} else if slot, err := r.Reserve(ctx, "f"); err == nil {
			for range random.IntN(3) {
				_, err := slot.Invoke(ctx, c)
				r.wantKnown(err)
			}
			slot.Release()
		}
		cancel()
	}
}

func (r *rig) wantKnown(err error) {
	r.Helper()
	if err != nil && !errors.Is(err, esm.ErrNotRun) && !errors.Is(err, context.DeadlineExceeded) {
		r.Errorf("got %v", err)
	}
}
