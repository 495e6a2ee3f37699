package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// When the stream is listed again: once a minute, to find shards that appeared by themselves, and sooner after a shard has
// ended or if a listing was incomplete.
const (
	auditEvery  = time.Minute
	relistAfter = 2 * time.Second
)

// set is the shards of a stream that a Feed reads. It is owned by the goroutine of run.
type set struct {
	feed     *Feed
	identity string                    // of the stream
	rules    policy.Stream             // with the stream's retention
	kept     map[string]esm.Checkpoint // the checkpoints, except that a running shard knows its own better
	gone     []string                  // missing in the listing before the last one
	unlisted []string                  // missing in the last one
	running  map[string]*runningShard
	ended    chan *runningShard
}

// runningShard is a shard that is being read.
type runningShard struct {
	shard *shard
	stop  context.CancelFunc
	over  chan struct{} // closed when the shard has ended
	err   error         // of the whole mapping; set before the shard ends
}

func newSet(f *Feed, listing esm.Listing, kept map[string]esm.Checkpoint) *set {
	s := &set{
		feed: f, identity: listing.Identity, rules: f.Rules, kept: kept,
		running: map[string]*runningShard{}, ended: make(chan *runningShard),
	}
	s.rules.Retention = listing.Retention
	return s
}

// run reads the shards of a listing, and of later ones, until ctx ends or an error concerns the whole mapping. All shards
// have ended when it returns. They are read on while the stream cannot be listed.
//
// A shard that has ended leads to a listing at once if its children are unknown. Known children start without one, and the
// stream is listed soon after: ends that follow one another quickly, as in a stream with hundreds of closed shards, share
// that listing.
func (s *set) run(ctx, work context.Context, listed []esm.Shard) error {
	ctx, stop := context.WithCancel(ctx)
	defer s.stopAll()
	defer stop()
	again := s.take(ctx, work, listed)
	for pauses := retry.NewPauses(s.feed.Scale); ; {
		ended, err := s.rest(ctx, time.Until(again))
		if err != nil || ctx.Err() != nil {
			return err
		}
		if len(ended) > 0 && haveChildren(listed, ended) {
			s.plan(ctx, work, listed)
			if soon := time.Now().Add(relistAfter); soon.Before(again) {
				again = soon
			}
			continue
		}
		listing, err := s.feed.Stream.List(ctx)
		switch {
		case err == nil && listing.Identity != s.identity:
			return fmt.Errorf("the stream was recreated: its identity was %s and is now %s", s.identity, listing.Identity)
		case err == nil:
			pauses.Reset()
			listed = listing.Shards
			again = s.take(ctx, work, listed)
		case errors.Is(err, esm.ErrNoStream), ctx.Err() != nil:
			return err
		default:
			pause := pauses.Next()
			s.feed.failing(err, pause)
			again = time.Now().Add(pause)
		}
	}
}

// haveChildren reports whether each of these shards has a child among the listed ones.
func haveChildren(listed []esm.Shard, ids []string) bool {
	parents := map[string]bool{}
	for i := range listed {
		for _, id := range listed[i].Parents {
			parents[id] = true
		}
	}
	return !slices.ContainsFunc(ids, func(id string) bool { return !parents[id] })
}

// take plans by a new listing and returns when to list again.
func (s *set) take(ctx, work context.Context, listed []esm.Shard) (again time.Time) {
	s.gone = s.unlisted
	again = time.Now().Add(s.plan(ctx, work, listed))
	s.feed.Trace.Emit(trace.Listed{Mapping: s.feed.Mapping, Shards: len(listed), Reading: len(s.running)})
	return again
}

// plan starts the shards that may be read now and forgets those that are not needed any more. It returns how long until the
// next listing.
func (s *set) plan(ctx, work context.Context, listed []esm.Shard) (again time.Duration) {
	plan := s.feed.Shards.Plan(listed, s.kept, s.gone)
	s.unlisted = plan.Unlisted
	sources := sourcesOf(listed)
	started := 0
	for _, o := range plan.Read {
		if s.running[o.Shard] == nil {
			started++
			s.start(ctx, work, startAfter(started), &shard{
				feed: s.feed, id: o.Shard, identity: s.identity, source: cmp.Or(sources[o.Shard], s.feed.Source),
				rules: s.rules, kept: s.kept[o.Shard],
			})
		}
	}
	s.forget(ctx, plan.Forget)
	if plan.Relist {
		return relistAfter
	}
	return auditEvery
}

// Shards of a large stream start one after another, because shards that are polled at once are polled at once again every
// second. A hundred start together, and ten thousand within a second.
const (
	startAtOnce  = 100
	betweenStart = time.Second / 10_000
)

// startAfter returns how long the nth shard of a plan waits before it starts.
func startAfter(n int) time.Duration { return time.Duration(max(0, n-startAtOnce)) * betweenStart }

// sourcesOf returns the Source of each shard that has one.
func sourcesOf(listed []esm.Shard) map[string]string {
	sources := map[string]string{}
	for i := range listed {
		if listed[i].Source != "" {
			sources[listed[i].ID] = listed[i].Source
		}
	}
	return sources
}

// start reads a shard until it has ended or is stopped.
func (s *set) start(ctx, work context.Context, after time.Duration, sh *shard) {
	ctx, stop := context.WithCancel(ctx)
	r := &runningShard{shard: sh, stop: stop, over: make(chan struct{})}
	s.running[sh.id] = r
	go func() { // stop and note wait for it
		defer close(r.over)
		defer stop()
		if retry.Sleep(ctx, after) {
			r.err = sh.run(ctx, work)
		}
		select {
		case s.ended <- r:
		case <-ctx.Done():
		}
	}()
}

// stop stops one shard and returns when everything that it had in hand is settled: its checkpoint in kept is the last one.
// The error, if any, concerns the whole mapping. The next plan starts the shard again.
func (s *set) stop(id string) error {
	r := s.running[id]
	if r == nil {
		return nil
	}
	r.stop()
	return s.note(r)
}

func (s *set) stopAll() {
	for id := range s.running {
		_ = s.stop(id) // the set has an error already, or ctx has ended
	}
}

// note waits for the end of a shard and keeps its checkpoint.
func (s *set) note(r *runningShard) error {
	<-r.over
	delete(s.running, r.shard.id)
	s.kept[r.shard.id] = r.shard.kept
	return r.err
}

// rest waits for d, or until shards have ended, whose IDs it returns.
func (s *set) rest(ctx context.Context, d time.Duration) (ended []string, err error) {
	select {
	case r := <-s.ended:
		ended, err = []string{r.shard.id}, s.note(r)
	case <-time.After(d):
		return nil, nil
	case <-ctx.Done():
		return nil, nil
	}
	for err == nil { // more that have ended by now
		select {
		case r := <-s.ended:
			ended, err = append(ended, r.shard.id), s.note(r)
		default:
			return ended, nil
		}
	}
	return ended, err
}

// forget removes checkpoints that are not needed any more. If that fails, the next plan tries again.
func (s *set) forget(ctx context.Context, ids []string) {
	keys := make([]esm.Key, len(ids))
	for i, id := range ids {
		keys[i] = esm.Key{Mapping: s.feed.Mapping, Shard: id}
	}
	if len(keys) == 0 || s.feed.Checkpoints.Forget(ctx, keys...) != nil {
		return
	}
	for _, id := range ids {
		delete(s.kept, id)
	}
}
