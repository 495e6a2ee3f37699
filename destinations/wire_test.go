package destinations

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/config"
)

// fault is how a request fails. The zero fault is a request that succeeds.
type fault struct {
	status int    // of the answer; 0 is a broken connection
	code   string // empty if nothing fails
	done   bool   // the request takes effect all the same
}

// request is a request that has taken effect.
type request struct {
	url, body string
	header    http.Header
}

// service simulates SQS, SNS, S3, EventBridge and Lambda for the SDK's clients. Its faults apply to the first requests, one each.
type service struct {
	faults []fault
	answer string // of every request that succeeds; empty is the usual one
	calls  int
	asked  int // requests that send nothing
	taken  []request
}

// Do implements [aws.HTTPClient].
func (s *service) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	s.calls++
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	answer, asks := answerTo(req, string(body))
	if asks {
		s.asked++
	} else if f.code == "" || f.done {
		s.taken = append(s.taken, request{req.URL.String(), string(body), req.Header})
	}
	switch {
	case f.code == "" && s.answer != "":
		return respond(req, http.StatusOK, s.answer), nil
	case f.code == "":
		return respond(req, http.StatusOK, answer), nil
	case f.status == 0:
		return nil, io.ErrUnexpectedEOF
	}
	return respond(req, f.status, refusal(req, f.code)), nil
}

func answerTo(req *http.Request, body string) (answer string, asks bool) {
	switch {
	case strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".GetQueueUrl"):
		return `{"QueueUrl":"http://unreachable.example:4566/111122223333/failed"}`, true
	case strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".DescribeEventBus"), strings.HasSuffix(req.URL.Path, "/configuration"):
		return `{}`, true
	case strings.HasSuffix(req.Header.Get("X-Amz-Target"), ".PutEvents"):
		return `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`, false
	case strings.HasSuffix(req.URL.Path, "/invocations"):
		return "", false
	case req.Header.Get("X-Amz-Target") != "":
		return `{"MessageId":"1"}`, false
	case strings.Contains(body, "Action=GetTopicAttributes"):
		return `<GetTopicAttributesResponse><GetTopicAttributesResult/></GetTopicAttributesResponse>`, true
	case req.Method == http.MethodPost:
		return `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`, false
	}
	return "", req.Method == http.MethodHead
}

// refusal returns an error in the protocol of the request.
func refusal(req *http.Request, code string) string {
	switch {
	case req.Header.Get("X-Amz-Target") != "", strings.HasPrefix(req.URL.Path, "/2015-03-31/functions/"):
		return `{"__type":"com.amazonaws.sqs#` + code + `","message":"no"}`
	case req.Method == http.MethodPost:
		return `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>no</Message></Error></ErrorResponse>`
	}
	return `<Error><Code>` + code + `</Code><Message>no</Message></Error>`
}

func respond(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

var keys = credentials.NewStaticCredentialsProvider("test", "test", "")

// The destinations under test.
var arns = map[string]string{
	config.SQS: queueARN, config.SNS: topicARN, config.S3: bucketARN, config.EventBridge: busARN, config.Lambda: functionARN,
}

const (
	queueARN    = "arn:aws:sqs:eu-west-1:111122223333:failed"
	topicARN    = "arn:aws:sns:eu-west-1:111122223333:failed"
	bucketARN   = "arn:aws:s3:::failed-records"
	busARN      = "arn:aws:events:eu-west-1:111122223333:event-bus/ops"
	functionARN = "arn:aws:lambda:eu-west-1:444455556666:function:report:live" // of another account
)

// opener returns an opener of destinations whose requests reach s. An empty endpoint is AWS's own.
func (s *service) opener(endpoint string) Opener {
	return Opener{
		Clients: clients{s}, Region: "eu-west-1", Account: "111122223333", Endpoint: func(string) (string, error) { return endpoint, nil },
	}
}

// each opens a destination of each kind that stream mappings may have, by service.
func (s *service) each(t *testing.T, endpoint string) map[string]Reachable {
	t.Helper()
	return s.all(t, endpoint, config.StreamFailure)
}

// all opens a destination of each kind that an origin may have, by service.
func (s *service) all(t *testing.T, endpoint string, origin config.Origin) map[string]Reachable {
	t.Helper()
	opened := map[string]Reachable{}
	for _, kind := range config.DestinationKinds {
		if !slices.Contains(kind.Origins, origin) {
			continue
		}
		var err error
		if opened[kind.Service], err = s.opener(endpoint).Open(t.Context(), arns[kind.Service], origin); err != nil {
			t.Fatal(err)
		}
	}
	return opened
}

// clients are SDK clients over an HTTP client of the tests; nil is the SDK's own.
type clients struct{ web aws.HTTPClient }

func (c clients) config(endpoint, region string) aws.Config {
	cfg := aws.Config{Region: region, Credentials: keys, HTTPClient: c.web}
	if endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg
}

func (c clients) SQS(_ context.Context, endpoint, region string) (*sqs.Client, error) {
	return sqs.NewFromConfig(c.config(endpoint, region)), nil
}

func (c clients) SNS(_ context.Context, endpoint, region string) (*sns.Client, error) {
	return sns.NewFromConfig(c.config(endpoint, region)), nil
}

func (c clients) S3(_ context.Context, endpoint, region string) (*s3.Client, error) {
	return s3.NewFromConfig(c.config(endpoint, region), func(o *s3.Options) { o.UsePathStyle = endpoint != "" }), nil
}

func (c clients) EventBridge(_ context.Context, endpoint, region string) (*eventbridge.Client, error) {
	return eventbridge.NewFromConfig(c.config(endpoint, region)), nil
}

func (c clients) LambdaAt(_ context.Context, endpoint, region string) (*lambda.Client, error) {
	return lambda.NewFromConfig(c.config(endpoint, region)), nil
}
