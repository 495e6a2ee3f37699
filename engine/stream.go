package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// StreamFeed carries the records of one stream to one function, each shard in its order.
//
// A shard has a reader and its lanes. The reader deals records to the lanes, of which each has one part-batch waiting at
// most: a lane in trouble holds the reader up in the end, and nobody else. A lane gathers a batch, takes a permit,
// invokes and goes on only when every record of the batch has come to its end. How far all have come is the shard's
// ledger, which is durable before the next step is taken.
type StreamFeed struct {
	Mapping     string // names the mapping in events and checkpoints
	Function    string // as invoked, with or without ":qualifier"
	FunctionArn string // as notices name it
	Source      string // the ARN of the stream or of its consumer, as notices name it

	Stream      esm.Stream
	Checkpoints esm.Checkpoints
	Invoker     esm.Invoker
	Destination esm.Destination // is told of records that are given up; nil tells the Trace alone
	Filter      *filter.Filter  // nil lets everything pass
	Batching    policy.Batching
	Rules       policy.Stream
	Shards      policy.Shards
	Tumbling    policy.Tumbling // a Length of zero is no tumbling windows; with them there is one lane and no Filter
	Lanes       int             // the parallelization factor; 0 means 1
	Report      bool            // the function reports batch item failures
	Scale       float64         // multiplies the pauses after errors; 0 means 1
	Trace       trace.Func      // nil is told nothing
}

var _ Feed = (*StreamFeed)(nil)

// How often the stream is listed again: to find shards that nobody told of, and sooner when a listing was not whole.
const (
	auditEvery  = time.Minute
	relistAfter = 2 * time.Second
)

// Run implements [Feed]. It never fails: what goes wrong is told to the Trace and taken up again from the checkpoints.
func (f *StreamFeed) Run(ctx, work context.Context) {
	follow := func() (bool, error) { return true, f.follow(ctx, work) }
	keep(ctx, f.Scale, follow, f.failing)
}

func (f *StreamFeed) failing(err error, wait time.Duration) {
	f.Trace.Emit(trace.Failing{Mapping: f.Mapping, Err: err, Wait: wait})
}

// follow reads the shards of the stream that may be read, until ctx ends or something goes wrong that is not a single
// shard's affair. All that it started has ended when it returns.
func (f *StreamFeed) follow(ctx, work context.Context) error {
	listing, err := f.Stream.List(ctx)
	if err != nil {
		return err
	}
	kept, err := f.begin(ctx, listing)
	if err != nil {
		return err
	}
	inner, stop := context.WithCancel(ctx)
	s := &shards{StreamFeed: f, identity: listing.Identity, rules: f.Rules, kept: kept, running: map[string]bool{}, ended: make(chan ending)}
	s.rules.Retention = listing.Retention
	defer s.wait()
	defer stop()
	for {
		if err := s.attend(inner, work, listing.Shards); err != nil || inner.Err() != nil {
			return err
		}
		if listing, err = s.relist(inner); err != nil {
			return err
		}
	}
}

// attend has the shards of a listing read until it is time for another one: after a while, or because a shard has ended
// whose children it does not know. The children of others begin at once, and what they have in common is that the stream
// is listed soon: ends that follow each other, as of a stream with hundreds of closed shards, share that listing.
func (s *shards) attend(ctx, work context.Context, listed []esm.Shard) error {
	s.gone = s.unlisted
	again := time.Now().Add(s.plan(ctx, work, listed))
	s.Trace.Emit(trace.Listed{Mapping: s.Mapping, Shards: len(listed), Reading: len(s.running)})
	parents := parentsOf(listed)
	for {
		ended, err := s.rest(ctx, time.Until(again))
		if err != nil || len(ended) == 0 {
			return err
		}
		for _, id := range ended {
			if !parents[id] {
				return nil
			}
		}
		s.plan(ctx, work, listed)
		if soon := time.Now().Add(relistAfter); soon.Before(again) {
			again = soon
		}
	}
}

func parentsOf(listed []esm.Shard) map[string]bool {
	parents := map[string]bool{}
	for i := range listed {
		for _, id := range listed[i].Parents {
			parents[id] = true
		}
	}
	return parents
}

// relist lists the stream again, until that succeeds: the shards are read meanwhile. An error says that it is not the
// same stream any more, or that ctx ended.
func (s *shards) relist(ctx context.Context) (esm.Listing, error) {
	pause := pauses(s.Scale)
	for {
		listing, err := s.Stream.List(ctx)
		switch {
		case err == nil && listing.Identity != s.identity:
			return esm.Listing{}, fmt.Errorf("the stream was made anew: its identity was %s, and is %s", s.identity, listing.Identity)
		case err == nil, errors.Is(err, esm.ErrNoStream), ctx.Err() != nil:
			return listing, err
		}
		wait := pause.NextBackOff()
		s.failing(err, wait)
		if _, err := s.rest(ctx, wait); err != nil {
			return esm.Listing{}, err
		}
	}
}

