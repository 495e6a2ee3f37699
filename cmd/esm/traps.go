package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/sqs"
)

// lookout warns of what `esm validate` cannot know, since it runs nothing and asks nobody: whether the queues as they are
// suit their mappings, whether the destinations are there, and what the handlers are run with. It looks until it could, or
// ctx has ended.
type lookout struct {
	*run
	parts   *parts
	ctx     context.Context
	looking sync.WaitGroup

	mu   sync.Mutex
	told map[string]bool // destinations that were looked at
}

// around looks at what no mapping needs to be known for. It does not wait.
func (l *lookout) around() {
	l.looking.Go(func() { l.warnOfRuntimes(l.parts) })
	l.looking.Go(func() { l.warnOfUndelivered(l.ctx, l.parts.checkpoints) })
}

// at looks at what a mapping needs that runs until ctx ends. It does not wait.
func (l *lookout) at(ctx context.Context, m config.Mapping) {
	if m.Service() == config.SQS {
		l.looking.Go(func() { l.warnOfTraps(ctx, m) })
		return
	}
	if arn := m.DestinationConfig.OnFailure.Destination; arn != "" && l.first(arn) {
		l.looking.Go(func() { l.warnOfDestination(l.ctx, arn) })
	}
}

func (l *lookout) first(arn string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = map[string]bool{}
	}
	told := l.told[arn]
	l.told[arn] = true
	return !told
}

// warnOfDestination warns of a destination that is not there now. Notices are kept then.
func (l *lookout) warnOfDestination(ctx context.Context, arn string) {
	r := l.run
	ctx, cancel := context.WithTimeout(ctx, destinationWithin)
	defer cancel()
	d, err := l.parts.feeds.clients.reachable(ctx, r.file, arn)
	if err == nil {
		err = d.Reach(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.voice.warn("destination %s cannot be reached: notices of records that are given up will be kept as undelivered: %v", arn, err)
	}
}

// destinationWithin is how long a destination may take to answer before it is warned of.
const destinationWithin = 20 * time.Second

// warnOfUndelivered tells of notices that an earlier run has kept.
func (r *run) warnOfUndelivered(ctx context.Context, db *checkpoint.DB) {
	n := 0
	for _, err := range db.Undelivered(ctx) {
		if err != nil {
			break
		}
		n++
	}
	if n > 0 {
		r.voice.warn("notices of records that were given up are kept as undelivered, %d in number: see esm undelivered list %s", n, r.file.Path)
	}
}

// warnOfTraps looks at a mapping's queue, again and again until it could. What the file itself says of the queue was
// warned of when it was loaded.
func (l *lookout) warnOfTraps(ctx context.Context, m config.Mapping) {
	r := l.run
	queue, err := l.parts.feeds.queue(ctx, m)
	if err != nil {
		return // which running it says
	}
	facts, ok := look(ctx, queue)
	fn := r.file.Function(m.FunctionName)
	if q := r.file.QueueOf(m); !ok || fn == nil || q != nil && q.Facts() == facts {
		return
	}
	for _, trap := range configfile.Traps(*fn, m, facts) {
		r.voice.warn("%s → %s: %s: %s", m.EventSourceArn, m.FunctionName, trap.Path, trap.Message)
	}
}

func look(ctx context.Context, queue *sqs.Queue) (configfile.QueueFacts, bool) {
	for {
		a, err := queue.Attributes(ctx)
		if err == nil {
			return configfile.QueueFacts{VisibilityTimeout: a.VisibilityTimeout, MaxReceiveCount: a.MaxReceives}, true
		}
		if pause(ctx, lookAgain); ctx.Err() != nil {
			return configfile.QueueFacts{}, false
		}
	}
}

// warnOfRuntimes tells, once for each runtime, that another version of the language runs it, or that none is installed:
// then its functions cannot start, until it is.
func (r *run) warnOfRuntimes(p *parts) {
	told := map[string]bool{}
	for _, fn := range r.file.Functions {
		if fn.Runtime == "" || strings.HasPrefix(fn.Runtime, "provided") || told[fn.Runtime] {
			continue
		}
		told[fn.Runtime] = true
		if _, _, err := p.bootstraps.Command(fn); err != nil {
			r.voice.warn("function %s: %v", fn.Name, err)
		} else if note := p.bootstraps.Note(fn); note != "" {
			r.voice.warn("%s", note)
		}
	}
}
