package running

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/provision"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/subscriber"
)

// connect opens the ways by which events reach functions: the endpoint of topics, subscriptions, notifications and rules, and the
// schedules, which then run in the engine.
func (s *System) connect(ctx context.Context, c *awsclient.Clients, p *wiring.Parts, address string, events esm.Acceptor) error {
	entry := provision.Entry{StandIn: s.standInURL, URL: provision.EntryURL(s.File, address)}
	s.subscriber.Store(&subscriber.Server{
		Events:      func() esm.Acceptor { return events },
		HasFunction: func(name string) bool { return s.File.Function(name) != nil },
		Confirm:     confirm(c, s.File),
		Account:     s.File.Aws.AccountId,
		Unsigned:    provision.Unsigned(s.File, entry),
		Warn:        func(text string) { s.Log.Warn("%s", text) },
	})
	if err := provision.Connect(ctx, s.File, c, entry, s.Log); err != nil {
		return err
	}
	schedules := &wiring.Schedules{File: s.File, Clients: c, Starts: p.Store, Events: events, Trace: s.trace}
	feeds, err := schedules.Feeds(ctx)
	if err != nil {
		return err
	}
	for name, feed := range feeds {
		p.Engine.Set(name, feed)
	}
	return nil
}

// confirm returns a function that confirms subscriptions at the file's endpoint of SNS.
func confirm(c *awsclient.Clients, file *configfile.File) func(ctx context.Context, topicArn, token string) error {
	return func(ctx context.Context, topicArn, token string) error {
		topic, err := config.ParseARN(topicArn)
		if err != nil {
			return err
		}
		client, err := c.SNS(ctx, file.Aws.EndpointOf(config.SNS), topic.Region)
		if err != nil {
			return err
		}
		_, err = client.ConfirmSubscription(ctx, &sns.ConfirmSubscriptionInput{TopicArn: &topicArn, Token: &token})
		return err
	}
}
