package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdkconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/config"
)

// connections is how many idle connections to one endpoint are kept: as many as pollers may want at once, and as there
// are calls for shards of Kinesis under way at the most.
const connections = 512

// clients makes the SDK's clients. Clients of one endpoint share their connections. It may be used by many at once, as may
// the clients.
type clients struct {
	region string
	warn   func(format string, args ...any) // is told what the SDK warns of; nil tells nobody

	mu     sync.Mutex
	places map[string]place // by endpoint; "" is AWS itself
}

// place is what everything that speaks to one endpoint is made from.
type place struct {
	config aws.Config // with an awshttp.Client
	plain  *sdkhttp.BuildableClient
}

// at returns the place of an endpoint. Where that is not AWS's own, credentials that cannot be found are test and test,
// which every emulator takes.
func (c *clients) at(ctx context.Context, endpoint string) (place, error) {
	if known, ok := c.known(endpoint); ok {
		return known, nil
	}
	made, err := c.load(ctx, endpoint)
	if err != nil {
		return place{}, err
	}
	return c.remember(endpoint, made), nil
}

func (c *clients) known(endpoint string) (place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.places[endpoint]
	return known, ok
}

// remember returns what is remembered: of two that were loaded side by side the first.
func (c *clients) remember(endpoint string, made place) place {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.places[endpoint]; ok {
		return first
	}
	if c.places == nil {
		c.places = map[string]place{}
	}
	c.places[endpoint] = made
	return made
}

func (c *clients) load(ctx context.Context, endpoint string) (place, error) {
	// The SDK's own client to begin with: it takes up AWS_CA_BUNDLE.
	options := []func(*sdkconfig.LoadOptions) error{
		sdkconfig.WithRegion(c.region), sdkconfig.WithHTTPClient(sdkhttp.NewBuildableClient()), sdkconfig.WithLogger(logging.LoggerFunc(c.log)),
	}
	if emulated(endpoint) {
		options = append(options, sdkconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := sdkconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return place{}, fmt.Errorf("aws: %w", err)
	}
	if endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	if emulated(endpoint) {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			cfg.Credentials = credentials.NewStaticCredentialsProvider("test", "test", "")
		}
	}
	plain, ok := cfg.HTTPClient.(*sdkhttp.BuildableClient)
	if !ok {
		return place{}, fmt.Errorf("aws: the SDK made an HTTP client of type %T", cfg.HTTPClient)
	}
	cfg.HTTPClient = awshttp.Around(plain, connections)
	return place{cfg, plain}, nil
}

// log is the SDK's logger. Its own writes to standard error, in the middle of structured lines.
func (c *clients) log(_ logging.Classification, format string, args ...any) {
	if c.warn != nil {
		c.warn("the AWS SDK: "+format, args...)
	}
}

// emulated reports whether an endpoint is not one of AWS's own, such as those of VPCs.
func emulated(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if endpoint == "" || err != nil {
		return false
	}
	host := u.Hostname()
	return !slices.ContainsFunc([]string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"}, func(aws string) bool {
		return strings.HasSuffix(host, aws)
	})
}

// in is the configuration of clients that speak to an endpoint about a region, or the file's region if it is empty.
func (c *clients) in(ctx context.Context, endpoint, region string) (aws.Config, error) {
	at, err := c.at(ctx, endpoint)
	cfg := at.config
	cfg.Region = cmp.Or(region, c.region)
	return cfg, err
}

func (c *clients) sqs(ctx context.Context, endpoint, region string) (*sqs.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return sqs.NewFromConfig(cfg), err
}

func (c *clients) kinesis(ctx context.Context, endpoint, region string) (*kinesis.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return kinesis.NewFromConfig(cfg), err
}

// dynamodb is a client for tables. Emulators leave out the checksum of an answer, which the SDK would complain about.
func (c *clients) dynamodb(ctx context.Context, endpoint, region string) (*dynamodb.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = emulated(endpoint) }), err
}

func (c *clients) dynamodbstreams(ctx context.Context, endpoint, region string) (*dynamodbstreams.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return dynamodbstreams.NewFromConfig(cfg), err
}

func (c *clients) sns(ctx context.Context, endpoint, region string) (*sns.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return sns.NewFromConfig(cfg), err
}

// s3 is a client for buckets. An emulator has no host name for each of them.
func (c *clients) s3(ctx context.Context, endpoint, region string) (*s3.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = emulated(endpoint) }), err
}

// lambda is a client that invokes one function elsewhere. It waits for as long as the function may take.
func (c *clients) lambda(ctx context.Context, fn config.Function) (*lambda.Client, error) {
	at, err := c.at(ctx, fn.InvokeEndpoint)
	if err != nil {
		return nil, err
	}
	patient := at.plain.WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = fn.TimeLimit() + 2*remoteSlack
	})
	return lambda.NewFromConfig(at.config, func(o *lambda.Options) {
		o.HTTPClient = awshttp.Around(patient, connections)
	}), nil
}

// remoteSlack is how much longer than its own timeout a function elsewhere may take to answer: its start and the way.
const remoteSlack = 30 * time.Second
