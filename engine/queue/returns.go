package queue

import (
	"context"
	"slices"
	"sync"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// returns holds the records that a stopping feed is to release. They are released when none of its polls is under way, which
// would receive them again at once.
type returns struct {
	mu    sync.Mutex
	polls int
	recs  []esm.Record
}

// add adds records and a change of the number of polls. It returns the records that are to be released now.
func (r *returns) add(recs []esm.Record, polls int) (due []esm.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polls += polls
	r.recs = append(r.recs, recs...)
	if r.polls > 0 {
		return nil
	}
	due, r.recs = r.recs, nil
	return due
}

// giveBack releases records because the feed stops, and those kept for the next batch that must not overtake them.
func (p *poller) giveBack(work context.Context, recs []esm.Record) {
	pass, blocked := policy.Unblocked(p.overflow, recs)
	p.overflow = pass
	p.release(work, p.set.returns.add(slices.Concat(recs, blocked), 0))
}

// release makes records receivable again at once, unless work has ended.
func (p *poller) release(work context.Context, recs []esm.Record) {
	var err error
	if len(recs) > 0 && work.Err() == nil {
		call, cancel := context.WithTimeout(work, answerWithin)
		defer cancel()
		err = p.feed.Queue.Release(call, recs)
	}
	p.leave(recs, trace.ReasonStopping, err)
}
