package main

import (
	"cmp"
	"context"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/kinesis"
	"github.com/esm-run/esm/sources/sqs"
	"github.com/esm-run/esm/trace"
)

// feeds makes the feeds of mappings. It may be used by many at once.
type feeds struct {
	file    *configfile.File
	clients *clients
	invoker esm.Invoker
	db      *checkpoint.DB
	pace    kinesis.Pace // of all mappings: what a shard allows is for all of its readers
	trace   trace.Func
}

// of makes the feed of a mapping that has its defaults. It talks to nobody.
func (f *feeds) of(ctx context.Context, m config.Mapping) (engine.Feed, error) {
	if m.OfStream() {
		return f.ofStream(ctx, m)
	}
	return f.ofQueue(ctx, m)
}

// ofQueue makes the feed of a mapping of a queue.
func (f *feeds) ofQueue(ctx context.Context, m config.Mapping) (*engine.QueueFeed, error) {
	queue, err := f.queue(ctx, m)
	if err != nil {
		return nil, err
	}
	wanted, err := configfile.CompilePatterns(m.TextKey(), patterns(m.FilterCriteria)...)
	if err != nil {
		return nil, err
	}
	return &engine.QueueFeed{
		Mapping:     m.UUID,
		Function:    m.FunctionName,
		Queue:       queue,
		Invoker:     f.invoker,
		Filter:      wanted,
		Batching:    policy.Batching{Size: *m.BatchSize, Window: seconds(m.MaximumBatchingWindowInSeconds)},
		Pollers:     pollers(m),
		Provisioned: m.ProvisionedPollerConfig != nil,
		Rules:       policy.Queue{Pauses: pauses(f.file.Engine.TimeScale)},
		Report:      m.ReportsFailures(),
		Scale:       f.file.Engine.TimeScale,
		Trace:       f.trace,
	}, nil
}

// queue is the source of a mapping of a queue.
func (f *feeds) queue(ctx context.Context, m config.Mapping) (*sqs.Queue, error) {
	source, err := config.ParseARN(m.EventSourceArn)
	if err != nil {
		return nil, err
	}
	client, err := f.clients.sqs(ctx, cmp.Or(m.Endpoint, f.file.Aws.SqsEndpoint()), cmp.Or(m.Region, source.Region))
	if err != nil {
		return nil, err
	}
	return sqs.New(sqs.Config{Client: client, ARN: m.EventSourceArn, Windowed: *m.MaximumBatchingWindowInSeconds > 0})
}

// pauses are those between tries of a batch that could not run, as long as TimeScale makes them.
func pauses(scale float64) policy.Backoff {
	return policy.Backoff{
		Base: time.Duration(scale * float64(100*time.Millisecond)),
		Max:  time.Duration(scale * float64(5*time.Second)),
	}
}

// pollers are those of a mapping that has its defaults.
func pollers(m config.Mapping) policy.Pollers {
	limit, report := 0, m.ReportsFailures()
	if m.ScalingConfig != nil {
		limit = *m.ScalingConfig.MaximumConcurrency
	}
	if provisioned := m.ProvisionedPollerConfig; provisioned != nil {
		p := policy.ProvisionedPollers(*provisioned.MinimumPollers, *provisioned.MaximumPollers, report)
		p.FIFO = m.FIFO()
		return p
	}
	if m.FIFO() {
		return policy.FIFOPollers(limit, report)
	}
	return policy.StandardPollers(limit, report)
}

func patterns(c *config.FilterCriteria) (patterns []string) {
	if c == nil {
		return nil
	}
	for _, f := range c.Filters {
		patterns = append(patterns, f.Pattern)
	}
	return patterns
}

// seconds is a member in seconds as a duration. Below zero it is for ever, as 0 is where that matters.
func seconds(n *int) time.Duration { return time.Duration(max(*n, 0)) * time.Second }
