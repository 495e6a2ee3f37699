package destinations

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
)

// Reachable is a destination that can be asked whether it exists.
type Reachable interface {
	esm.Destination

	// Reach returns an error if the destination does not exist or does not answer. Access denied is no error: a sender
	// may lack the permission to ask. Reach makes one request, with the SDK's own retries.
	Reach(ctx context.Context) error
}

// Clients makes the SDK's clients for an endpoint and a region. An empty endpoint is AWS's own.
type Clients interface {
	SQS(ctx context.Context, endpoint, region string) (*sqs.Client, error)
	SNS(ctx context.Context, endpoint, region string) (*sns.Client, error)
	S3(ctx context.Context, endpoint, region string) (*s3.Client, error)
}

// Opener opens destinations.
type Opener struct {
	Clients Clients
	Region  string // of destinations whose ARNs name none

	// Endpoint returns a service's endpoint; empty is AWS's own.
	Endpoint func(service string) (string, error)
}

// Open returns the destination with an ARN, if notices of origin may be sent there. It makes no request.
func (o Opener) Open(ctx context.Context, arn string, origin config.Origin) (Reachable, error) {
	d, err := config.ParseDestination(arn, origin)
	if err != nil {
		return nil, fmt.Errorf("destination %s %w", arn, err)
	}
	opened, err := o.open(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", arn, err)
	}
	return opened, nil
}

func (o Opener) open(ctx context.Context, d config.Destination) (Reachable, error) {
	endpoint, err := o.Endpoint(d.Kind.Service)
	if err != nil {
		return nil, err
	}
	region := cmp.Or(d.ARN.Region, o.Region)
	switch d.Kind {
	case config.QueueDestination:
		client, err := o.Clients.SQS(ctx, endpoint, region)
		return &queue{client: client, arn: d.ARN}, err
	case config.TopicDestination:
		client, err := o.Clients.SNS(ctx, endpoint, region)
		return &topic{client, d.ARN.String()}, err
	case config.BucketDestination:
		client, err := o.Clients.S3(ctx, endpoint, region)
		return &bucket{client, d.ARN.Resource}, err
	}
	return nil, fmt.Errorf("%s cannot be opened", d.Kind.Name) // a row of the table without a case here
}

// reached returns the error of a request that asked for a destination.
func reached(what, name string, err error) error {
	if err == nil || awserr.Status(err) == http.StatusForbidden || strings.HasPrefix(awserr.Code(err), "AccessDenied") {
		return nil
	}
	return fmt.Errorf("destinations: %s %s: %w", what, name, err)
}
