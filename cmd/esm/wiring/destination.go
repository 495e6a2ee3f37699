package wiring

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
)

// Destinations opens the destinations of notices. Its methods may be used concurrently.
type Destinations struct {
	File    *configfile.File
	Clients *awsclient.Clients

	// Acceptor takes events for functions of the file that are destinations. If it is nil nothing can be sent to those, but
	// they can be opened.
	Acceptor esm.Acceptor
}

// Open returns the destination that an ARN names for notices of origin, with its retries. It makes no request.
func (d Destinations) Open(ctx context.Context, arn string, origin config.Origin) (esm.Destination, error) {
	opened, err := d.Reachable(ctx, arn, origin)
	if err != nil {
		return nil, err
	}
	return destinations.Retrying{Destination: opened}, nil
}

// Reachable returns the destination that an ARN names without retries, to ask whether it exists.
func (d Destinations) Reachable(ctx context.Context, arn string, origin config.Origin) (destinations.Reachable, error) {
	aws := d.File.Aws
	opener := destinations.Opener{
		Clients: d.Clients, Region: aws.Region, Account: aws.AccountId, Acceptor: d.Acceptor,
		Endpoint:    func(service string) (string, error) { return running(aws.EndpointOf(service)) },
		HasFunction: func(name string) bool { return d.File.Function(name) != nil },
	}
	return opener.Open(ctx, arn, origin)
}
