package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/config"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/destinations"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/bootstrap"
	"github.com/esm-run/esm/invoker/process"
	"github.com/esm-run/esm/invoker/remote"
	"github.com/esm-run/esm/sources/sqs"
)

// parts is a file made into things that run.
type parts struct {
	functions   *invoker.Functions
	starter     *process.Starter
	bootstraps  *bootstrap.Bootstraps
	checkpoints *checkpoint.DB         // nil without streams
	feeds       map[string]engine.Feed // by mapping, of those that are enabled
	queues      map[string]*sqs.Queue  // by mapping, of those that are enabled

	destinations map[string]destinations.Reachable // by ARN, of mappings that are enabled
}

// build makes the parts of a file. Nothing runs and nothing is asked of the network yet, except that an endpoint's
// credentials may be looked for. What it makes is closed by close, unless there is an error.
func build(ctx context.Context, file *config.File, c *clients, trace esm.Trace) (*parts, error) {
	db, err := openCheckpoints(file)
	if err != nil {
		return nil, err
	}
	p, err := buildWith(ctx, file, c, db, trace)
	if err != nil && db != nil {
		return nil, errors.Join(err, db.Close())
	}
	return p, err
}

func buildWith(ctx context.Context, file *config.File, c *clients, db *checkpoint.DB, trace esm.Trace) (*parts, error) {
	p := &parts{
		checkpoints: db,
		bootstraps:  &bootstrap.Bootstraps{Dir: filepath.Join(file.Engine.DataDir, "bootstrap")},
		feeds:       map[string]engine.Feed{},
		queues:      map[string]*sqs.Queue{},

		destinations: map[string]destinations.Reachable{},
	}
	p.starter = buildStarter(file, p.bootstraps, trace)
	var err error
	if p.functions, err = buildFunctions(ctx, file, c, p.starter, trace); err != nil {
		return nil, err
	}
	s := &streams{file: file, clients: c, db: db, trace: trace}
	for _, m := range file.Mappings {
		if !*m.Enabled {
			trace.Tell(esm.State{Mapping: m.UUID, State: esm.Disabled})
			continue
		}
		if err := p.add(ctx, s, m); err != nil {
			return nil, fmt.Errorf("mapping of %s: %w", m.EventSourceArn, err)
		}
		trace.Tell(esm.State{Mapping: m.UUID, State: esm.Enabled})
	}
	return p, nil
}

// engine has all feeds.
func (p *parts) engine() *engine.Engine {
	e := &engine.Engine{}
	for mapping, feed := range p.feeds {
		e.Set(mapping, feed)
	}
	return e
}

// add makes the feed of a mapping.
func (p *parts) add(ctx context.Context, s *streams, m esm.Mapping) error {
	if m.OfStream() {
		feed, err := s.feed(ctx, m)
		if err != nil {
			return err
		}
		feed.Invoker = p.functions
		p.feeds[m.UUID] = feed
		if arn := m.DestinationConfig.OnFailure.Destination; arn != "" {
			p.destinations[arn], err = s.clients.reachable(ctx, s.file, arn)
		}
		return err
	}
	feed, queue, err := buildFeed(ctx, s.file, s.clients, m)
	if err != nil {
		return err
	}
	feed.Invoker, feed.Trace = p.functions, s.trace
	p.feeds[m.UUID] = feed
	p.queues[m.UUID] = queue
	return nil
}

// close ends every environment, and gives up the checkpoints. Environments that are still busy are left alone until work
// ends.
func (p *parts) close(work context.Context) {
	p.functions.Close(work)
	if p.checkpoints != nil {
		_ = p.checkpoints.Close() // what was saved is durable already
	}
}

func buildStarter(file *config.File, bootstraps *bootstrap.Bootstraps, trace esm.Trace) *process.Starter {
	return &process.Starter{
		Region:      file.Aws.Region,
		AccountID:   file.Aws.AccountId,
		AWSEndpoint: file.Aws.Endpoint,
		Dir:         filepath.Join(file.Engine.DataDir, "environments"),
		Trace:       trace,
		Bootstrap:   bootstraps.Command,
	}
}

