package chaostest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// network is the way to a queue. Each call takes a little time, a different one each: so hardly ever do two things happen at
// once, in an order that the seed does not decide.
type network struct {
	queue esm.Queue

	mu   sync.Mutex
	dice *rand.Rand
}

var _ esm.Queue = (*network)(nil)

// Receive implements [esm.Queue].
func (n *network) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	n.pass()
	defer n.pass()
	return n.queue.Receive(ctx, limit, wait)
}

// Delete implements [esm.Queue].
func (n *network) Delete(ctx context.Context, recs []esm.Record) ([]esm.Record, error) {
	n.pass()
	defer n.pass()
	return n.queue.Delete(ctx, recs)
}

// Release implements [esm.Queue].
func (n *network) Release(ctx context.Context, recs []esm.Record) error {
	n.pass()
	defer n.pass()
	return n.queue.Release(ctx, recs)
}

// pass takes up to ten milliseconds, and does not listen to a context: what is under way arrives.
func (n *network) pass() {
	n.mu.Lock()
	d := time.Duration(n.dice.Int64N(int64(10 * time.Millisecond)))
	n.mu.Unlock()
	time.Sleep(d)
}
