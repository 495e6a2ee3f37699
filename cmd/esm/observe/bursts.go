package observe

import (
	"sync"
	"sync/atomic"
	"time"
)

// When thousands of shards meet the same thing at once, so many lines of one kind are told in so much time, and how many
// more there were.
const (
	mostLines = 20
	burstTime = time.Second
)

// bursts lets some lines of each mapping and kind through and counts the others. The zero value is ready. Its methods may
// be called side by side.
type bursts[Kind comparable] struct {
	held atomic.Int64 // lines that were counted and not told of yet

	mu  sync.Mutex
	all map[string]map[Kind]*burst // by mapping
}

// burst is what came up in some time.
type burst struct {
	began  time.Time
	passed int
	held   int
}

// backlog is how many lines of a kind were held back.
type backlog[Kind comparable] struct {
	kind  Kind
	lines int
}

// pass reports whether a line may be told, and how many were held back before it that are to be told of first.
func (b *bursts[Kind]) pass(mapping string, kind Kind) (pass bool, before int) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.all[mapping][kind]
	if x == nil {
		x = b.add(mapping, kind)
	}
	if now.Sub(x.began) >= burstTime {
		before = b.release(x)
		x.began, x.passed = now, 0
	}
	if x.passed == mostLines {
		x.held++
		b.held.Add(1)
		return false, before
	}
	x.passed++
	return true, before
}

// rest is what was held back of a mapping and is to be told of now, because nothing more came.
func (b *bursts[Kind]) rest(mapping string) (all []backlog[Kind]) {
	if b.held.Load() == 0 {
		return nil
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for kind, x := range b.all[mapping] {
		if x.held > 0 && now.Sub(x.began) >= burstTime {
			all = append(all, backlog[Kind]{kind, b.release(x)})
		}
	}
	return all
}

// release returns how many lines were held back, of which the caller tells. The caller has the lock.
func (b *bursts[Kind]) release(x *burst) (lines int) {
	lines, x.held = x.held, 0
	b.held.Add(int64(-lines))
	return lines
}

func (b *bursts[Kind]) add(mapping string, kind Kind) *burst {
	if b.all == nil {
		b.all = map[string]map[Kind]*burst{}
	}
	if b.all[mapping] == nil {
		b.all[mapping] = map[Kind]*burst{}
	}
	x := &burst{}
	b.all[mapping][kind] = x
	return x
}