// begin loads what is kept of the mapping. A mapping that was never seen, or whose stream was made anew, is noted first:
// where its reading begins is durable before anything is read.
func (f *StreamFeed) begin(ctx context.Context, listing esm.Listing) (map[string]esm.Checkpoint, error) {
	kept, err := f.Checkpoints.All(ctx, f.Mapping)
	if err != nil {
		return nil, err
	}
	row, seen := kept[""]
	if seen && row.Position == listing.Identity {
		return kept, nil
	}
	if seen {
		f.Trace.Emit(trace.Reading{Mapping: f.Mapping, Lost: fmt.Errorf(
			"the stream was made anew (%s is now %s): every shard is read from its beginning", row.Position, listing.Identity)})
		if kept, err = f.forgetAll(ctx, kept); err != nil {
			return nil, err
		}
	}
	first := f.Shards
	if seen {
		first = policy.Shards{} // the new stream from its beginning, wherever the old one's was
	}
	now := time.Now().Add(listing.Ahead) // records arrive by the service's clock
	for id, cp := range first.InitialCheckpoints(listing.Shards, kept, now) {
		if kept[id], err = f.Checkpoints.Save(ctx, esm.Key{Mapping: f.Mapping, Shard: id}, cp); err != nil {
			return nil, err
		}
	}
	row.Position, row.Since = listing.Identity, now
	kept[""], err = f.Checkpoints.Save(ctx, esm.Key{Mapping: f.Mapping}, row)
	return kept, err
}

// forgetAll forgets every shard, but not the mapping itself.
func (f *StreamFeed) forgetAll(ctx context.Context, kept map[string]esm.Checkpoint) (map[string]esm.Checkpoint, error) {
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

// shards is the set of shards that a StreamFeed reads. It is owned by follow.
type shards struct {
	*StreamFeed
	identity string // of the stream that they are of
	rules    policy.Stream
	kept     map[string]esm.Checkpoint // as far as follow knows: a running shard knows better
	gone     []string                  // were not listed before this listing
	unlisted []string                  // are not in this one
	running  map[string]bool
	ended    chan ending
	all      sync.WaitGroup
}

// ending is how a shard ended: with an error that concerns the whole mapping, or drained.
type ending struct {
	shard string
	last  esm.Checkpoint
	err   error
}

// plan starts what may be read now and forgets what is of no use any more. It tells when to list again.
func (s *shards) plan(ctx, work context.Context, listed []esm.Shard) (again time.Duration) {
	plan := s.Shards.Plan(listed, s.kept, s.gone)
	s.unlisted = plan.Unlisted
	sources := sourcesOf(listed)
	var start starts
	for _, o := range plan.Read {
		if !s.running[o.Shard] {
			s.running[o.Shard] = true
			after := start.next()
			sh := &shard{
				StreamFeed: s.StreamFeed, id: o.Shard, identity: s.identity, source: cmp.Or(sources[o.Shard], s.Source),
				rules: s.rules, from: o.From, kept: s.kept[o.Shard],
			}
			s.all.Go(func() {
				if sleep(ctx, after) {
					s.run(ctx, work, sh)
				}
			})
		}
	}
	s.forget(ctx, plan.Forget)
	if plan.Relist {
		return relistAfter
	}
	return auditEvery
}

// The shards of a large stream begin one after the other: polled all at once they would be polled so again and again,
// every second. A hundred begin at once, and ten thousand within a second.
const (
	startAtOnce  = 100
	betweenStart = time.Second / 10_000
)

// starts tells when shards begin.
type starts int

// next is how long the next shard waits.
func (s *starts) next() time.Duration {
	*s++
	return time.Duration(max(0, *s-startAtOnce)) * betweenStart
}

// sourcesOf are the ARNs of shards' own streams, of those that have one.
func sourcesOf(listed []esm.Shard) map[string]string {
	sources := map[string]string{}
	for i := range listed {
		if listed[i].Source != "" {
			sources[listed[i].ID] = listed[i].Source
		}
	}
	return sources
}

// run reads one shard to its end and reports that to follow.
func (s *shards) run(ctx, work context.Context, sh *shard) {
	end := ending{shard: sh.id, err: sh.run(ctx, work), last: sh.kept}
	select {
	case s.ended <- end:
	case <-ctx.Done():
	}
}

// rest waits until it is time to list again: after a while, or because shards have ended.
func (s *shards) rest(ctx context.Context, again time.Duration) (ended []string, err error) {
	timer := time.NewTimer(again)
	defer timer.Stop()
	select {
	case end := <-s.ended:
		ended, err = s.note(nil, end)
	case <-timer.C:
	case <-ctx.Done():
	}
	for len(ended) > 0 && err == nil { // at the same time
		select {
		case end := <-s.ended:
			ended, err = s.note(ended, end)
		default:
			return ended, nil
		}
	}
	return ended, err
}

// note notes that a shard has ended, and where.
func (s *shards) note(ended []string, end ending) ([]string, error) {
	delete(s.running, end.shard)
	s.kept[end.shard] = end.last
	return append(ended, end.shard), end.err
}

// forget removes what nobody needs. If that fails it is tried again with the next plan.
func (s *shards) forget(ctx context.Context, ids []string) {
	keys := make([]esm.Key, len(ids))
	for i, id := range ids {
		keys[i] = esm.Key{Mapping: s.Mapping, Shard: id}
	}
	if len(keys) == 0 || s.Checkpoints.Forget(ctx, keys...) != nil {
		return
	}
	for _, id := range ids {
		delete(s.kept, id)
	}
}

func (s *shards) wait() { s.all.Wait() }
