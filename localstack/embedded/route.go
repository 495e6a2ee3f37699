package embedded

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/sns"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// serviceNames are the services as people know them.
const serviceNames = "SQS, SNS, S3, EventBridge, Kinesis, DynamoDB and DynamoDB Streams"

// ServeHTTP passes one request to the service it is for. A long poll and a subscription to a shard block until they are
// done or the request's context ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		s.serveJSON(w, r, target)
		return
	}
	switch service := signedFor(r); service {
	case "":
		s.serveUnsigned(w, r)
	case "s3":
		s.services().s3.ServeHTTP(w, r)
	case "sns":
		s.services().sns.ServeHTTP(w, r)
	case "sqs":
		refuseQuery(w)
	case "dynamodb", "events", "kinesis":
		unsupported(w, "UnsupportedOperation", "This server speaks the AWS JSON protocol for %s only, with X-Amz-Target.", service)
	default:
		unsupported(w, "UnsupportedOperation", "This server does not have the service %s: it has %s.", service, serviceNames)
	}
}

// serveJSON serves a request of the AWS JSON protocol.
func (s *Server) serveJSON(w http.ResponseWriter, r *http.Request, target string) {
	service, _, _ := strings.Cut(target, ".")
	switch service {
	case "AmazonSQS":
		s.services().sqs.ServeHTTP(w, r)
	case "AWSEvents":
		s.services().events.ServeHTTP(w, r)
	case "Kinesis_20131202":
		s.services().kinesis.ServeHTTP(w, r)
	case "DynamoDB_20120810", "DynamoDBStreams_20120810":
		s.services().dynamodb.ServeHTTP(w, r)
	default:
		wire.API[*Server]{Version: "1.0", QueryErrors: true}.Fail(w,
			wire.UnknownOperation("%s is of a service that this server does not have: it has %s.", target, serviceNames))
	}
}

// serveUnsigned serves a request that does not say which service it is for, such as a browser's.
func (s *Server) serveUnsigned(w http.ResponseWriter, r *http.Request) {
	root, action := r.URL.Path == "/", queryAction(r)
	switch {
	case root && r.Method == http.MethodGet && r.URL.RawQuery == "":
		s.greet(w)
	case sns.Has(action):
		s.services().sns.ServeHTTP(w, r)
	case root || action != "" || r.Method == http.MethodPost:
		refuseQuery(w)
	default:
		s.services().s3.ServeHTTP(w, r)
	}
}

// queryAction returns the Action of a request of the query protocol, or "".
func queryAction(r *http.Request) string {
	if r.Method == http.MethodPut || r.ParseForm() != nil {
		return "" // a PUT's form is an object for S3
	}
	return r.Form.Get("Action")
}

// signedFor returns the service in the scope of a request's credentials, in its header or a presigned URL, or "". The
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
	return scope[strings.LastIndexByte(scope, '/')+1:]
}

// refuseQuery refuses a request of SQS's older query protocol, in that protocol.
func refuseQuery(w http.ResponseWriter) {
	unsupported(w, "AWS.SimpleQueueService.UnsupportedOperation", "The embedded SQS speaks the AWS JSON protocol only, and this "+
		"request is of the older query protocol. Use an SDK of 2024 or later.")
}

// unsupported responds with an error of the query protocol. Clients of other protocols show at least its text.
func unsupported(w http.ResponseWriter, code, format string, args ...any) {
	wire.WriteQueryError(w, "", wire.Errorf(code, format, args...))
}

// greet describes the server to a browser.
func (s *Server) greet(w http.ResponseWriter) {
	all := s.services()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "This is the embedded stand-in for AWS: %s (Region %s, account %s, %d queues).\n"+
		"Point an AWS SDK or the AWS CLI here with --endpoint-url.\n", serviceNames, all.account.Region, all.account.ID, all.sqs.Len())
}
