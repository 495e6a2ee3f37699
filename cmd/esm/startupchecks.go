package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// lookout warns of what `esm validate` cannot know, since it runs nothing and asks nobody: whether the queues as they are
// suit their mappings, whether the destinations are there, and what the handlers are run with. It looks until it could, or
// ctx has ended.
type lookout struct {
	*run
	parts   *wiring.Parts
	ctx     context.Context
	looking sync.WaitGroup

	mu   sync.Mutex
	told map[string]bool // destinations that were looked at
}

// around looks at what no mapping needs to be known for. It does not wait.
func (l *lookout) around() {
	l.looking.Go(func() { l.warnOfRuntimes(l.parts) })
	l.looking.Go(func() { l.warnOfUndelivered(l.ctx, l.parts.Store) })
}

// at looks at what a mapping needs that runs until ctx ends. It does not wait.
func (l *lookout) at(ctx context.Context, m config.Mapping) {
	l.looking.Go(func() { l.warnOfTraps(ctx, m) })
	if d := m.DestinationConfig; d != nil && d.OnFailure.Destination != "" && l.first(d.OnFailure.Destination) {
		l.looking.Go(func() { l.warnOfDestination(l.ctx, d.OnFailure.Destination) })
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
	d, err := wiring.ReachableDestination(ctx, l.parts.Feeds.Clients, r.file, arn)
	if err == nil {
		err = d.Reach(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("destination %s cannot be reached: notices of records that are given up will be kept as undelivered: %v", arn, err)
	}
}

// destinationWithin is how long a destination may take to answer before it is warned of.
const destinationWithin = 20 * time.Second

// warnOfUndelivered tells of notices that an earlier run has kept.
func (r *run) warnOfUndelivered(ctx context.Context, kept esm.Undelivered) {
	n := 0
	for _, err := range kept.Undelivered(ctx) {
		if err != nil {
			break
		}
		n++
	}
	if n > 0 {
		r.log.Warn("notices of records that were given up are kept as undelivered, %d in number: see esm undelivered list %s", n, r.file.Path)
	}
}

// warnOfTraps reports known problems between a mapping and its source's settings, once the source answers.
func (l *lookout) warnOfTraps(ctx context.Context, m config.Mapping) {
	for _, p := range l.parts.Feeds.Warnings(ctx, m) {
		l.run.log.Warn("%s → %s: %s: %s", m.EventSourceArn, m.FunctionName, p.Path, p.Message)
	}
}

// warnOfRuntimes tells, once for each runtime, that another version of the language runs it, or that none is installed:
// then its functions cannot start, until it is.
func (r *run) warnOfRuntimes(p *wiring.Parts) {
	told := map[string]bool{}
	for _, fn := range r.file.Functions {
		if fn.Runtime == "" || strings.HasPrefix(fn.Runtime, "provided") || told[fn.Runtime] {
			continue
		}
		told[fn.Runtime] = true
		if _, _, err := p.Bootstraps.Command(fn); err != nil {
			r.log.Warn("function %s: %v", fn.Name, err)
		} else if note := p.Bootstraps.Note(fn); note != "" {
			r.log.Warn("%s", note)
		}
	}
}
