// Package readahead hands out the records that were fetched from a shard and not yet read.
package readahead

import (
	"context"
	"fmt"
	"io"

	"github.com/esm-run/esm"
)

// Buffer holds fetched records. The zero Buffer is empty, and of an open shard.
type Buffer[R any] struct {
	Records []R  // oldest first
	Closed  bool // the shard has no more
}

// Read is [esm.Reader].Read: it hands out up to limit records, converted by record. When the buffer is empty it fetches
// first, which may bring none. It returns io.EOF at the end of the shard only.
func (b *Buffer[R]) Read(ctx context.Context, limit int, fetch func(context.Context) error, record func(*R) esm.Record) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("a limit of %d", limit)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(b.Records) == 0 && !b.Closed {
		if err := fetch(ctx); err != nil {
			return nil, err
		}
	}
	if len(b.Records) == 0 && b.Closed {
		return nil, io.EOF
	}
	recs := make([]esm.Record, min(limit, len(b.Records)))
	for i := range recs {
		recs[i] = record(&b.Records[i])
	}
	clear(b.Records[:len(recs)]) // release what they hold
	if b.Records = b.Records[len(recs):]; len(b.Records) == 0 {
		b.Records = nil
	}
	return recs, nil
}
