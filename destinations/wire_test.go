package destinations

import (
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
)

// fault is what goes wrong with a call. The zero fault is a call that goes well.
type fault struct {
	status int    // of the answer; 0 is a connection that breaks
	code   string // empty: nothing goes wrong
	done   bool   // it takes effect all the same
}

// taken is one notice that a service has taken.
type taken struct {
	where string // a queue's URL, a topic's ARN, an object's URL
	text  string
	in    map[string]string // what else was said of it
}

// service plays SQS, SNS and S3 under the real SDK clients: it takes what is sent. Faults come first, one for each call.
type service struct {
	faults []fault
	calls  int
	asked  int // for a queue's address
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

// read understands a request and knows the answer to it. Nothing is taken by a question.
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
		return nil, "", errors.New("the object comes in chunks, which a plain reader of it does not understand")
	case req.Method == http.MethodPut:
		in := map[string]string{"Content-Type": req.Header.Get("Content-Type")}
		return &taken{where: req.URL.Host + req.URL.Path, text: string(body), in: in}, "", nil
	}
	if req.Method == http.MethodHead {
		return nil, "", nil
	}
	return nil, "", fmt.Errorf("unexpected %s %s", req.Method, req.URL)
}

// refusal is an error in the protocol that was spoken.
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

// each makes a destination of each kind over s; of AWS without an endpoint.
func (s *service) each(t *testing.T, endpoint string) map[string]Reachable {
	t.Helper()
	var base *string
	if endpoint != "" {
		base = aws.String(endpoint)
	}
	const region = "eu-west-1"
	queue, err := NewSQS(sqs.New(sqs.Options{Region: region, BaseEndpoint: base, Credentials: keys, HTTPClient: s}), queueARN)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := NewSNS(sns.New(sns.Options{Region: region, BaseEndpoint: base, Credentials: keys, HTTPClient: s}), topicARN)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := NewS3(s3.New(s3.Options{
		Region: region, BaseEndpoint: base, Credentials: keys, HTTPClient: s, UsePathStyle: base != nil,
	}), bucketARN)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Reachable{ServiceSQS: queue, ServiceSNS: topic, ServiceS3: bucket}
}
