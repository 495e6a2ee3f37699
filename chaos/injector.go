package chaos

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrInjected is in every error that a wrapper invents.
var ErrInjected = errors.New("injected")

// Strike identifies one fault of a plan: the nth time that Fault could hit Target, counted from 1.
type Strike struct {
	Fault  Fault
	Target string
	N      int
}

// String returns the strike as a story shows it.
func (s Strike) String() string { return fmt.Sprintf("%s %s #%d", s.Fault, s.Target, s.N) }

// Injector decides which calls fail. Its fields are set before its first use; its methods may be called concurrently. A nil
// Injector injects nothing.
type Injector struct {
	Seed  uint64
	Rates Rates

	// Until is when faults end, so that a run can settle; zero is never.
	Until time.Time

	// Only, if it is not nil, has the strikes that are allowed. It serves to find the few that matter.
	Only map[Strike]bool

	// Recorder receives each fault that strikes; nil discards them.
	Recorder *Recorder

	mu     sync.Mutex
	counts map[Strike]int // by Fault and Target
}

// Strikes decides whether f hits a call that concerns records. If it does, the fault is recorded, and dice are for its
// details. Target names what is hit: it must be the same in every run of a seed.
func (i *Injector) Strikes(f Fault, target string, records ...string) (dice *rand.Rand, hit bool) {
	if i == nil || i.Rates[f] == 0 {
		return nil, false
	}
	now := time.Now()
	if !i.Until.IsZero() && !now.Before(i.Until) {
		return nil, false
	}
	s := i.next(f, target)
	dice = s.dice(i.Seed)
	if dice.Float64() >= i.Rates[f] || i.Only != nil && !i.Only[s] {
		return nil, false
	}
	i.Recorder.note(func(h *History) {
		h.Injected = append(h.Injected, Injected{Strike: s, At: now, Records: records})
	})
	return dice, true
}

func (i *Injector) next(f Fault, target string) Strike {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := Strike{Fault: f, Target: target}
	if i.counts == nil {
		i.counts = map[Strike]int{}
	}
	i.counts[key]++
	key.N = i.counts[key]
	return key
}

// dice returns a source of randomness that depends on the seed and the strike alone.
func (s Strike) dice(seed uint64) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", s.Fault, s.Target, s.N) // a hash takes every write
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// first returns the first of faults that strikes; it is empty if none does.
func (i *Injector) first(faults []Fault, target string, records []string) (Fault, *rand.Rand) {
	for _, f := range faults {
		if dice, hit := i.Strikes(f, target, records...); hit {
			return f, dice
		}
	}
	return "", nil
}

// failure returns the error of a fault.
func failure(f Fault) error { return fmt.Errorf("%s: %w", f, ErrInjected) }

// between returns a duration from low to high.
func between(dice *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(dice.Int64N(int64(high-low)+1))
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
