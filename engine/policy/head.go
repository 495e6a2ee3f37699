package policy

import "github.com/esm-run/esm"

// Head tells how many of recs, the next ones of a lane, make its next batch: the most from the first on that Size and
// MaxBytes allow. full says that the batch is closed, as no more could join it. oversized says that the first record is
// too large to be invoked even alone: it makes a batch of its own, because nothing may overtake it.
//
// It is what [Batching.Add] is for queues, where a record that fits no batch is passed over.
func (g Batching) Head(recs []esm.Record) (n int, full, oversized bool) {
	g = g.filled()
	var b Batch
	for n < len(recs) && n < g.Size {
		if b.Bytes = grown(b, recs[n]); b.Bytes > g.MaxBytes {
			if n == 0 {
				return 1, true, true
			}
			return n, true, false
		}
		n++
		b.Records = recs[:n]
	}
	return n, n == g.Size, false
}
