package chaostest

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// function is an [esm.Invoker] of one function that always succeeds, with permits and a latency. Faults are wrapped around
// it.
type function struct {
	seed    uint64
	slowest time.Duration
	permits chan struct{} // holds one element for each permit in use

	mu   sync.Mutex
	held int
}

// unlimited is the number of permits of a function without a limit.
const unlimited = 1000

func newFunction(seed uint64, permits int, slowest time.Duration) *function {
	if permits == 0 {
		permits = unlimited
	}
	return &function{seed: seed, slowest: slowest, permits: make(chan struct{}, permits)}
}

// Invoke implements [esm.Invoker].
func (f *function) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	select {
	case f.permits <- struct{}{}:
	default:
		return esm.Response{}, esm.ErrThrottled
	}
	f.use(1)
	s := &slot{f: f}
	defer s.Release()
	return s.Invoke(ctx, c)
}

// Reserve implements [esm.Invoker]: goroutines that wait for a channel get it first come, first served.
func (f *function) Reserve(ctx context.Context, _ string) (esm.Slot, error) {
	select {
	case f.permits <- struct{}{}:
		f.use(1)
		return &slot{f: f}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *function) use(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held += n
}

// inUse returns how many permits are held.
func (f *function) inUse() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held
}

// latency depends on the event alone, so that it is the same in every run.
func (f *function) latency(payload []byte) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write(payload) // a hash takes every write
	dice := rand.New(rand.NewPCG(f.seed, h.Sum64()))
	return time.Duration(dice.Float64() * dice.Float64() * float64(f.slowest))
}

type slot struct {
	f    *function
	once sync.Once
}

func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	timer := time.NewTimer(s.f.latency(c.Payload))
	defer timer.Stop()
	select {
	case <-timer.C:
		return esm.Response{Payload: json.RawMessage("null"), Status: 200}, nil
	case <-ctx.Done():
		return esm.Response{}, ctx.Err()
	}
}

func (s *slot) Release() {
	s.once.Do(func() {
		s.f.use(-1)
		<-s.f.permits
	})
}
