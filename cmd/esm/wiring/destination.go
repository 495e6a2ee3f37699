package wiring

import (
	"cmp"
	"context"
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
)

// Destination returns the destination that an ARN names, with its retries. It makes no request.
func Destination(ctx context.Context, c *awsclient.Clients, file *configfile.File, arn string) (esm.Destination, error) {
	made, err := ReachableDestination(ctx, c, file, arn)
	if err != nil {
		return nil, err
	}
	return destinations.Retrying{Destination: made}, nil
}

// ReachableDestination returns the destination that an ARN names without retries, to ask whether it exists.
func ReachableDestination(ctx context.Context, c *awsclient.Clients, file *configfile.File, arn string) (destinations.Reachable, error) {
	made, err := openDestination(ctx, c, file, arn)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", arn, err)
	}
	return made, nil
}

func openDestination(ctx context.Context, c *awsclient.Clients, file *configfile.File, arn string) (destinations.Reachable, error) {
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
		client, err := c.SNS(ctx, endpoint, region)
		if err != nil {
			return nil, err
		}
		return destinations.NewSNS(client, arn)
	case destinations.ServiceS3:
		client, err := c.S3(ctx, endpoint, region)
		if err != nil {
			return nil, err
		}
		return destinations.NewS3(client, arn)
	}
	client, err := c.SQS(ctx, endpoint, region)
	if err != nil {
		return nil, err
	}
	return destinations.NewSQS(client, arn)
}
