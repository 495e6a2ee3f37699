package provision

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// receiver is what a bucket reports to.
type receiver string

const (
	toFunction receiver = "function"
	toQueue    receiver = "queue"
	toTopic    receiver = "topic"
)

// notifications configures the notifications of one bucket.
type notifications struct {
	client     *s3.Client
	bucket     string
	want       []notification
	everything bool // to the default event bus
}

// notification is one configuration. It is comparable: events are sorted and joined.
type notification struct {
	to             receiver
	id, arn        string
	events         string
	prefix, suffix string
}

// described returns a notification of the file. Without an ID it gets one that depends on the rest, so that the next start finds
// it unchanged.
func described(to receiver, n configfile.Notification) notification {
	d := notification{to: to, id: n.Id, arn: n.Arn, events: strings.Join(slices.Sorted(slices.Values(n.Events)), " ")}
	for _, r := range n.Filter.Key.FilterRules {
		if strings.EqualFold(r.Name, "prefix") {
			d.prefix = r.Value
		} else {
			d.suffix = r.Value
		}
	}
	if d.id == "" {
		sum := sha256.Sum256(fmt.Append(nil, d))
		d.id = "esm-" + hex.EncodeToString(sum[:4])
	}
	return d
}

func (n *notifications) resource() resource {
	return resource{name: "notifications of bucket " + n.bucket, made: "configured", describe: n.describe, create: n.put}
}

// describe reports a bucket that is configured otherwise as one without notifications, so that put replaces them.
func (n *notifications) describe(ctx context.Context) (state, error) {
	is, err := n.client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &n.bucket})
	if err != nil {
		return state{}, fmt.Errorf("describe: %w", err)
	}
	var has []notification
	for _, c := range is.LambdaFunctionConfigurations {
		has = append(has, configured(toFunction, c.Id, c.LambdaFunctionArn, c.Events, c.Filter))
	}
	for _, c := range is.QueueConfigurations {
		has = append(has, configured(toQueue, c.Id, c.QueueArn, c.Events, c.Filter))
	}
	for _, c := range is.TopicConfigurations {
		has = append(has, configured(toTopic, c.Id, c.TopicArn, c.Events, c.Filter))
	}
	same := slices.Equal(sorted(has), sorted(n.want)) && (is.EventBridgeConfiguration != nil) == n.everything
	return state{exists: same}, nil
}

func sorted(all []notification) []notification {
	return slices.SortedFunc(slices.Values(all), func(a, b notification) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.arn, b.arn)) })
}

func configured(to receiver, id, arn *string, events []types.Event, filter *types.NotificationConfigurationFilter) notification {
	n := configfile.Notification{Id: aws.ToString(id), Arn: aws.ToString(arn)}
	for _, e := range events {
		n.Events = append(n.Events, string(e))
	}
	if filter != nil && filter.Key != nil {
		for _, r := range filter.Key.FilterRules {
			n.Filter.Key.FilterRules = append(n.Filter.Key.FilterRules, configfile.FilterRule{Name: string(r.Name), Value: aws.ToString(r.Value)})
		}
	}
	return described(to, n)
}

func (n *notifications) put(ctx context.Context) error {
	c := &types.NotificationConfiguration{}
	if n.everything {
		c.EventBridgeConfiguration = &types.EventBridgeConfiguration{}
	}
	for _, w := range n.want {
		switch w.to {
		case toFunction:
			c.LambdaFunctionConfigurations = append(c.LambdaFunctionConfigurations,
				types.LambdaFunctionConfiguration{Id: &w.id, LambdaFunctionArn: &w.arn, Events: w.sdkEvents(), Filter: w.filter()})
		case toQueue:
			c.QueueConfigurations = append(c.QueueConfigurations,
				types.QueueConfiguration{Id: &w.id, QueueArn: &w.arn, Events: w.sdkEvents(), Filter: w.filter()})
		case toTopic:
			c.TopicConfigurations = append(c.TopicConfigurations,
				types.TopicConfiguration{Id: &w.id, TopicArn: &w.arn, Events: w.sdkEvents(), Filter: w.filter()})
		}
	}
	_, err := n.client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: &n.bucket, NotificationConfiguration: c})
	return err
}

func (n notification) sdkEvents() (all []types.Event) {
	for e := range strings.FieldsSeq(n.events) {
		all = append(all, types.Event(e))
	}
	return all
}

// filter returns nil if the notification is about all objects.
func (n notification) filter() *types.NotificationConfigurationFilter {
	var rules []types.FilterRule
	if n.prefix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNamePrefix, Value: &n.prefix})
	}
	if n.suffix != "" {
		rules = append(rules, types.FilterRule{Name: types.FilterRuleNameSuffix, Value: &n.suffix})
	}
	if rules == nil {
		return nil
	}
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: rules}}
}
