package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/localstack/embedded"
)

// TestWays tests that the events of a topic, a bucket and a rule reach a function in their own shapes: through the stand-in,
// and through an emulator that cannot invoke functions, which delivers to the engine's HTTP server.
func TestWays(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	for name, start := range map[string]func(t *testing.T, file string) (r *runningCommand, endpoint string){
		"stand-in": func(t *testing.T, file string) (*runningCommand, string) {
			r := startRun(t, strings.Replace(file, "ENDPOINT", "embedded", 1), "--log-format", "text")
			_, endpoint, _ := strings.Cut(r.says("the stand-in for AWS answers on"), "answers on ")
			endpoint, _, _ = strings.Cut(endpoint, " ")
			return r, endpoint
		},
		"emulator": func(t *testing.T, file string) (*runningCommand, string) {
			endpoint := emulator(t)
			return startRun(t, strings.Replace(file, "ENDPOINT", endpoint, 1), "--log-format", "text"), endpoint
		},
	} {
		t.Run(name, func(t *testing.T) {
			events := make(chan string, 10)
			remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				event, _ := io.ReadAll(r.Body)
				events <- string(event)
				_, _ = io.WriteString(w, "{}")
			}))
			defer remote.Close()
			r, endpoint := start(t, `
Aws: {Region: us-east-1, Endpoint: 'ENDPOINT'}
Functions: {f: {InvokeEndpoint: '`+remote.URL+`'}}
Resources:
  Topics: [{Name: alerts, Subscriptions: [{Protocol: lambda, Endpoint: f}]}]
  Buckets: [{Bucket: photos, NotificationConfiguration: {LambdaFunctionConfigurations: [{LambdaFunctionArn: f, Events: [s3:ObjectCreated:*]}]}}]
  Rules: [{Name: paid, EventPattern: '{"source": ["shop"]}', Targets: [{Id: f, Arn: f, InputPath: $.detail}]}]
`)
			r.address()
			causeEvents(t, endpoint)
			var got []string
			for range 3 {
				select {
				case event := <-events:
					got = append(got, event[:min(len(event), 36)])
				case <-time.After(20 * time.Second):
					t.Fatalf("only %q reached the function: %s", got, r.rest())
				}
			}
			slices.Sort(got)
			want := []string{`{"Records":[{"EventSource":"aws:sns",`[:36], `{"Records":[{"eventVersion":"2.1","e`[:36], `{"state":"paid"}`}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// emulator serves a stand-in that has no functions, and returns its URL.
func emulator(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	server := &embedded.Server{Pattern: func(pattern []byte) (func([]byte) bool, error) {
		f, err := filter.Compile([]string{string(pattern)}, "")
		return f.Match, err
	}}
	go func() {
		defer close(over)
		_ = server.Serve(ctx, l)
	}()
	t.Cleanup(func() {
		stop()
		<-over
	})
	return "http://" + l.Addr().String()
}

// causeEvents causes one event of each kind.
func causeEvents(t *testing.T, endpoint string) {
	t.Helper()
	c := &awsclient.Clients{Region: "us-east-1"}
	topics, err := c.SNS(t.Context(), endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := c.S3(t.Context(), endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	buses, err := c.EventBridge(t.Context(), endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:000000000000:alerts"), Message: aws.String("hello")}); err != nil {
		t.Error(err)
	}
	if _, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("photos"), Key: aws.String("a.jpg"), Body: strings.NewReader("x")}); err != nil {
		t.Error(err)
	}
	if _, err := buses.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String(`{"state":"paid"}`)},
	}}); err != nil {
		t.Error(err)
	}
}
