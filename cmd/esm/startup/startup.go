// Package startup warns of what `esm validate` cannot know because it runs nothing and asks no service: whether the queues
// suit their mappings, whether the destinations exist, what interprets the handlers, and whether notices are kept.
package startup

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
)

// destinationTimeout is the time in which a destination must answer.
const destinationTimeout = 20 * time.Second

// Checks are the checks of one engine. Its fields are set before the first use.
type Checks struct {
	File  *configfile.File
	Parts *wiring.Parts
	Warn  func(format string, args ...any)

	// EventInvoke returns the configurations of a function's asynchronous events, of which HTTP may have set some.
	EventInvoke func(function string) []config.EventInvokeConfig

	running sync.WaitGroup

	mu      sync.Mutex
	checked map[string]bool // ARNs of destinations
}

// Start starts the checks that do not depend on a mapping. They end with ctx at the latest.
func (c *Checks) Start(ctx context.Context) {
	c.running.Go(c.runtimes)
	c.running.Go(func() { c.undelivered(ctx) })
	for _, fn := range c.File.Functions {
		c.startDestination(ctx, fn.Destination(config.DeadLetter), config.DeadLetter)
		for _, set := range c.EventInvoke(fn.Name) {
			for _, origin := range []config.Origin{config.EventFailure, config.EventSuccess} {
				c.startDestination(ctx, set.Destination(origin), origin)
			}
		}
	}
}

// Mapping starts the checks of a mapping that runs. They end with ctx at the latest.
func (c *Checks) Mapping(ctx context.Context, m config.Mapping) {
	c.running.Go(func() { c.source(ctx, m) })
	if d := m.DestinationConfig; d != nil {
		c.startDestination(ctx, d.OnFailure.Destination, config.StreamFailure)
	}
}

// startDestination starts the check of a destination, unless there is none or it was checked before.
func (c *Checks) startDestination(ctx context.Context, arn string, origin config.Origin) {
	if arn != "" && !c.mark(arn, true) {
		c.running.Go(func() { c.destination(ctx, arn, origin) })
	}
}

// Wait blocks until all checks have ended.
func (c *Checks) Wait() { c.running.Wait() }

// mark notes whether a destination is checked, and returns whether it was before.
func (c *Checks) mark(arn string, checked bool) (before bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checked == nil {
		c.checked = map[string]bool{}
	}
	before = c.checked[arn]
	c.checked[arn] = checked
	return before
}

func (c *Checks) destination(ctx context.Context, arn string, origin config.Origin) {
	within, cancel := context.WithTimeout(ctx, destinationTimeout)
	defer cancel()
	d, err := wiring.Destinations{File: c.File, Clients: c.Parts.Feeds.Clients}.Reachable(within, arn, origin)
	if err == nil {
		err = d.Reach(within)
	}
	switch {
	case ctx.Err() != nil: // the mapping has ended: another one may have the destination
		c.mark(arn, false)
	case err != nil:
		c.Warn("destination %s cannot be reached: notices for it will be kept as undelivered: %v", arn, err)
	}
}

// undelivered counts the notices that an earlier run has kept.
func (c *Checks) undelivered(ctx context.Context) {
	n := 0
	for _, err := range c.Parts.Store.Undelivered(ctx) {
		if err != nil {
			break
		}
		n++
	}
	if n > 0 {
		c.Warn("undelivered notices: %d (see esm undelivered list %s)", n, c.File.Path)
	}
}

// source looks for problems between a mapping and its source's settings, once the source answers.
func (c *Checks) source(ctx context.Context, m config.Mapping) {
	for _, p := range c.Parts.Feeds.Warnings(ctx, m) {
		c.Warn("%s → %s: %s: %s", m.EventSourceArn, m.FunctionName, p.Path, p.Message)
	}
}

// runtimes warns, once for each runtime, that another version of the language runs it, or that none is installed. Without
// one its functions cannot start.
func (c *Checks) runtimes() {
	warned := map[string]bool{}
	for _, fn := range c.File.Functions {
		if fn.Runtime == "" || fn.InContainer() || strings.HasPrefix(fn.Runtime, "provided") || warned[fn.Runtime] {
			continue
		}
		warned[fn.Runtime] = true
		if _, _, err := c.Parts.Bootstraps.Command(fn); err != nil {
			c.Warn("function %s: %v", fn.Name, err)
		} else if note := c.Parts.Bootstraps.Note(fn); note != "" {
			c.Warn("%s", note)
		}
	}
}
