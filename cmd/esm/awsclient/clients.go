// Package awsclient makes the AWS SDK's clients for the endpoints that a mappings file names.
package awsclient

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
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/config"
)

// Connections is the number of idle connections kept for one endpoint: the maximum of concurrent calls for Kinesis shards.
const Connections = 512

// Clients makes SDK clients. Clients of one endpoint share their connections. Its methods, and the clients, may be used
// concurrently.
type Clients struct {
	Region string                           // the default region of clients
	Warn   func(format string, args ...any) // receives warnings of the SDK; nil discards them

	mu        sync.Mutex
	endpoints map[string]endpointConfig // by URL; "" is AWS itself
}

// endpointConfig is shared by the clients of one endpoint.
type endpointConfig struct {
	config aws.Config // with an awshttp.Client
	plain  *sdkhttp.BuildableClient
}

// Use makes cfg the configuration of an endpoint, instead of the one that the environment describes.
func (c *Clients) Use(endpoint string, cfg aws.Config) {
	c.remember(endpoint, endpointConfig{config: cfg})
}

// at returns the configuration of an endpoint. If the endpoint is not AWS's own and no credentials are found, they are
// test and test, which every emulator accepts.
func (c *Clients) at(ctx context.Context, endpoint string) (endpointConfig, error) {
	if known, ok := c.known(endpoint); ok {
		return known, nil
	}
	made, err := c.load(ctx, endpoint)
	if err != nil {
		return endpointConfig{}, err
	}
	return c.remember(endpoint, made), nil
}

func (c *Clients) known(endpoint string) (endpointConfig, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.endpoints[endpoint]
	return known, ok
}

// remember stores a configuration, unless a concurrent call stored one first, and returns the stored one.
func (c *Clients) remember(endpoint string, made endpointConfig) endpointConfig {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.endpoints[endpoint]; ok {
		return first
	}
	if c.endpoints == nil {
		c.endpoints = map[string]endpointConfig{}
	}
	c.endpoints[endpoint] = made
	return made
}

func (c *Clients) load(ctx context.Context, endpoint string) (endpointConfig, error) {
	// The SDK's own client, because it applies AWS_CA_BUNDLE.
	options := []func(*sdkconfig.LoadOptions) error{
		sdkconfig.WithRegion(c.Region), sdkconfig.WithHTTPClient(sdkhttp.NewBuildableClient()), sdkconfig.WithLogger(logging.LoggerFunc(c.log)),
	}
	if Emulated(endpoint) {
		options = append(options, sdkconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := sdkconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return endpointConfig{}, fmt.Errorf("aws: %w", err)
	}
	if endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	if Emulated(endpoint) {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			cfg.Credentials = credentials.NewStaticCredentialsProvider("test", "test", "")
		}
	}
	plain, ok := cfg.HTTPClient.(*sdkhttp.BuildableClient)
	if !ok {
		return endpointConfig{}, fmt.Errorf("aws: the SDK made an HTTP client of type %T", cfg.HTTPClient)
	}
	cfg.HTTPClient = awshttp.Around(plain, Connections)
	return endpointConfig{cfg, plain}, nil
}

// log replaces the SDK's own logger, which would write plain text to standard error between structured lines.
func (c *Clients) log(_ logging.Classification, format string, args ...any) {
	if c.Warn != nil {
		c.Warn("the AWS SDK: "+format, args...)
	}
}

// Emulated reports whether an endpoint is not one of AWS's own. The empty endpoint is AWS.
func Emulated(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if endpoint == "" || err != nil {
		return false
	}
	host := u.Hostname()
	return !slices.ContainsFunc([]string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"}, func(aws string) bool {
		return strings.HasSuffix(host, aws)
	})
}

// in returns the configuration of clients of an endpoint and a region; an empty region is c.Region.
func (c *Clients) in(ctx context.Context, endpoint, region string) (aws.Config, error) {
	at, err := c.at(ctx, endpoint)
	cfg := at.config
	cfg.Region = cmp.Or(region, c.Region)
	return cfg, err
}

// SQS returns a client for queues.
func (c *Clients) SQS(ctx context.Context, endpoint, region string) (*sqs.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return sqs.NewFromConfig(cfg), err
}

// Kinesis returns a client for data streams.
func (c *Clients) Kinesis(ctx context.Context, endpoint, region string) (*kinesis.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return kinesis.NewFromConfig(cfg), err
}

// DynamoDB returns a client for tables. Emulators omit the checksum of a response, and the SDK would warn of that.
func (c *Clients) DynamoDB(ctx context.Context, endpoint, region string) (*dynamodb.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = Emulated(endpoint) }), err
}

// DynamoDBStreams returns a client for the streams of tables.
func (c *Clients) DynamoDBStreams(ctx context.Context, endpoint, region string) (*dynamodbstreams.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return dynamodbstreams.NewFromConfig(cfg), err
}

// SNS returns a client for topics.
func (c *Clients) SNS(ctx context.Context, endpoint, region string) (*sns.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return sns.NewFromConfig(cfg), err
}

// S3 returns a client for buckets. An emulator has no host name for each bucket.
func (c *Clients) S3(ctx context.Context, endpoint, region string) (*s3.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = Emulated(endpoint) }), err
}

// EventBridge returns a client for event buses.
func (c *Clients) EventBridge(ctx context.Context, endpoint, region string) (*eventbridge.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return eventbridge.NewFromConfig(cfg), err
}

// LambdaAt returns a client for functions of an endpoint that are invoked asynchronously.
func (c *Clients) LambdaAt(ctx context.Context, endpoint, region string) (*lambda.Client, error) {
	cfg, err := c.in(ctx, endpoint, region)
	return lambda.NewFromConfig(cfg), err
}

// Lambda returns a client that invokes a function at its InvokeEndpoint. It waits for the function's timeout and some more.
func (c *Clients) Lambda(ctx context.Context, fn config.Function) (*lambda.Client, error) {
	at, err := c.at(ctx, fn.InvokeEndpoint)
	if err != nil {
		return nil, err
	}
	patient := at.plain.WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = fn.TimeLimit() + 2*RemoteSlack
	})
	return lambda.NewFromConfig(at.config, func(o *lambda.Options) {
		o.HTTPClient = awshttp.Around(patient, Connections)
	}), nil
}

// RemoteSlack is added to the timeout of a remote function: it covers the start of its environment and the network.
const RemoteSlack = 30 * time.Second
