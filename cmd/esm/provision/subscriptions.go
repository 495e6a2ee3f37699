package provision

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

const (
	lambdaProtocol = "lambda"

	// pendingArn stands in lists for the ARN of a subscription that was not confirmed yet.
	pendingArn = "PendingConfirmation"
)

// subscription makes one subscription of a topic.
type subscription struct {
	configfile.Subscription
	name   string
	client *sns.Client
	topic  string // ARN
	own    bool   // the engine confirms it by itself

	arn   string            // of the subscription, if it exists
	has   map[string]string // its attributes
	stale bool              // it is pending since long ago
	asked time.Time         // when SNS was last asked for it
}

func (s *subscription) resource() resource {
	return resource{name: s.name, made: "subscribed", describe: s.describe, create: s.create}
}

// describe finds the subscription by its protocol and endpoint. A pending one counts as missing if it is the engine's and was
// asked for long ago, perhaps by an earlier run that SNS did not reach.
func (s *subscription) describe(ctx context.Context) (state, error) {
	s.arn, s.has, s.stale = "", nil, false
	pages := sns.NewListSubscriptionsByTopicPaginator(s.client, &sns.ListSubscriptionsByTopicInput{TopicArn: &s.topic})
	for pages.HasMorePages() && s.arn == "" {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return state{}, fmt.Errorf("describe: %w", err)
		}
		for _, other := range page.Subscriptions {
			if aws.ToString(other.Protocol) == s.Protocol && aws.ToString(other.Endpoint) == s.Endpoint {
				s.arn = aws.ToString(other.SubscriptionArn)
			}
		}
	}
	switch {
	case s.arn == "":
		return state{}, nil
	case s.arn == pendingArn && !s.own:
		return state{exists: true}, nil
	case s.arn == pendingArn && time.Since(s.asked) >= retryAfter:
		s.arn, s.stale = "", true
		return state{}, nil
	case s.arn == pendingArn:
		return state{exists: true, pending: fmt.Sprintf("%s: SNS must reach %s (Engine.Url says where)", pendingArn, s.Endpoint)}, nil
	}
	return s.compare(ctx)
}

// compare reports a subscription that differs from the file as one that does not exist, so that create changes it.
func (s *subscription) compare(ctx context.Context) (state, error) {
	is, err := s.client.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &s.arn})
	if err != nil {
		return state{}, fmt.Errorf("describe: %w", err)
	}
	s.has = is.Attributes
	return state{exists: len(s.changes()) == 0}, nil
}

// attribute is one attribute of a subscription, and its value if it is not set.
type subscriptionAttribute struct{ name, want, otherwise string }

// attributes returns the attributes that the file sets. A scope is set before the policy that needs it.
func (s *subscription) attributes() []subscriptionAttribute {
	scope := subscriptionAttribute{"FilterPolicyScope", cmp.Or(s.FilterPolicyScope, "MessageAttributes"), "MessageAttributes"}
	policy := subscriptionAttribute{"FilterPolicy", cmp.Or(s.FilterPolicy, "{}"), "{}"}
	raw := subscriptionAttribute{"RawMessageDelivery", strconv.FormatBool(s.RawMessageDelivery), "false"}
	if scope.want == scope.otherwise {
		return []subscriptionAttribute{policy, scope, raw}
	}
	return []subscriptionAttribute{scope, policy, raw}
}

// changes returns the attributes in which the subscription differs from the file.
func (s *subscription) changes() (all []subscriptionAttribute) {
	for _, a := range s.attributes() {
		if !sameAttribute(cmp.Or(s.has[a.name], a.otherwise), a.want) {
			all = append(all, a)
		}
	}
	return all
}

// create subscribes, or changes the attributes of the subscription.
func (s *subscription) create(ctx context.Context) error {
	if s.arn != "" {
		for _, a := range s.changes() {
			if _, err := s.client.SetSubscriptionAttributes(ctx, &sns.SetSubscriptionAttributesInput{
				SubscriptionArn: &s.arn, AttributeName: &a.name, AttributeValue: &a.want,
			}); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
		}
		return nil
	}
	arn, err := s.subscribe(ctx)
	if err != nil || !s.stale || !strings.HasPrefix(arn, "arn:") {
		return err
	}
	// AWS repeats the request to confirm a pending subscription, but LocalStack does so only for a new one.
	if _, err := s.client.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: &arn}); err != nil {
		return err
	}
	_, err = s.subscribe(ctx)
	return err
}

func (s *subscription) subscribe(ctx context.Context) (arn string, err error) {
	set := map[string]string{}
	for _, a := range s.attributes() {
		if a.want != a.otherwise {
			set[a.name] = a.want
		}
	}
	s.asked = time.Now()
	made, err := s.client.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &s.topic, Protocol: &s.Protocol, Endpoint: &s.Endpoint, Attributes: set, ReturnSubscriptionArn: true,
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(made.SubscriptionArn), nil
}
