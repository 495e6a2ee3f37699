package chaostest

import (
	"context"
	"hash/fnv"
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
	d := brief(n.dice)
	n.mu.Unlock()
	time.Sleep(d)
}

// distant is a stream behind a network. Each shard has calls that take times of its own.
type distant struct {
	esm.Stream
	seed uint64
}

// Open implements [esm.Stream].
func (d *distant) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(shard)) // a hash takes every write
	dice := rand.New(rand.NewPCG(d.seed, h.Sum64()))
	time.Sleep(brief(dice))
	r, err := d.Stream.Open(ctx, shard, from)
	if err != nil {
		return nil, err
	}
	return &distantReader{r, dice}, nil
}

type distantReader struct {
	esm.Reader
	dice *rand.Rand
}

// Read implements [esm.Reader].
func (r *distantReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	time.Sleep(brief(r.dice))
	return r.Reader.Read(ctx, limit)
}

// brief returns the time of one call.
func brief(dice *rand.Rand) time.Duration {
	return time.Duration(dice.Int64N(int64(10 * time.Millisecond)))
}
