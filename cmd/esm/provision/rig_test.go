package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/localstack/embedded"
)

// endpoint is where the services are.
const endpoint = "http://aws"

// resourcesFile returns a file with Resources.
func resourcesFile(t *testing.T, resources string) *configfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mappings.yaml")
	if err := os.WriteFile(path, []byte("Aws: {Region: eu-west-1, Endpoint: '"+endpoint+"'}\nResources:\n"+resources), 0o600); err != nil {
		t.Fatal(err)
	}
	file, report := configfile.Load(path, configfile.Overrides{})
	if report.Err() != nil {
		t.Fatal(report)
	}
	return file
}

// service is the stand-in behind a connection on which calls can fail.
type service struct {
	standIn http.RoundTripper
	fails   func(action string) fault          // nil never fails
	answer  func(action string) *http.Response // in place of the stand-in, unless it returns nil; may be nil
	seen    func(action string, body string)   // sees every call; may be nil
}

type fault int

const (
	fine    fault = iota
	undone        // the call never arrives
	done          // it does, and its answer is lost
	failing       // the service answers that it fails
)

var faults = map[string]fault{"undone": undone, "done": done, "failing": failing}

func newService() *service { return &service{standIn: newStandIn()} }

func newStandIn() http.RoundTripper {
	return (&embedded.Server{Region: "eu-west-1"}).Client().Transport
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	r, action, body, err := inspect(r)
	if err != nil {
		return nil, err
	}
	if s.seen != nil {
		s.seen(action, body)
	}
	how := fine
	if s.fails != nil {
		how = s.fails(action)
	}
	switch how {
	case undone:
		return nil, errors.New("connection refused")
	case done:
		if _, err := s.standIn.RoundTrip(r); err != nil {
			return nil, err
		}
		return nil, errors.New("connection reset")
	case failing:
		return response(http.StatusServiceUnavailable, "<html>"), nil
	}
	if s.answer != nil {
		if answer := s.answer(action); answer != nil {
			return answer, nil
		}
	}
	return s.standIn.RoundTrip(r)
}

// inspect returns what a request asks for, an operation or for S3 the method, its body, and the request as it was.
func inspect(r *http.Request) (same *http.Request, action, body string, err error) {
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, "", "", err
		}
		r, body = r.Clone(r.Context()), string(text)
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return r, action, body, nil
	}
	if form, err := url.ParseQuery(body); err == nil && form.Get("Action") != "" {
		return r, form.Get("Action"), body, nil
	}
	return r, r.Method, body, nil
}

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, ContentLength: int64(len(body)),
	}
}

func refusal(code string) *http.Response {
	return response(http.StatusBadRequest, fmt.Sprintf(`{"__type":%q,"message":"no"}`, code))
}

// calls returns how calls of one action fail: those after the first from, up to the first to.
func calls(action string, from, to int, how fault) func(string) fault {
	seen := 0
	return func(a string) fault {
		if a != action {
			return fine
		}
		if seen++; seen > from && seen <= to {
			return how
		}
		return fine
	}
}

// clients returns clients whose calls all go to s.
func (s *service) clients() *awsclient.Clients {
	c := &awsclient.Clients{Region: "eu-west-1"}
	c.Use(endpoint, aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: s},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return c
}

// recorder is a Log that can be read.
type recorder struct{ strings.Builder }

func (r *recorder) Info(format string, args ...any) { fmt.Fprintf(r, "info: "+format+"\n", args...) }
func (r *recorder) Warn(format string, args ...any) { fmt.Fprintf(r, "warning: "+format+"\n", args...) }

// contents returns what a resource of one of kinds holds, sorted, and records of one partition key in their order.
func (s *service) contents(t *testing.T, kind string) []string {
	t.Helper()
	c := (&service{standIn: s.standIn}).clients()
	switch kind {
	case "queue":
		client, _ := c.SQS(t.Context(), endpoint, "")
		return messages(t, client, "orders")
	case "stream":
		client, _ := c.Kinesis(t.Context(), endpoint, "")
		return streamRecords(t, client, "clicks")
	case "table":
		client, _ := c.DynamoDB(t.Context(), endpoint, "")
		return items(t, client, "carts")
	}
	return nil
}

func messages(t *testing.T, client *sqs.Client, queue string) (all []string) {
	t.Helper()
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(all)
			return all
		}
		for _, m := range out.Messages {
			all = append(all, *m.Body)
		}
	}
}

func streamRecords(t *testing.T, client *kinesis.Client, stream string) (all []string) {
	t.Helper()
	listed, err := client.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &stream})
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range listed.Shards {
		from, err := client.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
			StreamName: &stream, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			t.Fatal(err)
		}
		read, err := client.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: from.ShardIterator})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range read.Records {
			all = append(all, *r.PartitionKey+":"+string(r.Data))
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	return all
}

func items(t *testing.T, client *dynamodb.Client, table string) (all []string) {
	t.Helper()
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range out.Items {
		if key, ok := item["pk"].(*ddbtypes.AttributeValueMemberS); ok {
			all = append(all, key.Value)
		}
	}
	slices.Sort(all)
	return all
}
