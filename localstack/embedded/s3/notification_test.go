package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:000000000000:function:hook"
	queueARN    = "arn:aws:sqs:us-east-1:000000000000:q"
	topicARN    = "arn:aws:sns:us-east-1:000000000000:t"
)

// notifying returns a server whose bucket orders has a configuration, in XML without its root, and its targets.
func notifying(t *testing.T, configuration string) (*Server, *relaytest.Target) {
	t.Helper()
	targets := new(relaytest.Target)
	s := &Server{Targets: targets.For("lambda", "sqs", "sns")}
	serve(s, "PUT", "/orders", "")
	if w := configure(s, configuration); w.Code != 200 {
		t.Fatal(w.Body)
	}
	targets.Take()
	return s, targets
}

func configure(s *Server, configuration string, headers ...string) *httptest.ResponseRecorder {
	return serve(s, "PUT", "/orders?notification", `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+configuration+`</NotificationConfiguration>`, headers...)
}

// toFunction returns the part of a configuration that sends events to functionARN. Rules are pairs of a name and a value.
func toFunction(id, event string, rules ...string) string {
	var filter strings.Builder
	for rule := range slices.Chunk(rules, 2) {
		filter.WriteString("<FilterRule><Name>" + rule[0] + "</Name><Value>" + rule[1] + "</Value></FilterRule>")
	}
	return "<CloudFunctionConfiguration><Id>" + id + "</Id><CloudFunction>" + functionARN + "</CloudFunction><Event>" + event + "</Event>" +
		"<Filter><S3Key>" + filter.String() + "</S3Key></Filter></CloudFunctionConfiguration>"
}

var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// TestRecords compares events byte for byte, and decodes them as handlers in Go do.
func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, targets := notifying(t, toFunction("upload-hook", "s3:ObjectCreated:*")+
			"<QueueConfiguration><Id>gone</Id><Queue>"+queueARN+"</Queue><Event>s3:ObjectRemoved:*</Event></QueueConfiguration>")
		serve(s, "PUT", "/orders/reports/a b@c.txt", "hello world", "X-Amzn-Trace-Id", "Root=1")
		time.Sleep(time.Second)
		serve(s, "PUT", "/orders/copy", "", "X-Amz-Copy-Source", "/orders/reports/a%20b%40c.txt")
		serve(s, "DELETE", "/orders/copy", "")
		serve(s, "DELETE", "/orders/copy", "")
		serve(s, "POST", "/orders?delete", "<Delete><Object><Key>reports/a b@c.txt</Key></Object><Object><Key>none</Key></Object></Delete>")
		record := func(at, event, configuration, object string) string {
			return ` {"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2000-01-01T00:00:0` + at + `.000Z","eventName":"` + event + `",` +
				`"userIdentity":{"principalId":"AWS:AIDAEMBEDDEDS3CALLER"},"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-request-id":"*","x-amz-id-2":"*"},` +
				`"s3":{"s3SchemaVersion":"1.0","configurationId":"` + configuration + `","bucket":{"name":"orders","ownerIdentity":{"principalId":"000000000000"},"arn":"arn:aws:s3:::orders"},` +
				`"object":` + object + `}}]}`
		}
		const subject, etag = " Amazon S3 Notification", `"size":11,"eTag":"5eb63bbbe01eeed093cb22bb8f5acdc3"`
		want := []string{
			functionARN + subject + record("0", "ObjectCreated:Put", "upload-hook", `{"key":"reports/a+b%40c.txt",`+etag+`,"sequencer":"000D234CCF52430000"}`) + " Root=1",
			functionARN + subject + record("1", "ObjectCreated:Copy", "upload-hook", `{"key":"copy",`+etag+`,"sequencer":"000D234CCF8DDDCA00"}`),
			queueARN + subject + record("1", "ObjectRemoved:Delete", "gone", `{"key":"copy","sequencer":"000D234CCF8DDDCA01"}`),
			queueARN + subject + record("1", "ObjectRemoved:Delete", "gone", `{"key":"reports/a+b%40c.txt","sequencer":"000D234CCF8DDDCA02"}`),
		}
		got := targets.Take()
		for i, d := range got {
			if text := varying.ReplaceAllString(d.String(), "*"); i >= len(want) || text != want[i] {
				t.Errorf("event %d: got  %s\nwant %s", i, text, want[min(i, len(want)-1)])
			}
			var event events.S3Event
			if err := json.Unmarshal([]byte(d.Body), &event); err != nil || event.Records[0].S3.Object.URLDecodedKey == "" {
				t.Errorf("decoded %+v, %v", event, err)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %d events, want %d", len(got), len(want))
		}
	})
}

// TestBus compares the events for EventBridge, whose keys are not encoded.
func TestBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := notifying(t, "<EventBridgeConfiguration/>")
		var got []string
		s.Bus = func(_ context.Context, e relay.Event, trace string) error {
			got = append(got, varying.ReplaceAllString(fmt.Sprintln(e.Source, e.DetailType, e.Time.UTC().Format(time.RFC3339), e.Resources, string(e.Detail), trace), "*"))
			return nil
		}
		serve(s, "PUT", "/orders/a b@c", "four", "X-Amzn-Trace-Id", "Root=1")
		serve(s, "DELETE", "/orders/a b@c", "")
		want := []string{
			`aws.s3 Object Created 2000-01-01T00:00:00Z [arn:aws:s3:::orders] {"version":"0","bucket":{"name":"orders"},"object":{"key":"a b@c","size":4,"etag":"8cbad96aced40b3838dd9f07f6ef5772","sequencer":"000D234CCF52430000"},` +
				`"request-id":"*","requester":"000000000000","source-ip-address":"192.0.2.1","reason":"PutObject"} Root=1` + "\n",
			`aws.s3 Object Deleted 2000-01-01T00:00:00Z [arn:aws:s3:::orders] {"version":"0","bucket":{"name":"orders"},"object":{"key":"a b@c","sequencer":"000D234CCF52430001"},` +
				`"request-id":"*","requester":"000000000000","source-ip-address":"192.0.2.1","reason":"DeleteObject","deletion-type":"Permanently Deleted"} ` + "\n",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestEventsAndFilters(t *testing.T) {
	for _, test := range []struct {
		event string
		rules []string
		key   string
		put   bool // or deleted
		want  bool
	}{
		{"s3:ObjectCreated:*", nil, "k", true, true},
		{"s3:ObjectCreated:Put", nil, "k", true, true},
		{"s3:ObjectCreated:Copy", nil, "k", true, false},
		{"s3:ObjectCreated:*", nil, "k", false, false},
		{"s3:ObjectRemoved:*", nil, "k", false, true},
		{"s3:ObjectRemoved:Delete", nil, "k", false, true},
		{"s3:ObjectRemoved:DeleteMarkerCreated", nil, "k", false, false},
		{"s3:ObjectRemoved:*", nil, "k", true, false},
		{"s3:ObjectCreated:*", []string{"prefix", "in/"}, "in/k", true, true},
		{"s3:ObjectCreated:*", []string{"Prefix", "in/"}, "out/k", true, false},
		{"s3:ObjectCreated:*", []string{"suffix", ".jpg"}, "k.jpg", true, true},
		{"s3:ObjectCreated:*", []string{"SUFFIX", ".jpg"}, "k.png", true, false},
		{"s3:ObjectCreated:*", []string{"prefix", "in/", "suffix", ".jpg"}, "in/k.jpg", true, true},
		{"s3:ObjectCreated:*", []string{"prefix", "in/", "suffix", ".jpg"}, "k.jpg", true, false},
		{"s3:ObjectCreated:*", []string{"prefix", "aba", "suffix", "ba"}, "aba", true, true},
	} {
		s, targets := notifying(t, toFunction("hook", test.event, test.rules...))
		if !test.put {
			s.buckets["orders"].objects[test.key] = new(object)
			serve(s, "DELETE", "/orders/"+test.key, "")
		} else {
			serve(s, "PUT", "/orders/"+test.key, "body")
		}
		if got := len(targets.Take()) == 1; got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

// TestConfiguration puts and gets configurations with the SDK. Queues and topics get a test event.
func TestConfiguration(t *testing.T) {
	targets := new(relaytest.Target)
	c := newClient(t, inprocess.Config(&Server{Targets: targets.For("lambda", "sqs", "sns")}))
	configuration := &types.NotificationConfiguration{
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
			Id: aws.String("hook"), LambdaFunctionArn: aws.String(functionARN), Events: []types.Event{types.EventS3ObjectCreatedPut, types.EventS3ObjectCreatedCopy},
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNamePrefix, Value: aws.String("in/")}}}},
		}},
		QueueConfigurations:      []types.QueueConfiguration{{QueueArn: aws.String(queueARN), Events: []types.Event{types.EventS3ObjectRemoved}}},
		TopicConfigurations:      []types.TopicConfiguration{{TopicArn: aws.String(topicARN), Events: []types.Event{types.EventS3ObjectTagging}}},
		EventBridgeConfiguration: &types.EventBridgeConfiguration{},
	}
	_, err := c.PutBucketNotificationConfiguration(t.Context(), &sdk.PutBucketNotificationConfigurationInput{Bucket: orders, NotificationConfiguration: configuration})
	c.must(err)
	got, err := c.GetBucketNotificationConfiguration(t.Context(), &sdk.GetBucketNotificationConfigurationInput{Bucket: orders})
	c.must(err)
	function, queue := got.LambdaFunctionConfigurations[0], got.QueueConfigurations[0]
	if *function.Id != "hook" || *function.LambdaFunctionArn != functionARN || len(function.Events) != 2 || *function.Filter.Key.FilterRules[0].Value != "in/" ||
		aws.ToString(queue.Id) == "" || *queue.QueueArn != queueARN || queue.Filter != nil || *got.TopicConfigurations[0].TopicArn != topicARN || got.EventBridgeConfiguration == nil {
		t.Errorf("got %+v", got)
	}
	tests := targets.Take()
	form := regexp.MustCompile(`^{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","Bucket":"orders","RequestId":"[^"]+","HostId":"[^"]+"}$`)
	if len(tests) != 2 || tests[0].ARN != queueARN || tests[1].ARN != topicARN || !form.MatchString(tests[0].Body) || tests[0].Body != tests[1].Body {
		t.Errorf("got test events %v", tests)
	}
	_, err = c.PutBucketNotificationConfiguration(t.Context(), &sdk.PutBucketNotificationConfigurationInput{Bucket: orders, NotificationConfiguration: &types.NotificationConfiguration{}})
	c.must(err)
	c.put("in/k", "body")
	if got := targets.Take(); len(got) != 0 {
		t.Errorf("got %v after the configuration was removed", got)
	}
}

