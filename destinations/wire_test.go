package destinations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// taken is a notice that a service has accepted.
type taken struct {
	where string // a queue's URL, a topic's ARN, an object's URL
	text  string
	in    map[string]string // the other parameters
}

// service simulates SQS, SNS and S3 for the SDK's clients. Its faults apply to the first requests, one each.
type service struct {
	faults []fault
	calls  int
	asked  int // requests for a queue's URL
	taken  []taken
}

// Do is [aws.HTTPClient].Do.
func (s *service) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	got, answer, err := read(req, body)
	if err != nil {
		return nil, err
	}
	s.calls++
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	broke := f.status == 0 && f.done || f.code != ""
	if got == nil {
		s.asked++
	} else if !broke || f.done {
		s.taken = append(s.taken, *got)
	}
	if !broke {
		return respond(req, http.StatusOK, answer), nil
	}
	if f.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return respond(req, f.status, refusal(req, f.code)), nil
}

// read parses a request. It returns the notice in it, if any, and the answer.
func read(req *http.Request, body []byte) (*taken, string, error) {
	switch target := req.Header.Get("X-Amz-Target"); {
	case strings.HasSuffix(target, ".GetQueueUrl"):
		return nil, `{"QueueUrl":"http://unreachable.example:4566/111122223333/failed"}`, nil
	case strings.HasSuffix(target, ".SendMessage"):
		var in map[string]string
		err := json.Unmarshal(body, &in)
		got := &taken{where: in["QueueUrl"], text: in["MessageBody"], in: in}
		delete(in, "QueueUrl")
		delete(in, "MessageBody")
		return got, `{"MessageId":"1"}`, err
	case req.Method == http.MethodPost:
		form, err := url.ParseQuery(string(body))
		if form.Get("Action") == "GetTopicAttributes" {
			return nil, `<GetTopicAttributesResponse><GetTopicAttributesResult/></GetTopicAttributesResponse>`, err
		}
		got := &taken{where: form.Get("TopicArn"), text: form.Get("Message"), in: map[string]string{}}
		for name := range form {
			if !strings.Contains(" Action Version TopicArn Message ", " "+name+" ") {
				got.in[name] = form.Get(name)
			}
		}
		return got, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`, err
	case req.Method == http.MethodPut && strings.Contains(req.Header.Get("Content-Encoding"), "aws-chunked"):
		return nil, "", errors.New("the object is sent in chunks, which some emulators do not decode")
	case req.Method == http.MethodPut:
		in := map[string]string{"Content-Type": req.Header.Get("Content-Type")}
		return &taken{where: req.URL.Host + req.URL.Path, text: string(body), in: in}, "", nil
	}
	if req.Method == http.MethodHead {
		return nil, "", nil
	}
	return nil, "", fmt.Errorf("unexpected %s %s", req.Method, req.URL)
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
	opener := Opener{Clients: clients{s}, Endpoint: func(string) string { return endpoint }, Region: "eu-west-1"}
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
