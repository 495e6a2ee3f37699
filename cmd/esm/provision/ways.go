package provision

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/subscriber"
)

// ways connects the services of a file with its functions.
type ways struct {
	file  *configfile.File
	entry Entry

	sns    *sns.Client
	s3     *s3.Client
	events *eventbridge.Client
}

func (w *ways) open(ctx context.Context, c *awsclient.Clients) error {
	var errs [3]error
	a := w.file.Aws
	w.sns, errs[0] = c.SNS(ctx, a.EndpointOf(config.SNS), a.Region)
	w.s3, errs[1] = c.S3(ctx, a.EndpointOf(config.S3), a.Region)
	w.events, errs[2] = c.EventBridge(ctx, a.EndpointOf(config.EventBridge), a.Region)
	return errors.Join(errs[:]...)
}

// resources lists what is to be connected: subscriptions before what sends to their topics.
func (w *ways) resources() (all []resource) {
	for _, t := range w.file.Resources.Topics {
		for _, s := range t.Subscriptions {
			all = append(all, w.subscription(t.Name, s).resource())
		}
	}
	for _, h := range w.hops() {
		made := &topic{configfile.Topic{Name: h.topic}, w.sns, w.topicARN(h.topic)}
		all = append(all, resource{name: "topic " + h.topic, describe: made.describe, create: made.create}, w.hopSubscription(h).resource())
	}
	for _, b := range w.file.Resources.Buckets {
		if b.NotificationConfiguration != nil {
			all = append(all, w.notifications(b).resource())
		}
	}
	for _, r := range w.file.Resources.Rules {
		if r.EventPattern != "" {
			made := &rule{r, w.events}
			all = append(all, made.resource(), w.targets(r).resource())
		}
	}
	return all
}

// subscription returns a subscription of the file.
func (w *ways) subscription(topic string, s configfile.Subscription) *subscription {
	function, known := w.file.FunctionOf(s.Endpoint)
	if s.Protocol == lambdaProtocol && known && !w.invokes(config.SNS) {
		return w.ownSubscription(topic, function, subscriber.Whole, s)
	}
	return &subscription{client: w.sns, topic: w.topicARN(topic), Subscription: s, name: "subscription of topic " + topic + " to " + s.Endpoint}
}

func (w *ways) hopSubscription(h hop) *subscription {
	return w.ownSubscription(h.topic, h.function, h.unwrap, configfile.Subscription{})
}

// ownSubscription returns a subscription of the engine's own HTTP server for a function, with the filter policy of another.
func (w *ways) ownSubscription(topic, function string, unwrap subscriber.Unwrap, of configfile.Subscription) *subscription {
	of.Endpoint = subscriber.URL(w.entry.URL, function, unwrap)
	of.Protocol, _, _ = strings.Cut(of.Endpoint, ":")
	return &subscription{client: w.sns, topic: w.topicARN(topic), Subscription: of, own: true, name: "subscription of topic " + topic + " to function " + function}
}

// notifications returns the notifications of a bucket, with topics in place of the functions that it cannot invoke.
func (w *ways) notifications(b configfile.Bucket) *notifications {
	c := *b.NotificationConfiguration
	n := &notifications{client: w.s3, bucket: b.Bucket, everything: c.EventBridgeConfiguration}
	for _, f := range c.LambdaFunctionConfigurations {
		receiver := toFunction
		if h, ok := w.bucketHop(b.Bucket, f.Arn); ok {
			receiver, f.Arn = toTopic, w.topicARN(h.topic)
		}
		n.want = append(n.want, described(receiver, f))
	}
	for _, q := range c.QueueConfigurations {
		n.want = append(n.want, described(toQueue, q))
	}
	for _, t := range c.TopicConfigurations {
		n.want = append(n.want, described(toTopic, t))
	}
	return n
}

// targets returns the targets of a rule, with topics in place of the functions that the service cannot invoke.
func (w *ways) targets(r configfile.Rule) *targets {
	all := &targets{client: w.events, rule: r}
	for _, t := range r.Targets {
		if h, ok := w.ruleHop(r, t); ok {
			t.Arn = w.topicARN(h.topic)
		}
		all.want = append(all.want, t)
	}
	return all
}
