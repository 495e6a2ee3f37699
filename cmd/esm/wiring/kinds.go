package wiring

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// source connects one kind of event source: each kind has a file of its own and a row in newSources. Exactly one of queue
// and stream is set. Both make no request.
type source struct {
	queue  func(context.Context, *Feeds, config.Mapping) (esm.Queue, error)
	stream func(context.Context, *Feeds, config.Mapping) (esm.Stream, error)

	// envelope is the form of events; nil is policy.Records.
	envelope policy.Envelope

	// check asks the source whether the mapping m is valid, with errors in Lambda's words; isNew is false for a mapping
	// that is changed. Nil lists the stream of a new mapping.
	check func(ctx context.Context, f *Feeds, m config.Mapping, isNew bool) error

	// warnings waits until the source answers and returns known problems between its settings and the mapping's function.
	// Nil means that there are none.
	warnings func(context.Context, *Feeds, config.Mapping) []config.Problem
}

// newSources returns the row of each kind, with what all mappings of one engine share.
func newSources() map[*config.Kind]source {
	return map[*config.Kind]source{
		config.SQSQueue:       {queue: sqsQueue, check: checkQueue, warnings: queueWarnings},
		config.KinesisStream:  {stream: new(kinesisStreams).open},
		config.DynamoDBStream: {stream: new(dynamoDBStreams).open},
	}
}

// sourceOf returns the row of a mapping's source. Validate has refused mappings of other sources.
func (f *Feeds) sourceOf(m config.Mapping) (source, error) {
	f.once.Do(func() { f.sources = newSources() })
	s, ok := f.sources[m.Kind()]
	if !ok {
		return source{}, fmt.Errorf("EventSourceArn %s: no event source of this engine", m.EventSourceArn)
	}
	return s, nil
}

// location returns the endpoint and the region that a mapping's source is read from.
func (f *Feeds) location(m config.Mapping) (endpoint, region string) {
	s := m.Source()
	return cmp.Or(m.Endpoint, f.File.Aws.EndpointOf(s.Kind.EndpointKey)), cmp.Or(m.Region, s.ARN.Region)
}

// ErrStandIn is returned for sources and destinations in the embedded stand-in while no engine runs.
var ErrStandIn = errors.New("the stand-in runs only with the engine")

// running returns endpoint, and ErrStandIn if it is that of the embedded stand-in: an engine that runs has replaced it by a URL.
func running(endpoint string) (url string, err error) {
	if configfile.IsEmbedded(endpoint) {
		return "", fmt.Errorf("Aws.Endpoint %s: %w", endpoint, ErrStandIn)
	}
	return endpoint, nil
}

// checkStream is the check of a kind without one of its own.
func checkStream(ctx context.Context, f *Feeds, m config.Mapping, isNew bool) error {
	if !isNew {
		return nil
	}
	s, err := f.sourceOf(m)
	if err != nil {
		return invalid("EventSourceArn", "Unrecognized event source.")
	}
	stream, err := s.stream(ctx, f, m)
	if err != nil {
		return fmt.Errorf("%w: %w", invalid("EventSourceArn", "Unrecognized event source."), err)
	}
	if _, err = stream.List(ctx); errors.Is(err, esm.ErrNoStream) {
		return invalid("EventSourceArn", "Stream not found: %s", m.EventSourceArn)
	}
	return err
}

// Warnings waits until the source of m answers, or ctx ends, and returns known problems between its settings and the
// mapping's function, which `esm validate` cannot know.
func (f *Feeds) Warnings(ctx context.Context, m config.Mapping) []config.Problem {
	if s, err := f.sourceOf(m); err == nil && s.warnings != nil {
		return s.warnings(ctx, f, m)
	}
	return nil
}

// Shards returns the IDs of the shards of a stream mapping's source. It gives up after a few seconds.
func (f *Feeds) Shards(ctx context.Context, m config.Mapping) ([]string, error) {
	s, err := f.sourceOf(m)
	if err != nil {
		return nil, err
	}
	endpoint, _ := f.location(m)
	if _, err := running(endpoint); err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, f, m)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	listing, err := stream.List(ctx)
	var ids []string
	for _, shard := range listing.Shards {
		ids = append(ids, shard.ID)
	}
	return ids, err
}
