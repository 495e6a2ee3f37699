package configfile

import (
	"cmp"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// File is a mappings file with its defaults filled in.
type File struct {
	Path      string // as given to Load
	Aws       Aws
	Engine    Engine
	Resources Resources
	Functions []config.Function // in the order of the file
	Mappings  []config.Mapping  // in the order of the file; FunctionName is a name from Functions with its qualifier, if any
}

// Aws says which endpoints, region and account to use.
type Aws struct {
	// Region comes from the file, else the environment, else the SDK's shared configuration, else the first mapping's source,
	// else it is us-east-1.
	Region string

	// Endpoint is a URL, "embedded" or "embedded:<port>" for the stand-in inside this process, or empty for AWS itself.
	Endpoint string

	Endpoints Endpoints
	AccountId string
}

// Endpoints are the URLs of single services. Empty means Aws.Endpoint.
type Endpoints struct {
	Sqs, Kinesis, Dynamodb, Dynamodbstreams, Sns, S3, Events, Lambda string
}

// Embedded reports whether the embedded stand-in is requested, and on which port; 0 means any free port.
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

// EndpointOf returns the URL of a service: empty for AWS itself, "embedded…" for the stand-in. Services are named as in
// ARNs, plus [config.DynamoDBStreams] for the streams of tables, which default to the endpoint of DynamoDB. An Endpoint of
// the mapping itself takes precedence over it.
func (a Aws) EndpointOf(service string) string {
	own := map[string]string{
		config.SQS: a.Endpoints.Sqs, config.Kinesis: a.Endpoints.Kinesis, config.DynamoDB: a.Endpoints.Dynamodb,
		config.DynamoDBStreams: cmp.Or(a.Endpoints.Dynamodbstreams, a.Endpoints.Dynamodb), config.SNS: a.Endpoints.Sns, config.S3: a.Endpoints.S3,
		config.EventBridge: a.Endpoints.Events, config.Lambda: a.Endpoints.Lambda,
	}
	return cmp.Or(own[service], a.Endpoint)
}

// Engine holds the settings of the engine itself.
type Engine struct {
	DataDir     string        // absolute
	Listen      string        // host:port
	GracePeriod time.Duration // how long work in hand may finish
	Concurrency int           // the pool of functions without a reservation
	TimeScale   float64       // multiplies the waits that the engine imposes
	Url         string        // of the HTTP server, as services reach it; empty means that of Listen
	IdlePoll    time.Duration // how often an idle shard is polled; 0 means that it depends on the endpoint
}

// embedded is the endpoint that selects the stand-in inside this process.
const embedded = "embedded"

// The defaults of keys that are left out.
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

// raw is the decoded file before defaults are filled in.
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
		"Resources to create if they are missing. They need an Endpoint."),
	field("Functions", func(f *raw) *[]member[config.Function] { return &f.Functions }, membersOf(functionShape),
		"The functions, by their names: 1 to 64 letters, digits, - and _."),
	field("EventSourceMappings", func(f *raw) *[]config.Mapping { return &f.Mappings }, listOf(0, 0, mappingShape),
		"The mappings from sources to functions. Each has the fields of Lambda's CreateEventSourceMapping."),
)

var awsShape = objectFrom(defaultAws, "aws",
	field("Region", func(a *Aws) *string { return &a.Region }, textOf(regionRule),
		"The region, such as us-east-1. Default: that of the environment, the profile or the first mapping's source."),
	field("Endpoint", func(a *Aws) *string { return &a.Endpoint },
		textOf(endpointRule),
		`Any AWS-compatible endpoint. "embedded" starts the in-process stand-in on a free loopback port, "embedded:4566" on that port.`),
	field("Endpoints", func(a *Aws) *Endpoints { return &a.Endpoints }, endpointsShape,
		"The endpoints of single services, where they differ."),
	field("AccountId", func(a *Aws) *string { return &a.AccountId },
		textOf(matching(`[0-9]{12}`, "is not an account: 12 digits, in quotes")),
		"The account of the ARNs that esm builds: 12 digits, in quotes. Default 000000000000."),
)

var endpointsShape = objectOf(inEndpoints,
	field("sqs", func(e *Endpoints) *string { return &e.Sqs }, textOf(urlRule), "The endpoint of SQS."),
	field("kinesis", func(e *Endpoints) *string { return &e.Kinesis }, textOf(urlRule), "The endpoint of Kinesis."),
	field("dynamodb", func(e *Endpoints) *string { return &e.Dynamodb }, textOf(urlRule), "The endpoint of DynamoDB."),
	field("dynamodbstreams", func(e *Endpoints) *string { return &e.Dynamodbstreams }, textOf(urlRule), "The endpoint of DynamoDB Streams. Default: that of DynamoDB, if it is given."),
	field("sns", func(e *Endpoints) *string { return &e.Sns }, textOf(urlRule), "The endpoint of SNS."),
	field("s3", func(e *Endpoints) *string { return &e.S3 }, textOf(urlRule), "The endpoint of S3."),
	field("events", func(e *Endpoints) *string { return &e.Events }, textOf(urlRule), "The endpoint of EventBridge."),
	field("lambda", func(e *Endpoints) *string { return &e.Lambda }, textOf(urlRule),
		"The endpoint of Lambda, for destinations that are functions of another account or region."),
)

var engineShape = objectFrom(defaultEngine, "engine",
	field("DataDir", func(e *Engine) *string { return &e.DataDir }, textOf(notEmpty),
		"The data directory, relative to this file. Default .esm."),
	field("Listen", func(e *Engine) *string { return &e.Listen },
		textOf(listenRule),
		"Where the HTTP server listens: host:port. Default 127.0.0.1:9001. It has no authentication."),
	field("Url", func(e *Engine) *string { return &e.Url }, textOf(urlRule),
		"The URL at which an emulator reaches the HTTP server to deliver events, such as http://host.docker.internal:9001. Default: that of Listen."),
	field("GracePeriod", func(e *Engine) *time.Duration { return &e.GracePeriod }, duration,
		"How long work in hand may finish after SIGTERM, such as 30s, the default."),
	field("Concurrency", func(e *Engine) *int { return &e.Concurrency }, integerOf(1, config.MaxConcurrency),
		"How many invocations functions without a reservation may run at a time, together. Default 1000."),
	field("IdlePoll", func(e *Engine) *time.Duration { return &e.IdlePoll }, positiveDuration,
		"How often an idle shard is polled, such as 250ms. Default 1s for Kinesis on AWS, 250ms for DynamoDB on AWS, and 100ms elsewhere."),
	field("TimeScale", func(e *Engine) *float64 { return &e.TimeScale }, numberOf(1000),
		"For tests: multiplies the waits that the engine itself imposes, such as the backoff of retries. Default 1."),
)
