package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/engine/policy"
)

// loops are functions that cause themselves, each through another service: their handlers pass the trace header on, as the
// SDK does in a handler.
type loops struct {
	*testing.T
	standIn, engine atomic.Pointer[string] // URLs

	mu   sync.Mutex
	runs map[string]int // by function
}

// ServeHTTP runs a function.
func (l *loops) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.URL.Path, "/functions/")
	name, _, _ = strings.Cut(name, "/")
	l.mu.Lock()
	l.runs[name]++
	l.mu.Unlock()
	if err := l.cause(context.Background(), name, r.Header.Get("X-Amzn-Trace-Id")); err != nil {
		l.Errorf("%s: %v", name, err)
	}
	_, _ = io.WriteString(w, "{}")
}

// cause does what leads to the next run of a function.
func (l *loops) cause(ctx context.Context, function, header string) error {
	c, endpoint := &awsclient.Clients{Region: "us-east-1"}, *l.standIn.Load()
	var traced []func(*middleware.Stack) error
	if header != "" {
		traced = append(traced, smithyhttp.SetHeaderValue("X-Amzn-Trace-Id", header))
	}
	switch function {
	case "queue":
		client, err := c.SQS(ctx, endpoint, "")
		if err == nil {
			_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(endpoint + "/000000000000/loop"), MessageBody: aws.String("x")},
				func(o *sqs.Options) { o.APIOptions = append(o.APIOptions, traced...) })
		}
		return err
	case "topic":
		client, err := c.SNS(ctx, endpoint, "")
		if err == nil {
			_, err = client.Publish(ctx, &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:000000000000:loop"), Message: aws.String("x")},
				func(o *sns.Options) { o.APIOptions = append(o.APIOptions, traced...) })
		}
		return err
	case "bucket":
		client, err := c.S3(ctx, endpoint, "")
		if err == nil {
			_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("loop"), Key: aws.String("x"), Body: strings.NewReader("x")},
				func(o *s3.Options) { o.APIOptions = append(o.APIOptions, traced...) })
		}
		return err
	case "bus":
		client, err := c.EventBridge(ctx, endpoint, "")
		if err == nil {
			entry := types.PutEventsRequestEntry{Source: aws.String("loop"), DetailType: aws.String("x"), Detail: aws.String("{}")}
			_, err = client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}},
				func(o *eventbridge.Options) { o.APIOptions = append(o.APIOptions, traced...) })
		}
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *l.engine.Load()+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	req.Header.Set("X-Amzn-Trace-Id", header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return nil
}

// TestLoopsAreStopped tests that a function that causes itself runs policy.MaxPasses times, whatever it leads through.
func TestLoopsAreStopped(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	l := &loops{T: t, runs: map[string]int{}}
	remote := httptest.NewServer(l)
	defer remote.Close()
	fn := "{InvokeEndpoint: '" + remote.URL + "'}"
	r := startRun(t, `
Aws: {Region: us-east-1, Endpoint: embedded}
Functions:
  queue: `+fn+`
  topic: `+fn+`
  bucket: `+fn+`
  bus: `+fn+`
  itself: `+fn+`
Resources:
  Queues: [{QueueName: loop}]
  Topics: [{Name: loop, Subscriptions: [{Protocol: lambda, Endpoint: topic}]}]
  Buckets: [{Bucket: loop, NotificationConfiguration: {LambdaFunctionConfigurations: [{LambdaFunctionArn: bucket, Events: [s3:ObjectCreated:*]}]}}]
  Rules: [{Name: loop, EventPattern: '{"source": ["loop"]}', Targets: [{Id: f, Arn: bus, Input: '{}'}]}]
EventSourceMappings: [{FunctionName: queue, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:loop', BatchSize: 1}]
`, "--log-format", "text")
	_, standIn, _ := strings.Cut(r.says("the stand-in for AWS answers on"), "answers on ")
	standIn, _, _ = strings.Cut(standIn, " ")
	engine := "http://" + r.address()
	l.standIn.Store(&standIn)
	l.engine.Store(&engine)
	functions := []string{"queue", "topic", "bucket", "bus", "itself"}
	for _, function := range functions {
		if err := l.cause(t.Context(), function, ""); err != nil {
			t.Fatal(err)
		}
	}
	for range 2*len(functions) - 1 { // an event is given up and kept as undelivered, a message is left
		r.says("ecursive")
	}
	_, metrics := get(t, engine+"/metrics")
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, function := range functions {
		if l.runs[function] != policy.MaxPasses {
			t.Errorf("%s ran %d times, want %d", function, l.runs[function], policy.MaxPasses)
		}
		if !strings.Contains(metrics, `esm_recursive_invocations_dropped_total{function="`+function+`"} 1`) {
			t.Errorf("%s: its metric does not say that it was stopped", function)
		}
	}
}
