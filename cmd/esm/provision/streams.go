package provision

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// streams lists the file's Streams.
func streams(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Streams) == 0 {
		return nil, nil
	}
	client, err := c.Kinesis(ctx, file.Aws.EndpointOf(config.Kinesis), file.Aws.Region)
	for _, s := range file.Resources.Streams {
		all = append(all, stream{s, client}.resource())
	}
	return all, err
}

type stream struct {
	configfile.Stream
	client *kinesis.Client
}

func (s stream) resource() resource {
	return resource{
		name: "stream " + s.StreamName, describe: s.describe, create: s.create,
		count: len(s.Records), content: "record", put: s.put,
	}
}

func (s stream) describe(ctx context.Context) (state, error) {
	out, err := s.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.StreamName})
	if err != nil {
		return notFound[*types.ResourceNotFoundException](err)
	}
	at := state{exists: true}
	switch is := out.StreamDescriptionSummary; {
	case is.StreamStatus == types.StreamStatusCreating, is.StreamStatus == types.StreamStatusDeleting:
		at.pending = string(is.StreamStatus)
	case int(aws.ToInt32(is.OpenShardCount)) != s.ShardCount:
		at.differs = []string{fmt.Sprintf("it has %d open shards, in the file its ShardCount is %d", aws.ToInt32(is.OpenShardCount), s.ShardCount)}
	}
	return at, nil
}

func (s stream) create(ctx context.Context) error {
	_, err := s.client.CreateStream(ctx, &kinesis.CreateStreamInput{
		StreamName: &s.StreamName,
		ShardCount: aws.Int32(int32(s.ShardCount)), //nolint:gosec // the file's decoder allows at most 10000
	})
	return unlessExists[*types.ResourceInUseException](err)
}

// put puts one record. PutRecords may refuse some of many and so change their order.
func (s stream) put(ctx context.Context, i int) error {
	_, err := s.client.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: &s.StreamName, PartitionKey: &s.Records[i].PartitionKey, Data: []byte(s.Records[i].Data),
	})
	return err
}
