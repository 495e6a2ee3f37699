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

// Endpoints are the URLs of single services, by the keys of [endpoints].
type Endpoints map[string]string

// endpoints lists the keys of Aws.Endpoints: services as ARNs name them, and [config.DynamoDBStreams].
var endpoints = []struct {
	key, service string
	instead      string // the key whose URL is used if this one is left out; after that it is Aws.Endpoint
}{
	{config.SQS, "SQS", ""},
	{config.Kinesis, "Kinesis", ""},
	{config.DynamoDB, "DynamoDB", ""},
	{config.DynamoDBStreams, "DynamoDB Streams. Default: that of DynamoDB, if it is given", config.DynamoDB},
	{config.SNS, "SNS", ""},
	{config.S3, "S3", ""},
	{config.EventBridge, "EventBridge", ""},
	{config.Lambda, "Lambda, for destinations that are functions of another account or region", ""},
}

// Embedded reports whether the embedded stand-in is requested, and on which port; 0 means any free port.
func (a Aws) Embedded() (port string, asked bool) {
	_, port, _ = strings.Cut(a.Endpoint, ":")
	if !IsEmbedded(a.Endpoint) {
		return "", false
	}
	if port == "" {
		port = "0"
	}
	return port, true
}

// EndpointOf returns the URL of a service, which is one of the keys of Aws.Endpoints: empty for AWS itself, "embedded…" for
// the stand-in. An Endpoint of the mapping itself takes precedence over it.
func (a Aws) EndpointOf(service string) string {
	url := a.Endpoints[service]
	for _, e := range endpoints {
		if e.key == service && e.instead != "" {
			url = cmp.Or(url, a.Endpoints[e.instead])
		}
	}
	return cmp.Or(url, a.Endpoint)
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

	ContainerNetworks string // a range of addresses in CIDR form; empty means the default of package docker
}

// IsEmbedded reports whether an endpoint is that of the embedded stand-in. While an engine runs, its file has a URL instead.
func IsEmbedded(endpoint string) bool {
	name, _, _ := strings.Cut(endpoint, ":")
	return name == embedded
}

// embedded is the endpoint that selects the stand-in inside this process.
const embedded = "embedded"

// The defaults of keys that are left out.
var (
	defaultAws    = Aws{AccountId: config.DefaultAccount}
	defaultEngine = Engine{
		DataDir:     ".esm",
		Listen:      "127.0.0.1:9001",
		GracePeriod: 30 * time.Second,
		Concurrency: 1000,
		TimeScale:   1,
	}
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

var endpointsShape = objectOf(inEndpoints, endpointFields()...)

func endpointFields() (fields []key[Endpoints]) {
	for _, e := range endpoints {
		url := textOf(urlRule)
		fields = append(fields, key[Endpoints]{
			name: e.key, doc: "The endpoint of " + e.service + ".", schema: url.schema,
			read: func(d *decoder, n *node, at string, into *Endpoints) (ok bool) {
				if *into == nil {
					*into = Endpoints{}
				}
				(*into)[e.key], ok = url.read(d, n, at)
				return ok
			},
		})
	}
	return fields
}

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
	field("ContainerNetworks", func(e *Engine) *string { return &e.ContainerNetworks }, textOf(networksRule),
		"The range of addresses for the networks of containers, a subnet of it for each function. Default 10.208.0.0/12."),
	field("TimeScale", func(e *Engine) *float64 { return &e.TimeScale }, numberOf(1000),
		"For tests: multiplies the waits that the engine itself imposes, such as the backoff of retries. Default 1."),
)
