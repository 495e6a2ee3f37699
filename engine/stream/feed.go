// Package stream carries the records of a stream to a function, each shard in its order.
//
// A shard has a reader and one or more lanes. The reader deals records to the lanes, each of which has at most one part of
// a read waiting: a failing lane holds up its own shard's reader in the end, and nothing else. A lane gathers a batch, takes
// a permit, invokes the function and goes on when every record of the batch is settled. The shard's ledger says how far all
// lanes have come; it is durable before the next step is taken.
package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// Feed carries the records of one stream to one function.
type Feed struct {
	Mapping     string // names the mapping in events and checkpoints
	Function    string // as invoked, with or without ":qualifier"
	FunctionArn string // as notices name it
	Source      string // the ARN of the stream or its consumer, as notices name it

	Stream      esm.Stream
	Checkpoints esm.Checkpoints
	Invoker     esm.Invoker
	Destination esm.Destination // receives notices of records that are given up; nil only reports them to Trace
	Filter      *filter.Filter  // nil passes every record
	Batching    policy.Batching
	Rules       policy.Stream
	Shards      policy.Shards
	Tumbling    policy.Tumbling // a Length of zero means no tumbling windows; with them there is one lane and no Filter
	Lanes       int             // the parallelization factor; 0 means 1
	Report      bool            // the function reports batch item failures
	Scale       float64         // multiplies the pauses after errors; 0 means 1
	Trace       trace.Func      // nil discards events
}

var _ engine.Feed = (*Feed)(nil)

// Run implements [engine.Feed]. It reports errors to Trace and continues from the checkpoints.
func (f *Feed) Run(ctx, work context.Context, ready func()) {
	ready = sync.OnceFunc(ready)
	retry.Keep(ctx, f.Scale, func() (more bool, err error) { return true, f.follow(ctx, work, ready) }, f.failing)
}

func (f *Feed) failing(err error, wait time.Duration) {
	f.Trace.Emit(trace.Failing{Mapping: f.Mapping, Err: err, Wait: wait})
}

// follow reads the stream's shards until ctx ends or an error concerns the whole mapping. Everything that it started has
// ended when it returns.
func (f *Feed) follow(ctx, work context.Context, ready func()) error {
	listing, kept, err := f.pin(ctx, ready)
	if err != nil {
		return err
	}
	return newSet(f, listing, kept).run(ctx, work, listing.Shards)
}

// pin returns the stream's listing and the mapping's checkpoints. For a mapping that is new, or whose stream was recreated,
// it first saves where reading starts. It calls ready as soon as that is durable.
func (f *Feed) pin(ctx context.Context, ready func()) (esm.Listing, map[string]esm.Checkpoint, error) {
	kept, err := f.Checkpoints.All(ctx, f.Mapping)
	if err != nil {
		return esm.Listing{}, nil, err
	}
	row, seen := kept[""]
	if seen {
		ready()
	}
	now := time.Now() // not after the listing: what arrives while the stream is listed is not missed
	listing, err := f.Stream.List(ctx)
	if err != nil {
		return esm.Listing{}, nil, err
	}
	switch {
	case seen && row.Position == listing.Identity:
		return listing, kept, nil
	case seen:
		f.Trace.Emit(trace.Reading{Mapping: f.Mapping, Lost: fmt.Errorf(
			"the stream was recreated (%s is now %s): every shard is read from its beginning", row.Position, listing.Identity)})
		kept, err = f.restart(ctx, kept)
	default:
		kept, err = f.start(ctx, listing.Shards, kept, now.Add(listing.Ahead))
	}
	if err != nil {
		return esm.Listing{}, nil, err
	}
	row.Position, row.Since = listing.Identity, now.Add(listing.Ahead)
	if kept[""], err = f.Checkpoints.Save(ctx, esm.Key{Mapping: f.Mapping}, row); err != nil {
		return esm.Listing{}, nil, err
	}
	ready()
	return listing, kept, nil
}

// start saves where the reading of the listed shards starts: now, by the service's clock, is what LATEST means.
func (f *Feed) start(
	ctx context.Context, listed []esm.Shard, kept map[string]esm.Checkpoint, now time.Time,
) (_ map[string]esm.Checkpoint, err error) {
	for id, cp := range f.Shards.InitialCheckpoints(listed, kept, now) {
		if kept[id], err = f.Checkpoints.Save(ctx, esm.Key{Mapping: f.Mapping, Shard: id}, cp); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// restart forgets every shard of a stream that was recreated, but not the mapping itself.
func (f *Feed) restart(ctx context.Context, kept map[string]esm.Checkpoint) (map[string]esm.Checkpoint, error) {
	var keys []esm.Key
	for id := range kept {
		if id != "" {
			keys = append(keys, esm.Key{Mapping: f.Mapping, Shard: id})
		}
	}
	if err := f.Checkpoints.Forget(ctx, keys...); err != nil {
		return nil, err
	}
	return map[string]esm.Checkpoint{"": kept[""]}, nil
}
