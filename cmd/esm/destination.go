package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
	"github.com/esm-run/esm/trace"
)

// destination makes the destination that an ARN names, with its retries. Nothing is asked of the network.
func (c *clients) destination(ctx context.Context, file *configfile.File, arn string) (esm.Destination, error) {
	made, err := c.reachable(ctx, file, arn)
	if err != nil {
		return nil, err
	}
	return destinations.Retrying{Destination: made}, nil
}

func (c *clients) reachable(ctx context.Context, file *configfile.File, arn string) (destinations.Reachable, error) {
	made, err := c.plainDestination(ctx, file, arn)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", arn, err)
	}
	return made, nil
}

func (c *clients) plainDestination(ctx context.Context, file *configfile.File, arn string) (destinations.Reachable, error) {
	service, err := destinations.Kind(arn)
	if err != nil {
		return nil, err
	}
	place, err := config.ParseARN(arn)
	if err != nil {
		return nil, err
	}
	endpoint, region := file.Aws.EndpointOf(service), cmp.Or(place.Region, file.Aws.Region)
	switch service {
	case destinations.ServiceSNS:
		client, err := c.sns(ctx, endpoint, region)
		if err != nil {
			return nil, err
		}
		return destinations.NewSNS(client, arn)
	case destinations.ServiceS3:
		client, err := c.s3(ctx, endpoint, region)
		if err != nil {
			return nil, err
		}
		return destinations.NewS3(client, arn)
	}
	client, err := c.sqs(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	return destinations.NewSQS(client, arn)
}

// destination is where a mapping's notices go: to its destination, or into the DataDir when that does not take them. Nil
// without a destination.
func (f *feeds) destination(ctx context.Context, m config.Mapping) (esm.Destination, error) {
	arn := m.DestinationConfig.OnFailure.Destination
	if arn == "" {
		return nil, nil
	}
	made, err := f.clients.destination(ctx, f.file, arn)
	if err != nil {
		return nil, err
	}
	return destinations.Kept{
		Destination: made, Keeper: f.db, Name: arn,
		Told: func(n esm.Notice, err error) {
			f.trace.Emit(trace.Notified{Mapping: n.Mapping, Shard: n.Shard, Destination: arn, Records: n.Size, Err: err})
		},
	}, nil
}
