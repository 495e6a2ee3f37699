package embedded

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRouting(t *testing.T) {
	signed := func(service string) string {
		return "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
	}
	form := "application/x-www-form-urlencoded"
	for _, test := range []struct{ name, method, path, authorization, contentType, body, want string }{
		{"a signed form of SNS", "POST", "/", signed("sns"), form, "Action=ListTopics", "<ListTopicsResult>"},
		{"an unsigned form of SNS", "POST", "/", "", form, "Action=ListTopics&Version=2010-03-31", "<ListTopicsResult>"},
		{"SNS in the URL", "GET", "/?Action=ListTopics", "", "", "", "<ListTopicsResult>"},
		{"an action that SQS and SNS have", "POST", "/", signed("sqs"), form, "Action=TagResource", "embedded SQS"},
		{"a form of SQS", "POST", "/", signed("sqs"), form, "Action=ListQueues", "embedded SQS"},
		{"an unsigned form of SQS", "POST", "/000000000000/q", "", form, "Action=SendMessage", "embedded SQS"},
		{"a form of another service", "POST", "/", signed("sts"), form, "Action=GetCallerIdentity", "does not have the service sts"},
		{"Kinesis without a target", "POST", "/", signed("kinesis"), "application/cbor", "", "AWS JSON protocol for kinesis only"},
		{"an action in the URL", "GET", "/?Action=ListQueues", "", "", "", "<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>"},
		{"buckets", "GET", "/", signed("s3"), "", "", "<ListAllMyBucketsResult"},
		{"a bucket", "GET", "/none?list-type=2", "", "", "", "<Code>NoSuchBucket</Code>"},
		{"a presigned object", "GET", "/none/k?X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0", "", "", "", "<Code>NoSuchBucket</Code>"},
		{"an object with the content of a form", "PUT", "/none/k", signed("s3"), form, "Action=ListTopics", "<Code>NoSuchBucket</Code>"},
		{"a browser", "GET", "/", "", "", "", "This is the embedded stand-in for AWS: SQS, SNS, S3, EventBridge, Kinesis, DynamoDB and DynamoDB Streams (Region us-east-1, account 000000000000, 0 queues)."},
	} {
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		r.Header.Set("Authorization", test.authorization)
		r.Header.Set("Content-Type", test.contentType)
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if got := w.Body.String(); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q in it", test.name, got, test.want)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "AWSGlue.GetJobs")
	w := httptest.NewRecorder()
	new(Server).ServeHTTP(w, r)
	if want := "AWSGlue.GetJobs is of a service that this server does not have: it has SQS, SNS,"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %q, want %q in it", w.Body, want)
	}
}

// FuzzHTTP sends anything: no error is the server's fault.
func FuzzHTTP(f *testing.F) {
	f.Add("GET", "/", "", "")
	f.Add("POST", "/000000000000/q", "", "Action=SendMessage&MessageBody=x")
	f.Add("POST", "/", "DynamoDB_20120810.ListTables", "{}")
	f.Add("POST", "/", "DynamoDBStreams_20120810.ListStreams", "{}")
	f.Add("POST", "/", "Kinesis_20131202.ListStreams", "{}")
	f.Add("POST", "/", "AWSEvents.PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}"}]}`)
	f.Add("GET", "/bucket/key", "", "")
	f.Fuzz(func(t *testing.T, method, path, name, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Method, r.URL.Path = method, path
		r.Header.Set("X-Amz-Target", name)
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

// FuzzSignedFor parses anything as credentials, which decide where a request goes.
func FuzzSignedFor(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0", "")
	f.Add("", "X-Amz-Credential=A%2FB%2F20260101%2Fus-east-1%2Fsns%2Faws4_request")
	f.Add("Credential=/aws4_request", "")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", authorization)
		r.URL.RawQuery = query
		if got := signedFor(r); strings.Contains(got, "/") {
			t.Errorf("got the service %q", got)
		}
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
