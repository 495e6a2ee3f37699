// Package ahead hands out the records that a reader of a shard has read ahead of the engine.
package ahead

import (
	"context"
	"fmt"
	"io"

	"github.com/esm-run/esm"
)

// Records are those of a shard that were read and not handed out. The zero Records is of an open shard, and holds none.
type Records[R any] struct {
	Came   []R  // oldest first
	Closed bool // nothing comes behind them
}

// Read is [esm.Reader].Read: it hands out up to limit records, as shape makes them. When there are none it fetches first,
// which may bring none. io.EOF is the end of the shard, and never what a fetch failed with.
func (a *Records[R]) Read(ctx context.Context, limit int, fetch func(context.Context) error, shape func(*R) esm.Record) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("a limit of %d", limit)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(a.Came) == 0 && !a.Closed {
		if err := fetch(ctx); err != nil {
			return nil, err
		}
	}
	if len(a.Came) == 0 && a.Closed {
		return nil, io.EOF
	}
	return a.hand(limit, shape), nil
}

func (a *Records[R]) hand(limit int, shape func(*R) esm.Record) []esm.Record {
	n := min(limit, len(a.Came))
	recs := make([]esm.Record, n)
	for i := range recs {
		recs[i] = shape(&a.Came[i])
	}
	clear(a.Came[:n]) // what they hold is not needed any more
	if a.Came = a.Came[n:]; len(a.Came) == 0 {
		a.Came = nil
	}
	return recs
}
