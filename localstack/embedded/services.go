package embedded

import (
	"net/http"
	"strings"
	"sync"

	"github.com/esm-run/esm/localstack/embedded/dynamodb"
	"github.com/esm-run/esm/localstack/embedded/kinesis"
	"github.com/esm-run/esm/localstack/embedded/s3"
	"github.com/esm-run/esm/localstack/embedded/sns"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// services are those that have packages of their own. They learn their Region and account at the first request.
type services struct {
	once     sync.Once
	dynamodb dynamodb.Server
	kinesis  kinesis.Server
	s3       s3.Server
	sns      sns.Server
}

// others returns the services besides SQS, ready.
func (s *Server) others() *services {
	o := &s.services
	o.once.Do(func() {
		o.dynamodb.Region, o.dynamodb.AccountID = s.region(), s.account()
		o.kinesis.Region, o.kinesis.AccountID = s.region(), s.account()
		o.s3.Region, o.s3.AccountID = s.region(), s.account()
		o.sns.Region, o.sns.AccountID = s.region(), s.account()
		o.sns.Deliver = s.deliver
	})
	return o
}

// DynamoDB is the server's own DynamoDB, for what only tests can do with it: see [dynamodb.Server].
func (s *Server) DynamoDB() *dynamodb.Server { return &s.others().dynamodb }

// Kinesis is the server's own Kinesis, likewise.
func (s *Server) Kinesis() *kinesis.Server { return &s.others().kinesis }

// deliver puts a message of a topic into a queue.
func (s *Server) deliver(queueARN, body string) error {
	q := s.queueOf(queueARN)
	if q == nil {
		return noSuchQueue()
	}
	_, err := q.accept(sendEntry{MessageBody: body})
	return err
}

// serveJSON answers a request of the AWS JSON protocol: its target says which service it is for.
func (s *Server) serveJSON(w http.ResponseWriter, r *http.Request, name string) {
	service, _, _ := strings.Cut(name, ".")
	switch service + "." {
	case target:
		sqsAPI.Serve(s, w, r)
	case "Kinesis_20131202.":
		s.others().kinesis.ServeHTTP(w, r)
	case "DynamoDB_20120810.", "DynamoDBStreams_20120810.":
		s.others().dynamodb.ServeHTTP(w, r)
	default:
		sqsAPI.Fail(w, wire.UnknownOperation("%s is of a service that this server does not have: it has %s.", name, names))
	}
}

// names are the services as a person reads them.
const names = "SQS, SNS, S3, Kinesis, DynamoDB and DynamoDB Streams"

// signedFor is the service in the scope of a request's credentials, in its header or a presigned URL, or "". The
// signature itself is not checked. AWS: "Authenticating Requests (AWS Signature Version 4)".
func signedFor(r *http.Request) string {
	_, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, _, _ := strings.Cut(rest, ",")
	if !ok {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	scope, ok := strings.CutSuffix(strings.TrimSpace(credential), "/aws4_request")
	if !ok {
		return ""
	}
	_, service := cutLast(scope)
	return service
}
