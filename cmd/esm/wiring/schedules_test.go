package wiring

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/configfile/configfiletest"
	"github.com/esm-run/esm/cmd/esm/provision"
	"github.com/esm-run/esm/engine/schedule"
	"github.com/esm-run/esm/localstack/embedded"
)

// acceptor collects events.
type acceptor struct{ events []esm.Event }

func (a *acceptor) Accept(_ context.Context, e esm.Event) error {
	a.events = append(a.events, e)
	return nil
}

type discard struct{}

func (discard) Info(string, ...any) {}
func (discard) Warn(string, ...any) {}

// schedules returns the schedules of a file with resources at a stand-in.
func schedules(t *testing.T, resources string) *Schedules {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	server := httptest.NewServer(&embedded.Server{})
	t.Cleanup(server.Close)
	file := configfiletest.Load(t, "Aws: {Region: us-east-1, Endpoint: '"+server.URL+"'}\nFunctions: {f: {Command: [/bin/true]}}\nResources:\n"+resources)
	c := &awsclient.Clients{Region: "us-east-1"}
	if err := provision.Create(t.Context(), file, c, discard{}); err != nil {
		t.Fatal(err)
	}
	return &Schedules{File: file, Clients: c, Starts: &checkpointtest.Memory{}, Events: &acceptor{}}
}

func TestScheduleFeeds(t *testing.T) {
	s := schedules(t, `  Queues: [{QueueName: q}, {QueueName: subscribed}]
  Topics: [{Name: t}]
  Rules:
    - {Name: off, State: DISABLED, ScheduleExpression: rate(1 day), Targets: [{Id: a, Arn: f}]}
    - {Name: pattern, EventPattern: '{"source": ["shop"]}', Targets: [{Id: a, Arn: f}]}
    - Name: all
      ScheduleExpression: rate(1 day)
      EventPattern: '{"source": ["shop"]}'
      Targets:
        - {Id: function, Arn: 'f:live', Input: '{"a": 1}'}
        - {Id: queue, Arn: 'arn:aws:sqs:us-east-1:000000000000:q', InputPath: $.detail}
        - {Id: topic, Arn: 'arn:aws:sns:us-east-1:000000000000:t'}
`)
	feeds, err := s.Feeds(t.Context())
	if err != nil || len(feeds) != 1 {
		t.Fatalf("%d feeds: %v", len(feeds), err)
	}
	feed := feeds["rule all"].(*schedule.Feed)
	if feed.Rule != "arn:aws:events:us-east-1:000000000000:rule/all" || feed.Expression != "rate(1 day)" || !feed.Schedule.Periodic() || len(feed.Targets) != 3 {
		t.Errorf("feed %+v", feed)
	}
	subscribe(t, s, "arn:aws:sns:us-east-1:000000000000:t", "arn:aws:sqs:us-east-1:000000000000:subscribed")
	for _, target := range feed.Targets {
		if err := target.To.Send(t.Context(), "id-of-"+target.ID, json.RawMessage(`{"detail": {"n": 1}}`)); err != nil {
			t.Errorf("%s: %v", target.ID, err)
		}
	}
	if got := s.Events.(*acceptor).events; len(got) != 1 || got[0].ID != "id-of-function" || got[0].Function != "f:live" {
		t.Errorf("accepted %+v", got)
	}
	for queue, want := range map[string]string{"q": `{"detail": {"n": 1}}`, "subscribed": `"Message":"{\"detail\": {\"n\": 1}}"`} {
		if got := received(t, s, queue); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("queue %s has %q, want %s", queue, got, want)
		}
	}
	if input, path := feed.Targets[0].Input, feed.Targets[1].Path; string(input) != `{"a": 1}` || string(path.Select(json.RawMessage(`{"detail": 2}`))) != "2" {
		t.Errorf("input %s, path %+v", input, path)
	}
}

// A queue that is missing is an error at each send, until it exists.
func TestQueueSenderFindsItsQueue(t *testing.T) {
	s := schedules(t, "  Rules: [{Name: r, ScheduleExpression: rate(1 day), Targets: [{Id: a, Arn: 'arn:aws:sqs:us-east-1:000000000000:later'}]}]\n")
	feeds, err := s.Feeds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := feeds["rule r"].(*schedule.Feed).Targets[0].To
	if err := to.Send(t.Context(), "a", json.RawMessage("1")); err == nil || !strings.HasPrefix(err.Error(), "queue later: ") {
		t.Errorf("got %v", err)
	}
	s.File.Resources.Queues = []configfile.Queue{{QueueName: "later"}}
	if err := provision.Create(t.Context(), s.File, s.Clients, discard{}); err != nil {
		t.Fatal(err)
	}
	if err := to.Send(t.Context(), "b", json.RawMessage("2")); err != nil {
		t.Error(err)
	}
	if got := received(t, s, "later"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("received %q", got)
	}
}

func subscribe(t *testing.T, s *Schedules, topic, queue string) {
	t.Helper()
	client, err := s.Clients.SNS(t.Context(), s.File.Aws.Endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	protocol := "sqs"
	if _, err := client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: &protocol, Endpoint: &queue}); err != nil {
		t.Fatal(err)
	}
}

func received(t *testing.T, s *Schedules, queue string) (bodies []string) {
	t.Helper()
	client, err := s.Clients.SQS(t.Context(), s.File.Aws.Endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	is, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: is.QueueUrl, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}
