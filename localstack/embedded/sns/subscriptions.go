package sns

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

type subscriptionResult struct{ SubscriptionArn string }

// subscribe subscribes a queue, which need not exist yet, or finds its subscription.
func (s *Server) subscribe(r request) (any, error) {
	endpoint, attributes := r.text("Endpoint"), r.attributes()
	if err := checkSubscriber(r.text("Protocol"), endpoint); err != nil {
		return nil, err
	}
	raw := false
	for name, value := range attributes {
		if err := setSubscription(&raw, name, value); err != nil {
			return nil, err
		}
	}
	t, err := s.topicAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	for _, sub := range s.subscriptionsOf(t.arn) {
		if sub.endpoint != endpoint {
			continue
		}
		if sub.raw != raw {
			return nil, invalidParameter("Attributes Reason: Subscription already exists with different attributes")
		}
		return subscriptionResult{sub.arn}, nil
	}
	return subscriptionResult{s.addSubscription(t, endpoint, raw).arn}, nil
}

// addSubscription adds a subscription.
func (s *Server) addSubscription(t *topic, endpoint string, raw bool) *subscription {
	if s.subscriptions == nil {
		s.subscriptions = make(map[string]*subscription)
	}
	s.subscribed++
	sub := &subscription{t.arn + ":" + uuid.NewString(), t.arn, endpoint, raw, s.subscribed}
	s.subscriptions[sub.arn] = sub
	return sub
}

func checkSubscriber(protocol, endpoint string) error {
	switch {
	case protocol == "":
		return invalidParameter("Protocol")
	case protocol != "sqs":
		return unsupportedValue("Protocol", protocol)
	case !strings.HasPrefix(endpoint, "arn:aws:sqs:") || strings.Count(endpoint, ":") != 5:
		return invalidParameter("SQS endpoint ARN")
	case strings.HasSuffix(endpoint, ".fifo"):
		return invalidParameter("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
	}
	return nil
}

// setSubscription sets an attribute. Only RawMessageDelivery is supported.
func setSubscription(raw *bool, name, value string) error {
	switch name {
	case "RawMessageDelivery":
		is, err := strconv.ParseBool(value)
		if err != nil {
			return invalidParameter("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
		}
		*raw = is
		return nil
	case "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "ReplayPolicy", "SubscriptionRoleArn":
		return unsupportedValue("AttributeName", name)
	}
	return invalidParameter("AttributeName")
}

// unsubscribe ends a subscription if it exists.
func (s *Server) unsubscribe(r request) (any, error) {
	arn := r.text("SubscriptionArn")
	if !strings.HasPrefix(arn, s.prefix()) {
		return nil, invalidParameter("SubscriptionArn")
	}
	delete(s.subscriptions, arn)
	return nil, nil
}

// subscriptionAt finds the subscription that a request names.
func (s *Server) subscriptionAt(r request) (*subscription, error) {
	if sub := s.subscriptions[r.text("SubscriptionArn")]; sub != nil {
		return sub, nil
	}
	return nil, notFound("Subscription does not exist")
}

func (s *Server) setSubscriptionAttributes(r request) (any, error) {
	sub, err := s.subscriptionAt(r)
	if err != nil {
		return nil, err
	}
	return nil, setSubscription(&sub.raw, r.text("AttributeName"), r.text("AttributeValue"))
}

func (s *Server) subscriptionAttributes(r request) (any, error) {
	sub, err := s.subscriptionAt(r)
	if err != nil {
		return nil, err
	}
	return struct{ Attributes entries }{entriesOf(map[string]string{
		"SubscriptionArn": sub.arn, "TopicArn": sub.topic, "Protocol": "sqs", "Endpoint": sub.endpoint, "Owner": s.Account.OrDefault().ID,
		"RawMessageDelivery": strconv.FormatBool(sub.raw), "PendingConfirmation": "false", "ConfirmationWasAuthenticated": "true",
	})}, nil
}

func (s *Server) listSubscriptions(r request) (any, error) {
	return s.listed(s.subscriptionsOf(""), r.text("NextToken"))
}

func (s *Server) listSubscriptionsByTopic(r request) (any, error) {
	t, err := s.topicAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	return s.listed(s.subscriptionsOf(t.arn), r.text("NextToken"))
}

type listedSubscription struct{ SubscriptionArn, Owner, Protocol, Endpoint, TopicArn string }

func (s *Server) listed(all []*subscription, token string) (any, error) {
	some, next, err := page(all, token)
	if err != nil {
		return nil, err
	}
	var subs members[listedSubscription]
	for _, sub := range some {
		subs.Member = append(subs.Member, listedSubscription{sub.arn, s.Account.OrDefault().ID, "sqs", sub.endpoint, sub.topic})
	}
	return struct {
		Subscriptions members[listedSubscription]
		NextToken     string `xml:",omitempty"`
	}{subs, next}, nil
}
