package queue

import (
	"sync"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// load counts what the pollers meet between two decisions of the scaler.
type load struct {
	mu      sync.Mutex
	seen    policy.Load
	working int // pollers with a turn
	waiting int // those of them that wait for a permit
}

func (l *load) note(change func(*load)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// take returns the counts since the last call.
func (l *load) take() policy.Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	seen.Pollers, seen.Waiting = l.working-l.waiting, l.waiting
	l.seen = policy.Load{}
	return seen
}

// received counts a receive that asked for a number of records and returned n.
func (l *load) received(n, asked int) {
	l.note(func(l *load) {
		l.seen.Receives++
		if n == 0 {
			l.seen.Empty++
		} else if n >= min(asked, esm.MaxReceived) {
			l.seen.Full++
		}
	})
}
