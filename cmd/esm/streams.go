package main

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/ddbstreams"
	"github.com/esm-run/esm/sources/kinesis"
)

// checkpointsPath is the file in a DataDir that holds positions and undelivered notices.
func checkpointsPath(dataDir string) string { return filepath.Join(dataDir, "checkpoints.db") }

// openCheckpoints opens the DataDir's checkpoints, unless no mapping of the file has a stream: then they are nil.
func openCheckpoints(file *config.File) (*checkpoint.DB, error) {
	if !slices.ContainsFunc(file.Mappings, esm.Mapping.OfStream) {
		return nil, nil
	}
	return checkpoint.Open(checkpointsPath(file.Engine.DataDir))
}

// streams makes the feeds of mappings with streams.
type streams struct {
	file    *config.File
	clients *clients
	db      *checkpoint.DB
	pace    kinesis.Pace // of all mappings: what a shard allows is for all of its readers
	trace   esm.Trace
}

// feed makes the feed of one mapping. It talks to nobody.
func (s *streams) feed(ctx context.Context, m esm.Mapping) (*engine.StreamFeed, error) {
	stream, err := s.stream(ctx, m)
	if err != nil {
		return nil, err
	}
	wanted, err := config.CompilePatterns(m.TextKey(), patterns(m.FilterCriteria)...)
	if err != nil {
		return nil, err
	}
	destination, err := s.destination(ctx, m)
	if err != nil {
		return nil, err
	}
	return &engine.StreamFeed{
		Mapping: m.UUID, Function: m.FunctionName, FunctionArn: s.functionARN(m), Source: m.EventSourceArn,
		Stream: stream, Checkpoints: s.db, Destination: destination, Filter: wanted,
		Batching: policy.Batching{Size: *m.BatchSize, Window: seconds(m.MaximumBatchingWindowInSeconds)},
		Rules: policy.Stream{
			MaxRetries: *m.MaximumRetryAttempts,
			MaxAge:     seconds(m.MaximumRecordAgeInSeconds),
			Bisect:     *m.BisectBatchOnFunctionError,
			Backoff:    s.backoff(),
		},
		Shards:   policy.Shards{Start: m.StartingPosition, At: m.StartingPositionTimestamp},
		Tumbling: policy.Tumbling{Length: seconds(m.TumblingWindowInSeconds)},
		Lanes:    *m.ParallelizationFactor,
		Report:   m.ReportsFailures(),
		Scale:    s.file.Engine.TimeScale,
		Trace:    s.trace,
	}, nil
}

// backoff is that between tries of a batch that failed, as long as TimeScale makes it.
func (s *streams) backoff() policy.Backoff {
	scale := s.file.Engine.TimeScale
	return policy.Backoff{
		Base: max(1, time.Duration(scale*float64(200*time.Millisecond))),
		Max:  max(1, time.Duration(scale*float64(time.Minute))),
	}
}

func (s *streams) stream(ctx context.Context, m esm.Mapping) (esm.Stream, error) {
	source, err := esm.ParseARN(m.EventSourceArn)
	if err != nil {
		return nil, err
	}
	region := cmp.Or(m.Region, source.Region)
	if source.Service == esm.Kinesis {
		client, err := s.clients.kinesis(ctx, cmp.Or(m.Endpoint, s.file.Aws.EndpointOf(esm.Kinesis)), region)
		if err != nil {
			return nil, err
		}
		return kinesis.New(kinesis.Config{
			Client: client, ARN: m.EventSourceArn, Role: s.file.Function(m.FunctionName).Role,
			Filtered: m.FilterCriteria != nil, Pace: &s.pace,
		})
	}
	client, err := s.clients.dynamodbstreams(ctx, cmp.Or(m.Endpoint, s.file.Aws.EndpointOf(config.DynamoDBStreams)), region)
	if err != nil {
		return nil, err
	}
	if strings.Contains(source.Resource, "/stream/") {
		return ddbstreams.New(ddbstreams.Config{Client: client, ARN: m.EventSourceArn})
	}
	kept, err := s.db.All(ctx, m.UUID)
	if err != nil {
		return nil, err
	}
	return ddbstreams.NewTable(ddbstreams.TableConfig{Client: client, ARN: m.EventSourceArn, First: kept[""].Position})
}

// functionARN names a mapping's function as notices do: with the qualifier that the mapping was made with.
func (s *streams) functionARN(m esm.Mapping) string {
	arn := s.file.Function(m.FunctionName).FunctionArn
	if _, qualifier, qualified := strings.Cut(m.FunctionName, ":"); qualified {
		return arn + ":" + qualifier
	}
	return arn
}

// seconds is a member in seconds as a duration. Below zero it is for ever, as 0 is where that matters.
func seconds(n *int) time.Duration { return time.Duration(max(*n, 0)) * time.Second }
