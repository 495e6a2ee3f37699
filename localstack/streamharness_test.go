package localstack_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm/awshttp"
)

// A streamService is where the streams of a test are, and where its queues, topics and buckets.
type streamService struct {
	name    string
	streams string // the endpoint; "embedded" is the stand-in that rest is
	rest    string
	admin   string // DynamoDB Local's port for rolling streams over and ageing them
}

var (
	kinesisServices = []streamService{
		{name: "embedded", streams: "embedded", rest: "embedded"},
		{name: "kinesis-mock", streams: os.Getenv("ESM_TEST_KINESISMOCK"), rest: "embedded"},
		{name: "LocalStack", streams: os.Getenv("ESM_TEST_LOCALSTACK"), rest: os.Getenv("ESM_TEST_LOCALSTACK")},
	}
	dynamodbServices = []streamService{
		{name: "embedded", streams: "embedded", rest: "embedded"},
		{
			name: "DynamoDB Local", streams: os.Getenv("ESM_TEST_DYNAMODBLOCAL"), rest: "embedded",
			admin: os.Getenv("ESM_TEST_DYNAMODBLOCAL_ADMIN"),
		},
		{name: "LocalStack", streams: os.Getenv("ESM_TEST_LOCALSTACK"), rest: os.Getenv("ESM_TEST_LOCALSTACK")},
	}
)

// overStreams runs a test against each of them, side by side.
func overStreams(t *testing.T, services []streamService, test func(*testing.T, *corner)) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if !s.runs(t) {
				t.SkipNow()
			}
			test(t, newCorner(t, s))
		})
	}
}

// runs reports whether the service runs here, and says so if it does not; in CI it has to.
func (s streamService) runs(t *testing.T) bool {
	t.Helper()
	if s.streams == "" && os.Getenv("CI") == "true" {
		t.Fatalf("%s does not run here", s.name)
	}
	if s.streams == "" {
		t.Logf("%s does not run here: ./test starts it", s.name)
	}
	return s.streams != ""
}

// corner is one test's own corner of a service with streams: a house for all the rest, and streams beside it.
type corner struct {
	*house
	where   streamService
	kinesis *kinesis.Client
}

func newCorner(t *testing.T, s streamService) *corner {
	t.Helper()
	c := &corner{house: newHouse(t, service{s.name, s.rest}), where: s}
	if s.streams == "embedded" {
		c.where.streams = c.service.endpoint
	}
	c.elsewhere = fmt.Sprintf(", Endpoints: {kinesis: %q, dynamodb: %[1]q}", c.where.streams)
	c.kinesis = kinesis.New(kinesis.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(c.where.streams),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  awshttp.New(16), // the SDK's own drops connections of a fast server, and puts records again then
	})
	return c
}

// A follower is a mapping of a stream to a function of its own.
type follower struct {
	name string // the function's
	fn   *function
	arn  string   // the stream's
	keys []string // further ones of the mapping; TRIM_HORIZON is where it starts unless one says otherwise
}

// follow makes a function for a stream.
func (c *corner) follow(name, arn string, answer func(event) (string, error), keys ...string) follower {
	c.Helper()
	fn := newFunction(c.T)
	fn.answer = answer
	return follower{name: name, fn: fn, arn: arn, keys: keys}
}

// functionARN is how notices name the follower's function.
func (f follower) functionARN() string {
	return "arn:aws:lambda:us-east-1:000000000000:function:" + f.name
}

// fileOf is a file with these mappings in which pauses after errors last a twentieth of what they do on AWS.
func fileOf(followers ...follower) string {
	functions, mappings := "", ""
	for _, f := range followers {
		functions += "  " + f.name + ": " + f.fn.yaml() + "\n"
		text := strings.Replace(mapping(f.arn, f.keys...), "FunctionName: f", "FunctionName: "+f.name, 1)
		if !strings.Contains(text, "StartingPosition:") {
			text += "    StartingPosition: TRIM_HORIZON\n"
		}
		mappings += text
	}
	return "Engine: {TimeScale: 0.05}\nFunctions:\n" + functions + "EventSourceMappings:\n" + mappings
}

// kill ends an engine as a crash would.
func (e *engine) kill() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}

// onFailure is the mapping's key that sends notices to a destination.
func onFailure(arn string) string {
	return "DestinationConfig: {OnFailure: {Destination: '" + arn + "'}}"
}
