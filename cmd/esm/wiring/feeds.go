package wiring

import (
	"context"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/queue"
	"github.com/esm-run/esm/engine/stream"
	"github.com/esm-run/esm/trace"
)

// Feeds makes the feeds of mappings. Its methods may be used concurrently.
type Feeds struct {
	File        *configfile.File
	Clients     *awsclient.Clients
	Invoker     esm.Invoker
	Checkpoints esm.Checkpoints
	Undelivered esm.Undelivered // keeps notices that no destination takes
	Trace       trace.Func

	// AllowsRecursion reports whether a function may cause itself without end. It is set before feeds run, which call it
	// concurrently; nil means that none may. It must not block.
	AllowsRecursion func(function string) bool

	once    sync.Once // makes sources
	sources map[*config.Kind]source
}

// Feed returns the feed of m, which has its defaults. It makes no request.
func (f *Feeds) Feed(ctx context.Context, m config.Mapping) (engine.Feed, error) {
	s, err := f.sourceOf(m)
	if err != nil {
		return nil, err
	}
	if s.stream != nil {
		return f.streamFeed(ctx, s, m)
	}
	return f.queueFeed(ctx, s, m)
}

func (f *Feeds) queueFeed(ctx context.Context, s source, m config.Mapping) (*queue.Feed, error) {
	q, err := s.queue(ctx, f, m)
	if err != nil {
		return nil, err
	}
	filter, err := configfile.CompileFilters(m)
	if err != nil {
		return nil, err
	}
	return &queue.Feed{
		Mapping:     m.UUID,
		Function:    m.FunctionName,
		Queue:       q,
		Invoker:     f.Invoker,
		Filter:      filter,
		Batching:    batching(s, m),
		Pollers:     pollers(m),
		Provisioned: m.ProvisionedPollerConfig != nil,
		Rules:       policy.Queue{Pauses: f.backoff(100*time.Millisecond, 5*time.Second)},
		Report:      m.ReportsFailures(),
		PollWait:    f.pollWait(m),
		Scale:       f.File.Engine.TimeScale,
		Trace:       f.Trace,

		AllowsRecursion: func() bool { return f.AllowsRecursion != nil && f.AllowsRecursion(m.FunctionName) },
	}, nil
}

// pollWait returns the longest wait of a poll, for which a feed that stops has to wait too. It fits into the grace period.
// Polls of emulators are shorter: they cost nothing, and mappings to them change often.
func (f *Feeds) pollWait(m config.Mapping) time.Duration {
	longest := esm.MaxWait
	if endpoint, _ := f.location(m); awsclient.Emulated(endpoint) {
		longest = 2 * time.Second
	}
	return min(longest, f.File.Engine.GracePeriod*2/3)
}

func (f *Feeds) streamFeed(ctx context.Context, s source, m config.Mapping) (*stream.Feed, error) {
	st, err := s.stream(ctx, f, m)
	if err != nil {
		return nil, err
	}
	filter, err := configfile.CompileFilters(m)
	if err != nil {
		return nil, err
	}
	destination, err := f.destination(ctx, m)
	if err != nil {
		return nil, err
	}
	return &stream.Feed{
		Mapping:     m.UUID,
		Function:    m.FunctionName,
		FunctionArn: FunctionARN(f.File, m),
		Source:      m.EventSourceArn,
		Stream:      st,
		Checkpoints: f.Checkpoints,
		Invoker:     f.Invoker,
		Destination: destination,
		Filter:      filter,
		Batching:    batching(s, m),
		Rules: policy.Stream{
			MaxRetries: *m.MaximumRetryAttempts,
			MaxAge:     config.Seconds(m.MaximumRecordAgeInSeconds),
			Bisect:     *m.BisectBatchOnFunctionError,
			Backoff:    f.backoff(200*time.Millisecond, time.Minute),
		},
		Shards:   policy.Shards{Start: m.StartingPosition, At: m.StartingPositionTimestamp},
		Tumbling: policy.Tumbling{Length: config.Seconds(m.TumblingWindowInSeconds)},
		Lanes:    *m.ParallelizationFactor,
		Report:   m.ReportsFailures(),
		Scale:    f.File.Engine.TimeScale,
		Trace:    f.Trace,
	}, nil
}

func batching(s source, m config.Mapping) policy.Batching {
	return policy.Batching{Size: *m.BatchSize, Window: config.Seconds(m.MaximumBatchingWindowInSeconds), Envelope: s.envelope}
}

// backoff returns the waits between tries of a batch, multiplied by TimeScale.
func (f *Feeds) backoff(base, limit time.Duration) policy.Backoff {
	scaled := func(d time.Duration) time.Duration {
		return max(1, time.Duration(f.File.Engine.TimeScale*float64(d)))
	}
	return policy.Backoff{Base: scaled(base), Max: scaled(limit)}
}

// pollers returns how the number of pollers of a mapping that has its defaults is scaled.
func pollers(m config.Mapping) policy.Pollers {
	limit, report, fifo := 0, m.ReportsFailures(), m.Source().FIFO()
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

// destination returns where notices of a mapping go: to its destination, or into the data directory if the destination does
// not take them. It is nil without a destination.
func (f *Feeds) destination(ctx context.Context, m config.Mapping) (esm.Destination, error) {
	arn := m.DestinationConfig.OnFailure.Destination
	if arn == "" {
		return nil, nil
	}
	made, err := Destinations{File: f.File, Clients: f.Clients}.Open(ctx, arn, config.StreamFailure)
	if err != nil {
		return nil, err
	}
	return destinations.Kept{
		Destination: made, ARN: arn, Undelivered: f.Undelivered,
		Sent: func(n esm.Notice, err error) {
			f.Trace.Emit(trace.Notified{Mapping: n.Mapping, Shard: n.Stream.Shard, Destination: arn, Records: n.Stream.Size, Err: err})
		},
	}, nil
}

// FunctionARN returns the ARN of a mapping's function with the qualifier that the mapping was made with, as notices name it.
// The function may have vanished from the file.
func FunctionARN(file *configfile.File, m config.Mapping) string {
	name, _ := config.ParseFunctionName(m.FunctionName)
	return config.FunctionARN(file.Aws.Region, file.Aws.AccountId, name.Qualified())
}