func TestWrongConfigurations(t *testing.T) {
	queue := func(arn string) string {
		return "<QueueConfiguration><Queue>" + arn + "</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>"
	}
	const created = "s3:ObjectCreated:*"
	for _, test := range []struct{ configuration, code, want string }{
		{toFunction("a", created), "InvalidArgument", "Unable to validate the following destination configurations</Message>"},
		{toFunction("a", created), "InvalidArgument", "<ArgumentName>" + functionARN + "</ArgumentName><ArgumentValue>Not authorized to invoke function [" + functionARN + "]</ArgumentValue>"},
		{queue(queueARN + "missing"), "InvalidArgument", "The destination queue does not exist"},
		{strings.NewReplacer("Queue", "Topic").Replace(queue(topicARN + "missing")), "InvalidArgument", "The destination topic does not exist"},
		{queue("q"), "InvalidArgument", "The ARN could not be parsed</Message>"},
		{queue(topicARN), "InvalidArgument", "<ArgumentName>QueueArn</ArgumentName><ArgumentValue>" + topicARN},
		{queue(queueARN + ".fifo"), "InvalidArgument", "FIFO"},
		{toFunction("a", "s3:ObjectBent:*"), "InvalidArgument", "is not supported for notifications"},
		{toFunction("a", "ObjectCreated:*"), "InvalidArgument", "is not supported for notifications"},
		{toFunction("a", created, "infix", "x"), "InvalidArgument", "filter rule name must be either prefix or suffix"},
		{toFunction("a", created, "prefix", "x", "Prefix", "y"), "InvalidArgument", "Cannot specify more than one prefix rule in a filter."},
		{toFunction("a", created, "prefix", strings.Repeat("x", 1025)), "InvalidArgument", "cannot exceed 1024 bytes"},
		{toFunction("a", created) + toFunction("b", "s3:ObjectCreated:Put"), "InvalidArgument", "ambiguously defined"},
		{toFunction("a", created, "prefix", "in/") + toFunction("b", created, "prefix", "in/a", "suffix", ".jpg"), "InvalidArgument", "ambiguously defined"},
		{toFunction("a", created, "prefix", "a") + toFunction("a", created, "prefix", "b"), "InvalidArgument", "IDs must be unique"},
		{"<CloudFunctionConfiguration><CloudFunction>" + functionARN + "</CloudFunction></CloudFunctionConfiguration>", "MalformedXML", "not well-formed"},
		{"<QueueConfiguration>", "MalformedXML", "not well-formed"},
	} {
		s, targets := notifying(t, "<EventBridgeConfiguration/>")
		targets.Missing = func(arn string) bool {
			return strings.HasSuffix(arn, "missing") || arn == functionARN && strings.Contains(test.want, "alidate") || strings.Contains(test.want, "authorized")
		}
		w := configure(s, test.configuration)
		if got := w.Body.String(); w.Code != 400 || !strings.Contains(got, "<Code>"+test.code+"</Code>") || !strings.Contains(got, test.want) {
			t.Errorf("%.200s: got %d %s, want %s", test.configuration, w.Code, got, test.want)
		}
		if n := s.buckets["orders"].notification; n.Bus == nil || len(targets.Take()) != 0 {
			t.Errorf("%.200s: it has an effect", test.configuration)
		}
	}
	s, targets := notifying(t, toFunction("a", created, "prefix", "in/")+toFunction("b", created, "prefix", "out/")+toFunction("c", created, "suffix", ".a", "prefix", "x")+
		toFunction("d", created, "suffix", ".b", "prefix", "x")+toFunction("e", "s3:ObjectRemoved:*"))
	targets.Missing = func(string) bool { return true }
	if w := configure(s, queue(queueARN), "X-Amz-Skip-Destination-Validation", "true"); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := serve(s, "PUT", "/none?notification", "<NotificationConfiguration/>"); w.Code != 404 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := serve(s, "GET", "/none?notification", ""); w.Code != 404 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// A client learns that an event was not accepted. It does not learn that a target is gone.
func TestEventsThatFail(t *testing.T) {
	for _, configuration := range []string{toFunction("hook", "s3:ObjectCreated:*"), "<EventBridgeConfiguration/>"} {
		s, targets := notifying(t, configuration)
		s.Bus = func(context.Context, relay.Event, string) error { return targets.Err }
		targets.Missing = func(string) bool { return true }
		if w := serve(s, "PUT", "/orders/k", "body"); w.Code != 200 {
			t.Errorf("a target is gone: got %d %s", w.Code, w.Body)
		}
		targets.Missing, targets.Err = nil, errors.New("disk full")
		if w := serve(s, "PUT", "/orders/k", "body"); w.Code != 500 || !strings.Contains(w.Body.String(), "disk full") {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		if w := serve(s, "GET", "/orders/k", ""); w.Body.String() != "body" {
			t.Errorf("got %s", w.Body)
		}
	}
}

// TestSequencers puts and deletes at random times, also backwards: sequencers of a key grow as texts.
func TestSequencers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, last := new(Server), ""
		for _, at := range rapid.SliceOf(rapid.Int64Range(0, 1<<60)).Draw(t, "times") {
			next := s.nextSequencer(time.Unix(0, at))
			if len(next) != 18 || next <= last {
				t.Fatalf("%s comes after %s", next, last)
			}
			last = next
		}
	})
}

