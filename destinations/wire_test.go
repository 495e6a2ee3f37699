package destinations

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
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
type request struct{ url, body string }

// service simulates SQS, SNS and S3 for the SDK's clients. Its faults apply to the first requests, one each.
type service struct {
	faults []fault
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
		s.taken = append(s.taken, request{req.URL.String(), string(body)})
	}
	switch {
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
	case req.Header.Get("X-Amz-Target") != "":
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
var arns = map[string]string{config.SQS: queueARN, config.SNS: topicARN, config.S3: bucketARN}

const (
	queueARN  = "arn:aws:sqs:eu-west-1:111122223333:failed"
	topicARN  = "arn:aws:sns:eu-west-1:111122223333:failed"
	bucketARN = "arn:aws:s3:::failed-records"
)

// each opens a destination of each kind, by service, whose requests reach s. An empty endpoint is AWS's own.
func (s *service) each(t *testing.T, endpoint string) map[string]Reachable {
	t.Helper()
	opener := Opener{Clients: clients{s}, Endpoint: func(string) (string, error) { return endpoint, nil }, Region: "eu-west-1"}
	opened := map[string]Reachable{}
	for service, arn := range arns {
		var err error
		if opened[service], err = opener.Open(t.Context(), arn, config.StreamFailure); err != nil {
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
