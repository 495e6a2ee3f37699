package destinations

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
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
	EventBridge(ctx context.Context, endpoint, region string) (*eventbridge.Client, error)
	LambdaAt(ctx context.Context, endpoint, region string) (*lambda.Client, error)
}

// Opener opens destinations.
type Opener struct {
	Clients Clients
	Region  string // of this engine's functions, and of destinations whose ARNs name none
	Account string // of this engine's functions

	// Endpoint returns a service's endpoint; empty is AWS's own.
	Endpoint func(service string) (string, error)

	// HasFunction reports whether this engine has a function of a name without a qualifier. Nil means that it has none.
	HasFunction func(name string) bool

	// Acceptor takes the events of this engine's functions. If it is nil, destinations that are such functions can be
	// opened, but nothing can be sent to them.
	Acceptor esm.Acceptor
}

// OriginOf returns the origin of a notice.
func OriginOf(n esm.Notice) config.Origin {
	switch {
	case n.Event == nil:
		return config.StreamFailure
	case n.Event.DeadLetter:
		return config.DeadLetter
	case n.Condition == esm.Success:
		return config.EventSuccess
	}
	return config.EventFailure
}

// Open returns the destination with an ARN, if notices of origin may be sent there. It makes no request. Its errors are
// [esm.ErrUndeliverable]: someone must change the configuration.
func (o Opener) Open(ctx context.Context, arn string, origin config.Origin) (Reachable, error) {
	d, err := config.ParseDestination(arn, origin)
	if err != nil {
		return nil, unopenable{fmt.Errorf("destination %s %w", arn, err)}
	}
	opened, err := o.open(ctx, d)
	if err != nil {
		return nil, unopenable{fmt.Errorf("destination %s: %w", arn, err)}
	}
	return opened, nil
}

// unopenable is an error of Open. It is an [esm.ErrUndeliverable] without its text.
type unopenable struct{ error }

// Is is for [errors.Is].
func (unopenable) Is(target error) bool { return target == esm.ErrUndeliverable }

func (e unopenable) Unwrap() error { return e.error }

func (o Opener) open(ctx context.Context, d config.Destination) (Reachable, error) {
	if d.Kind == config.FunctionDestination && d.ARN.Region == o.Region && d.ARN.Account == o.Account {
		return o.ownFunction(d)
	}
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
	case config.BusDestination:
		client, err := o.Clients.EventBridge(ctx, endpoint, region)
		return &bus{client, d.ARN.String()}, err
	case config.FunctionDestination:
		client, err := o.Clients.LambdaAt(ctx, endpoint, region)
		return &remoteFunction{client, d.Function(), d.FunctionArn()}, err
	}
	return nil, fmt.Errorf("%s cannot be opened", d.Kind.Name) // a row of the table without a case here
}

// ownFunction opens a destination that is a function of this engine's account and region, and so must be one of its own.
func (o Opener) ownFunction(d config.Destination) (Reachable, error) {
	name := d.Function()
	if o.HasFunction == nil || !o.HasFunction(name.Name) {
		return nil, fmt.Errorf("this engine, whose functions are in %s and account %s, has no function %s", o.Region, o.Account, name.Name)
	}
	return &ownFunction{o.Acceptor, name.Qualified()}, nil
}

// reached returns the error of a request that asked for a destination.
func reached(what, name string, err error) error {
	if err == nil || awserr.Status(err) == http.StatusForbidden || strings.HasPrefix(awserr.Code(err), "AccessDenied") {
		return nil
	}
	return fmt.Errorf("destinations: %s %s: %w", what, name, err)
}
