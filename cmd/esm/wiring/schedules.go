package wiring

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/schedule"
	"github.com/esm-run/esm/trace"
)

// Schedules makes the feeds of a file's rules that run on a schedule and are not disabled, by names for the engine.
type Schedules struct {
	File    *configfile.File
	Clients *awsclient.Clients
	Starts  esm.Documents
	Events  esm.Acceptor // of functions
	Trace   trace.Func
}

// Feeds returns the feeds. It makes no request.
func (s *Schedules) Feeds(ctx context.Context) (map[string]engine.Feed, error) {
	feeds := map[string]engine.Feed{}
	for _, r := range s.File.Resources.Rules {
		when, scheduled := r.Schedule()
		if !scheduled || r.Disabled {
			continue
		}
		feed := &schedule.Feed{
			Rule:   config.RuleARN(s.File.Aws.Region, s.File.Aws.AccountId, r.EventBusName, r.Name),
			Region: s.File.Aws.Region, Account: s.File.Aws.AccountId,
			Expression: r.ScheduleExpression, Schedule: when,
			Starts: s.Starts, Scale: s.File.Engine.TimeScale, Trace: s.Trace,
		}
		for _, t := range r.Targets {
			target, err := s.target(ctx, t)
			if err != nil {
				return nil, fmt.Errorf("rule %s: target %s: %w", r.Name, t.Id, err)
			}
			feed.Targets = append(feed.Targets, target)
		}
		feeds["rule "+r.Name] = feed
	}
	return feeds, nil
}

func (s *Schedules) target(ctx context.Context, t configfile.RuleTarget) (made schedule.Target, err error) {
	made = schedule.Target{ID: t.Id, Arn: t.Arn}
	if t.Input != "" {
		made.Input = json.RawMessage(t.Input)
	}
	if t.InputPath != "" {
		if made.Path, err = policy.ParseInputPath(t.InputPath); err != nil {
			return made, err
		}
	}
	made.To, err = s.sender(ctx, t.Arn)
	return made, err
}

func (s *Schedules) sender(ctx context.Context, arn string) (schedule.Sender, error) {
	if name, ok := s.File.FunctionOf(arn); ok {
		return schedule.Function{Name: name, Events: s.Events}, nil
	}
	a, err := config.ParseARN(arn)
	if err != nil {
		return nil, err
	}
	switch endpoint := s.File.Aws.EndpointOf(a.Service); a.Service {
	case config.SQS:
		client, err := s.Clients.SQS(ctx, endpoint, a.Region)
		return &queueSender{client: client, queue: a}, err
	case config.SNS:
		client, err := s.Clients.SNS(ctx, endpoint, a.Region)
		return topicSender{client, arn}, err
	}
	return nil, fmt.Errorf("%s is neither a function of the file nor a queue or topic", arn)
}

// queueSender sends events as messages to a standard queue.
type queueSender struct {
	client *sqs.Client
	queue  config.ARN

	mu  sync.Mutex // guards url; not held during a request
	url *string
}

var _ schedule.Sender = (*queueSender)(nil)

// Send implements [schedule.Sender].
func (q *queueSender) Send(ctx context.Context, _ string, event json.RawMessage) error {
	q.mu.Lock()
	url := q.url
	q.mu.Unlock()
	if url == nil {
		is, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.queue.Resource, QueueOwnerAWSAccountId: &q.queue.Account})
		if err != nil {
			return fmt.Errorf("queue %s: %w", q.queue.Resource, err)
		}
		url = is.QueueUrl
	}
	body := string(event)
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	if err != nil {
		url, err = nil, fmt.Errorf("queue %s: %w", q.queue.Resource, err) // it may be created again with another URL
	}
	q.mu.Lock()
	q.url = url
	q.mu.Unlock()
	return err
}

// topicSender publishes events to a standard topic.
type topicSender struct {
	client *sns.Client
	topic  string // ARN
}

var _ schedule.Sender = topicSender{}

// Send implements [schedule.Sender].
func (t topicSender) Send(ctx context.Context, _ string, event json.RawMessage) error {
	message := string(event)
	_, err := t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.topic, Message: &message})
	if err != nil {
		return fmt.Errorf("topic %s: %w", t.topic, err)
	}
	return nil
}
