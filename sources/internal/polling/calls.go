package polling

import (
	"context"
	"sync"
)

// maxCalls is how many calls may be under way: enough for ten thousand shards that are polled every second and answer
// within 50 ms. More connections and half-read answers would not make anything faster.
const maxCalls = 512

// Calls bounds the calls under way of all readers that share it to 512. The zero Calls is ready for use, and may be used
// concurrently.
type Calls struct {
	once   sync.Once
	tokens chan struct{}
}

// Do makes a call as soon as it may be made.
func (c *Calls) Do(ctx context.Context, call func() error) error {
	c.once.Do(func() { c.tokens = make(chan struct{}, maxCalls) })
	select {
	case c.tokens <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.tokens }()
	return call()
}
