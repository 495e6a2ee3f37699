package wiring

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
)

// Destination returns the destination that an ARN names, with its retries. It makes no request.
func Destination(ctx context.Context, c *awsclient.Clients, file *configfile.File, arn string) (esm.Destination, error) {
	opened, err := ReachableDestination(ctx, c, file, arn)
	if err != nil {
		return nil, err
	}
	return destinations.Retrying{Destination: opened}, nil
}

// ReachableDestination returns the destination that an ARN names without retries, to ask whether it exists.
func ReachableDestination(ctx context.Context, c *awsclient.Clients, file *configfile.File, arn string) (destinations.Reachable, error) {
	opener := destinations.Opener{Clients: c, Region: file.Aws.Region, Endpoint: func(service string) (string, error) {
		return running(file.Aws.EndpointOf(service))
	}}
	return opener.Open(ctx, arn, config.StreamFailure)
}