func TestCopyObject(t *testing.T) {
	c := newClient(t, inprocess.Config(new(Server)))
	_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: orders, Key: aws.String("a/ü+ %"), Body: strings.NewReader("latte"),
		ContentType: aws.String("text/plain"), Metadata: map[string]string{"barista": "Ann"}})
	c.must(err)
	in := sdk.CopyObjectInput{Bucket: orders, Key: aws.String("b"), CopySource: aws.String("orders/a/%C3%BC%2B%20%25")}
	out, err := c.CopyObject(t.Context(), &in)
	c.must(err)
	got, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: orders, Key: in.Key, ChecksumMode: types.ChecksumModeEnabled})
	c.must(err)
	if *out.CopyObjectResult.ETag != *got.ETag || out.CopyObjectResult.LastModified.IsZero() || *got.ContentType != "text/plain" || got.Metadata["barista"] != "Ann" || *got.ContentLength != 5 {
		t.Errorf("got %+v of %+v", got, out)
	}
	in.CopySource, in.MetadataDirective, in.Metadata = aws.String("/orders/b"), types.MetadataDirectiveReplace, map[string]string{"barista": "Bea"}
	_, err = c.CopyObject(t.Context(), &in) // to itself, with other headers
	c.must(err)
	if got, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: orders, Key: in.Key}); err != nil || got.Metadata["barista"] != "Bea" || *got.ContentType != "binary/octet-stream" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDeleteObjects(t *testing.T) {
	c := newClient(t, inprocess.Config(new(Server)))
	c.put("a", "body")
	c.put("b", "body")
	out, err := c.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{Bucket: orders, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("a")}, {Key: aws.String("none")}, {Key: aws.String("b"), VersionId: aws.String("1")},
	}}})
	c.must(err)
	if len(out.Deleted) != 2 || *out.Deleted[1].Key != "none" || len(out.Errors) != 1 || *out.Errors[0].Key != "b" || *out.Errors[0].Code != "NotImplemented" {
		t.Errorf("got %+v", out)
	}
	out, err = c.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{Bucket: orders, Delete: &types.Delete{Quiet: aws.Bool(true), Objects: []types.ObjectIdentifier{{Key: aws.String("b")}}}})
	c.must(err)
	if got := c.list(sdk.ListObjectsV2Input{}); len(out.Deleted) != 0 || got != "" {
		t.Errorf("got %+v, and %q is left", out, got)
	}
}
