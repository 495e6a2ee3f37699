package configfile

import (
	"cmp"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// File is a mappings file with its defaults filled in.
type File struct {
	Path      string // as it was given to Load
	Aws       Aws
	Engine    Engine
	Resources Resources
	Functions []config.Function // in the order of the file
	Mappings  []config.Mapping  // in the order of the file; FunctionName is a name from Functions with its qualifier, if any
}

// Aws says where the sources are.
type Aws struct {
	// Region is the file's, or else what the environment and the SDK's shared configuration say, or else that of the
	// first mapping's source, or else us-east-1.
	Region string

	// Endpoint is a URL, "embedded" or "embedded:<port>" for the stand-in of this process, or empty for AWS itself.
	Endpoint string

	Endpoints Endpoints
	AccountId string
}

// Endpoints are the URLs of single services. Empty means Aws.Endpoint.
type Endpoints struct {
	Sqs, Kinesis, Dynamodb, Dynamodbstreams, Sns, S3 string
}

// Embedded says whether the stand-in of this process is asked for, and on which port; 0 is one that is free.
func (a Aws) Embedded() (port string, asked bool) {
	service, port, _ := strings.Cut(a.Endpoint, ":")
	if service != embedded {
		return "", false
	}
	if port == "" {
		port = "0"
	}
	return port, true
}

// EndpointOf is the URL of a service that has no endpoint of its own in what uses it: empty for AWS itself, "embedded…" for
// the stand-in. Services are named as ARNs do, and the streams of tables [config.DynamoDBStreams], which have the endpoint of the
// tables unless they are given one.
func (a Aws) EndpointOf(service string) string {
	own := map[string]string{
		config.SQS: a.Endpoints.Sqs, config.Kinesis: a.Endpoints.Kinesis, config.DynamoDB: a.Endpoints.Dynamodb,
		config.DynamoDBStreams: cmp.Or(a.Endpoints.Dynamodbstreams, a.Endpoints.Dynamodb), config.SNS: a.Endpoints.Sns, config.S3: a.Endpoints.S3,
	}
	return cmp.Or(own[service], a.Endpoint)
}

// Engine says how the engine itself runs.
type Engine struct {
	DataDir     string        // absolute
	Listen      string        // host:port
	GracePeriod time.Duration // how long work in hand may finish
	Concurrency int           // the pool of functions without a reservation
	TimeScale   float64       // what the waits that the engine imposes are multiplied by
	IdlePoll    time.Duration // how often an idle shard is polled; 0 means that it depends on the endpoint
}

// embedded is the endpoint that stands for the stand-in of this process.
const embedded = "embedded"

// What stands for keys that are left out.
var (
	defaultAws    = Aws{AccountId: "000000000000"}
	defaultEngine = Engine{
		DataDir:     ".esm",
		Listen:      "127.0.0.1:9001",
		GracePeriod: 30 * time.Second,
		Concurrency: 1000,
		TimeScale:   1,
	}
	defaultRegion = "us-east-1"
)

// raw is the file as it was read, before anything is filled in.
type raw struct {
	Aws       Aws
	Engine    Engine
	Resources Resources
	Functions []member[config.Function]
	Mappings  []config.Mapping
}

var fileShape = objectFrom(raw{Aws: defaultAws, Engine: defaultEngine}, "file",
	field("Aws", func(f *raw) *Aws { return &f.Aws }, awsShape,
		"Where the sources are. Without it the SDK's usual chain decides: environment, profile, instance metadata."),
	field("Engine", func(f *raw) *Engine { return &f.Engine }, engineShape,
		"How the engine itself runs."),
	field("Resources", func(f *raw) *Resources { return &f.Resources }, resourcesShape,
		"What is created when missing, where an Endpoint is set."),
	field("Functions", func(f *raw) *[]member[config.Function] { return &f.Functions }, membersOf(functionShape),
		"The functions, by their names: 1 to 64 letters, digits, - and _."),
	field("EventSourceMappings", func(f *raw) *[]config.Mapping { return &f.Mappings }, listOf(0, 0, mappingShape),
		"What joins sources to functions. Each is a request of Lambda's CreateEventSourceMapping."),
)

var awsShape = objectFrom(defaultAws, "aws",
	field("Region", func(a *Aws) *string { return &a.Region }, textOf(regionRule),
		"The region, such as us-east-1. Without it the environment, the profile or the mappings' sources tell."),
	field("Endpoint", func(a *Aws) *string { return &a.Endpoint },
		textOf(endpointRule),
		`Any AWS-compatible endpoint. "embedded" starts the in-process stand-in on a free loopback port, "embedded:4566" on that port.`),
	field("Endpoints", func(a *Aws) *Endpoints { return &a.Endpoints }, endpointsShape,
		"The endpoints of single services, where they differ."),
	field("AccountId", func(a *Aws) *string { return &a.AccountId },
		textOf(matching(`[0-9]{12}`, "is not an account: 12 digits, in quotes")),
		"The account in ARNs that must be made: 12 digits, in quotes. Default 000000000000."),
)

var endpointsShape = objectOf(inEndpoints,
	field("sqs", func(e *Endpoints) *string { return &e.Sqs }, textOf(urlRule), "The endpoint of SQS."),
	field("kinesis", func(e *Endpoints) *string { return &e.Kinesis }, textOf(urlRule), "The endpoint of Kinesis."),
	field("dynamodb", func(e *Endpoints) *string { return &e.Dynamodb }, textOf(urlRule), "The endpoint of DynamoDB."),
	field("dynamodbstreams", func(e *Endpoints) *string { return &e.Dynamodbstreams }, textOf(urlRule), "The endpoint of DynamoDB Streams. Default: that of DynamoDB, if it is given."),
	field("sns", func(e *Endpoints) *string { return &e.Sns }, textOf(urlRule), "The endpoint of SNS."),
	field("s3", func(e *Endpoints) *string { return &e.S3 }, textOf(urlRule), "The endpoint of S3."),
)

var engineShape = objectFrom(defaultEngine, "engine",
	field("DataDir", func(e *Engine) *string { return &e.DataDir }, textOf(notEmpty),
		"The directory of what is kept, relative to this file. Default .esm."),
	field("Listen", func(e *Engine) *string { return &e.Listen },
		textOf(listenRule),
		"Where the HTTP face listens: host:port. Default 127.0.0.1:9001. It has no login."),
	field("GracePeriod", func(e *Engine) *time.Duration { return &e.GracePeriod }, duration,
		"How long work in hand may finish after SIGTERM, such as 30s, the default."),
	field("Concurrency", func(e *Engine) *int { return &e.Concurrency }, integerOf(1, config.MaxConcurrency),
		"The pool of invocations at a time that functions without a reservation share. Default 1000."),
	field("IdlePoll", func(e *Engine) *time.Duration { return &e.IdlePoll }, duration,
		"How often an idle shard is polled, such as 250ms. Default 1s for Kinesis on AWS, 250ms for DynamoDB on AWS, and 100ms elsewhere."),
	field("TimeScale", func(e *Engine) *float64 { return &e.TimeScale }, numberOf(1000),
		"For tests: multiplies the waits that the engine itself imposes, such as the backoff of retries. Default 1."),
)
