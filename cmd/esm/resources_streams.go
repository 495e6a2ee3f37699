package main

import (
	"context"
	"fmt"
	"github.com/esm-run/esm/cmd/esm/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// streamsToMake are the file's Streams.
func streamsToMake(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Streams) == 0 {
		return nil, nil
	}
	client, err := c.Kinesis(ctx, file.Aws.EndpointOf(config.Kinesis), file.Aws.Region)
	for _, s := range file.Resources.Streams {
		all = append(all, streamToMake{s, client}.resource())
	}
	return all, err
}

type streamToMake struct {
	configfile.Stream
	client *kinesis.Client
}

func (s streamToMake) resource() resource {
	return resource{
		name: "stream " + s.StreamName, look: s.look, create: s.create,
		count: len(s.Records), content: "record", put: s.put,
	}
}

func (s streamToMake) look(ctx context.Context) (found, error) {
	out, err := s.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.StreamName})
	if err != nil {
		return notFound[*types.ResourceNotFoundException](err)
	}
	at := found{there: true}
	switch is := out.StreamDescriptionSummary; {
	case is.StreamStatus == types.StreamStatusCreating, is.StreamStatus == types.StreamStatusDeleting:
		at.status = string(is.StreamStatus)
	case int(aws.ToInt32(is.OpenShardCount)) != s.ShardCount:
		at.differs = []string{fmt.Sprintf("it has %d open shards, in the file its ShardCount is %d", aws.ToInt32(is.OpenShardCount), s.ShardCount)}
	}
	return at, nil
}

func (s streamToMake) create(ctx context.Context) error {
	_, err := s.client.CreateStream(ctx, &kinesis.CreateStreamInput{
		StreamName: &s.StreamName,
		ShardCount: aws.Int32(int32(s.ShardCount)), //nolint:gosec // the file's decoder allows 10000 at the most
	})
	return unlessThere[*types.ResourceInUseException](err)
}

// put puts one record. PutRecords would put many, and those that it refuses behind those that it takes.
func (s streamToMake) put(ctx context.Context, i int) error {
	_, err := s.client.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: &s.StreamName, PartitionKey: &s.Records[i].PartitionKey, Data: []byte(s.Records[i].Data),
	})
	return err
}
