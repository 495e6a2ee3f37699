package rig

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/localstack/embedded"
)

// Env is the environment of one test: clients of a service, a directory, and names that no other test uses.
type Env struct {
	testing.TB
	Service         Service
	Dir             string            // holds the mappings file, what that refers to, and the DataDir
	Suffix          string            // of the names of this test's resources
	Endpoint        string            // of SQS, SNS, S3 and EventBridge
	StreamsEndpoint string            // of Kinesis and DynamoDB
	Endpoints       map[string]string // for engines, by service, in place of Endpoint: a test may put a proxy between
	Variables       []string          // for engines: NAME=value, beside those of the test

	SQS             *sqs.Client
	SNS             *sns.Client
	S3              *s3.Client
	EventBridge     *eventbridge.Client
	Kinesis         *kinesis.Client
	DynamoDB        *dynamodb.Client
	DynamoDBStreams *dynamodbstreams.Client

	embedded *embedded.Server // nil where everything is elsewhere
	front    *front           // nil without handlers in containers
}

// New returns an Env on a stand-in of the test's own.
func New(t testing.TB) *Env {
	t.Helper()
	return newEnv(t, StandIn)
}

func newEnv(t testing.TB, s Service) *Env {
	t.Helper()
	e := &Env{TB: t, Service: s, Dir: t.TempDir(), Suffix: "-" + strings.ToLower(rand.Text()[:12])}
	t.Cleanup(e.sweep)
	e.Endpoint, e.StreamsEndpoint = s.endpoints()
	if e.Endpoint == "" {
		e.embedded = &embedded.Server{Pattern: listed}
		e.Endpoint = serve(t, e.embedded)
	}
	if e.StreamsEndpoint == "" {
		e.StreamsEndpoint = e.Endpoint
	}
	e.Endpoints = map[string]string{"kinesis": e.StreamsEndpoint, "dynamodb": e.StreamsEndpoint}
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: &e.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: awshttp.New(16), // the SDK's own drops connections of a fast server, and puts records twice then
	}
	e.SQS, e.SNS = sqs.NewFromConfig(config), sns.NewFromConfig(config)
	e.S3 = s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	e.EventBridge = eventbridge.NewFromConfig(config)
	config.BaseEndpoint = &e.StreamsEndpoint
	e.Kinesis, e.DynamoDB, e.DynamoDBStreams = kinesis.NewFromConfig(config), dynamodb.NewFromConfig(config), dynamodbstreams.NewFromConfig(config)
	return e
}

// serve runs a stand-in until the test ends. It outlives the engines that the test starts and kills.
func serve(t testing.TB, server *embedded.Server) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, l) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return "http://" + l.Addr().String()
}

// Must fails the test if there is an error.
func (e *Env) Must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// Path returns the path of a file in the test's directory.
func (e *Env) Path(name string) string { return filepath.Join(e.Dir, name) }

// DataDir returns the directory in which engines keep what is durable.
func (e *Env) DataDir() string { return e.Path("data") }

// WriteFile writes a file into the test's directory, executable.
func (e *Env) WriteFile(name, text string) (path string) {
	e.Helper()
	path = e.Path(name)
	e.Must(os.MkdirAll(filepath.Dir(path), 0o755))
	e.Must(os.WriteFile(path, []byte(text), 0o755))
	return path
}

// Function returns a function whose handler asks h for its answers.
func (e *Env) Function(name string, h Handler) *Function {
	e.Helper()
	return newFunction(e.TB, name, h)
}

// Run starts esm on a mappings file with these entries, and waits until it is ready.
func (e *Env) Run(entries ...Entry) *Engine {
	e.Helper()
	engine := e.Start(entries...)
	engine.WaitReady()
	return engine
}

// Start starts esm on a mappings file with these entries.
func (e *Env) Start(entries ...Entry) *Engine {
	e.Helper()
	return StartWith(e.TB, e.Variables, e.File(entries...), "--data-dir", e.DataDir())
}

// File writes the mappings file, and returns its path.
func (e *Env) File(entries ...Entry) (path string) {
	e.Helper()
	endpoints := ""
	for service, url := range e.Endpoints {
		endpoints += fmt.Sprintf("%s: %q, ", service, url)
	}
	head := fmt.Sprintf("Aws: {Endpoint: %q, Region: us-east-1, Endpoints: {%s}}\n", e.Endpoint, endpoints)
	return e.WriteFile("mappings.yaml", head+fileOf(entries))
}

// RunOnData runs a command such as `esm position list` on the mappings file and the DataDir, while no engine uses them. It
// returns what the command writes.
func (e *Env) RunOnData(command, verb string, args ...string) string {
	e.Helper()
	args = append([]string{command, verb, e.Path("mappings.yaml"), "--data-dir", e.DataDir()}, args...)
	stdout, stderr, code := Run(e.TB, args...)
	if code != 0 {
		e.Errorf("esm %q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout + stderr
}

// CheckNoneUndelivered checks that no notice is kept as undelivered, while no engine runs.
func (e *Env) CheckNoneUndelivered() {
	e.Helper()
	if kept := e.RunOnData("undelivered", "list"); !strings.Contains(kept, "no undelivered notices") {
		e.Errorf("undelivered:\n%s", kept)
	}
}
