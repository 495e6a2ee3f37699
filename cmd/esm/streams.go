package main

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/ddbstreams"
	"github.com/esm-run/esm/sources/kinesis"
)

// checkpointsPath is the file in a DataDir that holds positions and undelivered notices.
func checkpointsPath(dataDir string) string { return filepath.Join(dataDir, "checkpoints.db") }

// ofStream makes the feed of a mapping of a stream.
func (f *feeds) ofStream(ctx context.Context, m config.Mapping) (*engine.StreamFeed, error) {
	stream, err := f.stream(ctx, m)
	if err != nil {
		return nil, err
	}
	wanted, err := configfile.CompilePatterns(m.TextKey(), patterns(m.FilterCriteria)...)
	if err != nil {
		return nil, err
	}
	destination, err := f.destination(ctx, m)
	if err != nil {
		return nil, err
	}
	return &engine.StreamFeed{
		Mapping: m.UUID, Function: m.FunctionName, FunctionArn: f.functionARN(m), Source: m.EventSourceArn,
		Invoker: f.invoker, Stream: stream, Checkpoints: f.db, Destination: destination, Filter: wanted,
		Batching: policy.Batching{Size: *m.BatchSize, Window: seconds(m.MaximumBatchingWindowInSeconds)},
		Rules: policy.Stream{
			MaxRetries: *m.MaximumRetryAttempts,
			MaxAge:     seconds(m.MaximumRecordAgeInSeconds),
			Bisect:     *m.BisectBatchOnFunctionError,
			Backoff:    f.backoff(),
		},
		Shards:   policy.Shards{Start: m.StartingPosition, At: m.StartingPositionTimestamp},
		Tumbling: policy.Tumbling{Length: seconds(m.TumblingWindowInSeconds)},
		Lanes:    *m.ParallelizationFactor,
		Report:   m.ReportsFailures(),
		Scale:    f.file.Engine.TimeScale,
		Trace:    f.trace,
	}, nil
}

// backoff is that between tries of a batch that failed, as long as TimeScale makes it.
func (f *feeds) backoff() policy.Backoff {
	scale := f.file.Engine.TimeScale
	return policy.Backoff{
		Base: max(1, time.Duration(scale*float64(200*time.Millisecond))),
		Max:  max(1, time.Duration(scale*float64(time.Minute))),
	}
}

func (f *feeds) stream(ctx context.Context, m config.Mapping) (esm.Stream, error) {
	source, err := config.ParseARN(m.EventSourceArn)
	if err != nil {
		return nil, err
	}
	region := cmp.Or(m.Region, source.Region)
	if source.Service == config.Kinesis {
		client, err := f.clients.kinesis(ctx, cmp.Or(m.Endpoint, f.file.Aws.EndpointOf(config.Kinesis)), region)
		if err != nil {
			return nil, err
		}
		return kinesis.New(kinesis.Config{
			Client: client, ARN: m.EventSourceArn, Role: f.role(m),
			Filtered: m.FilterCriteria != nil, Pace: &f.pace,
		})
	}
	client, err := f.clients.dynamodbstreams(ctx, cmp.Or(m.Endpoint, f.file.Aws.EndpointOf(configfile.DynamoDBStreams)), region)
	if err != nil {
		return nil, err
	}
	if strings.Contains(source.Resource, "/stream/") {
		return ddbstreams.New(ddbstreams.Config{Client: client, ARN: m.EventSourceArn})
	}
	kept, err := f.db.All(ctx, m.UUID)
	if err != nil {
		return nil, err
	}
	return ddbstreams.NewTable(ddbstreams.TableConfig{Client: client, ARN: m.EventSourceArn, First: kept[""].Position})
}

// functionARN names a mapping's function as notices do: with the qualifier that the mapping was made with. The function
// may have vanished from the file.
func (f *feeds) functionARN(m config.Mapping) string {
	name, _ := config.ParseFunctionName(m.FunctionName)
	arn := config.FunctionARN(f.file.Aws.Region, f.file.Aws.AccountId, name.Name)
	if name.Qualifier != "" {
		return arn + ":" + name.Qualifier
	}
	return arn
}

// role is that of a mapping's function; without the function it is none.
func (f *feeds) role(m config.Mapping) string {
	if fn := f.file.Function(m.FunctionName); fn != nil {
		return fn.Role
	}
	return ""
}