func buildFunctions(
	ctx context.Context, file *config.File, c *clients, starter invoker.Starter, trace esm.Trace,
) (*invoker.Functions, error) {
	functions := &invoker.Functions{Limits: invoker.NewLimits(file.Engine.Concurrency), Trace: trace}
	for _, fn := range file.Functions {
		if fn.InvokeEndpoint == "" {
			functions.SetLocal(&invoker.Pool{Function: fn, Starter: starter, Trace: trace})
			continue
		}
		client, err := c.lambda(ctx, fn)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", fn.Name, err)
		}
		functions.SetRemote(fn, &remote.Remote{Client: client, Timeout: fn.TimeLimit() + remoteSlack})
	}
	return functions, nil
}

func buildFeed(ctx context.Context, file *config.File, c *clients, m esm.Mapping) (*engine.QueueFeed, *sqs.Queue, error) {
	source, err := esm.ParseARN(m.EventSourceArn)
	if err != nil {
		return nil, nil, err
	}
	client, err := c.sqs(ctx, cmp.Or(m.Endpoint, file.Aws.SqsEndpoint()), cmp.Or(m.Region, source.Region))
	if err != nil {
		return nil, nil, err
	}
	window := seconds(m.MaximumBatchingWindowInSeconds)
	queue, err := sqs.New(sqs.Config{Client: client, ARN: m.EventSourceArn, Windowed: window > 0})
	if err != nil {
		return nil, nil, err
	}
	wanted, err := config.CompilePatterns(m.TextKey(), patterns(m.FilterCriteria)...)
	if err != nil {
		return nil, nil, err
	}
	report := m.ReportsFailures()
	return &engine.QueueFeed{
		Mapping:     m.UUID,
		Function:    m.FunctionName,
		Queue:       queue,
		Filter:      wanted,
		Batching:    policy.Batching{Size: *m.BatchSize, Window: window},
		Pollers:     pollers(m, strings.HasSuffix(source.Resource, ".fifo"), report),
		Provisioned: m.ProvisionedPollerConfig != nil,
		Rules:       policy.Queue{Pauses: pauses(file.Engine.TimeScale)},
		Report:      report,
		Scale:       file.Engine.TimeScale,
	}, queue, nil
}

// pauses are those between tries of a batch that could not run, as long as TimeScale makes them.
func pauses(scale float64) policy.Backoff {
	return policy.Backoff{
		Base: time.Duration(scale * float64(100*time.Millisecond)),
		Max:  time.Duration(scale * float64(5*time.Second)),
	}
}

// pollers are those of a mapping that has its defaults.
func pollers(m esm.Mapping, fifo, report bool) policy.Pollers {
	limit := 0
	if m.ScalingConfig != nil {
		limit = *m.ScalingConfig.MaximumConcurrency
	}
	if provisioned := m.ProvisionedPollerConfig; provisioned != nil {
		p := policy.ProvisionedPollers(*provisioned.MinimumPollers, *provisioned.MaximumPollers, report)
		p.FIFO = fifo
		return p
	}
	if fifo {
		return policy.FIFOPollers(limit, report)
	}
	return policy.StandardPollers(limit, report)
}

func patterns(c *esm.FilterCriteria) (patterns []string) {
	if c == nil {
		return nil
	}
	for _, f := range c.Filters {
		patterns = append(patterns, f.Pattern)
	}
	return patterns
}

// observed is what the observers know of a file.
func observed(file *config.File) (mappings []observe.Mapping, functions []string) {
	for _, m := range file.Mappings {
		x := observe.Mapping{
			UUID: m.UUID, Source: m.EventSourceArn, Function: m.FunctionName,
			Provisioned: m.ProvisionedPollerConfig != nil, Stream: m.OfStream(), Tags: m.Tags,
		}
		if m.DestinationConfig != nil {
			x.Destination = m.DestinationConfig.OnFailure.Destination
		}
		mappings = append(mappings, x)
	}
	for _, fn := range file.Functions {
		functions = append(functions, fn.Name)
	}
	return mappings, functions
}
