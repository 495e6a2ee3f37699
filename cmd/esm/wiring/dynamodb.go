package wiring

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/ddbstreams"
)

// dynamoDBStreams is shared by all mappings of DynamoDB streams.
type dynamoDBStreams struct {
	calls ddbstreams.Calls // limits the calls of this process
}

// open opens the stream that the ARN names, or the table's current stream and those that replace it. The position
// of a mapping's own row is the label of the first stream that it followed.
func (d *dynamoDBStreams) open(ctx context.Context, f *Feeds, m config.Mapping) (esm.Stream, error) {
	endpoint, region := f.location(m)
	client, err := f.Clients.DynamoDBStreams(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	if m.EventSourceArn != m.Source().Whole() {
		return ddbstreams.New(ddbstreams.Config{Client: client, ARN: m.Source().ARN, IdlePoll: f.idlePoll(endpoint), Calls: &d.calls})
	}
	checkpoints, err := f.Checkpoints.All(ctx, m.UUID)
	if err != nil {
		return nil, err
	}
	return ddbstreams.NewTable(ddbstreams.TableConfig{
		Client: client, ARN: m.Source().ARN, First: checkpoints[""].Position, IdlePoll: f.idlePoll(endpoint), Calls: &d.calls,
	})
}
