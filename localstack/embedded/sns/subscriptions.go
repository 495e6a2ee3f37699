package sns

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded/relay"
)

// A subscription connects a topic with an endpoint. The server's lock guards it.
type subscription struct {
	arn, topic, protocol, endpoint string
	settings
	pending bool   // an HTTP(S) endpoint that has not confirmed; nothing is delivered to it
	token   string // confirms it
	number  int    // in the order in which they were made
}

// shownARN is the ARN that lists show.
func (s *subscription) shownARN() string {
	if s.pending {
		return "PendingConfirmation"
	}
	return s.arn
}

type subscriptionResult struct{ SubscriptionArn string }

// subscribe subscribes an endpoint, which need not exist yet, or finds its subscription.
func (s *Server) subscribe(r request) (any, error) {
	protocol, endpoint := r.text("Protocol"), r.text("Endpoint")
	if err := checkSubscriber(protocol, endpoint); err != nil {
		return nil, err
	}
	var set settings
	attributes := r.attributes()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := set.set(name, attributes[name]); err != nil {
			return nil, err
		}
	}
	set, err := s.complete(set, protocol)
	if err != nil {
		return nil, err
	}
	t, err := s.topicAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	sub := s.subscriptionTo(t, protocol, endpoint)
	if sub == nil {
		sub = s.addSubscription(t, protocol, endpoint, set)
	} else if !sub.same(set) {
		return nil, invalidParameter("Attributes Reason: Subscription already exists with different attributes")
	}
	if !sub.pending {
		return subscriptionResult{sub.arn}, nil
	}
	s.askToConfirm(*sub, r)
	if r.text("ReturnSubscriptionArn") == "true" {
		return subscriptionResult{sub.arn}, nil
	}
	return subscriptionResult{"pending confirmation"}, nil
}

// subscriptionTo returns the subscription of an endpoint to a topic, or nil.
func (s *Server) subscriptionTo(t *topic, protocol, endpoint string) *subscription {
	for _, sub := range s.subscriptionsOf(t.arn) {
		if sub.protocol == protocol && sub.endpoint == endpoint {
			return sub
		}
	}
	return nil
}

// addSubscription adds a subscription, which is pending if an HTTP(S) endpoint has to confirm it.
func (s *Server) addSubscription(t *topic, protocol, endpoint string, set settings) *subscription {
	if s.subscriptions == nil {
		s.subscriptions = make(map[string]*subscription)
	}
	s.subscribed++
	sub := &subscription{
		arn: t.arn + ":" + uuid.NewString(), topic: t.arn, protocol: protocol, endpoint: endpoint, settings: set,
		pending: isWeb(protocol), token: strings.ReplaceAll(uuid.NewString()+uuid.NewString(), "-", ""), number: s.subscribed,
	}
	s.subscriptions[sub.arn] = sub
	return sub
}

func isWeb(protocol string) bool { return protocol == "http" || protocol == "https" }

func checkSubscriber(protocol, endpoint string) error {
	switch {
	case protocol == "":
		return invalidParameter("Protocol")
	case protocol == "lambda":
		if _, err := config.ParseFunctionName(endpoint); err != nil || relay.ServiceOf(endpoint) != "lambda" {
			return invalidParameter("Lambda endpoint ARN")
		}
	case isWeb(protocol):
		if at, err := url.Parse(endpoint); err != nil || at.Scheme != protocol || at.Host == "" {
			return invalidParameter("Endpoint must match the specified protocol")
		}
	case protocol != "sqs":
		return unsupportedValue("Protocol", protocol)
	case !strings.HasPrefix(endpoint, "arn:aws:sqs:") || strings.Count(endpoint, ":") != 5:
		return invalidParameter("SQS endpoint ARN")
	case strings.HasSuffix(endpoint, ".fifo"):
		return invalidParameter("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
	}
	return nil
}

// confirm is the operation ConfirmSubscription.
func (s *Server) confirm(r request) (any, error) {
	t, err := s.topicAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	for _, sub := range s.subscriptionsOf(t.arn) {
		if isWeb(sub.protocol) && sub.token == r.text("Token") {
			sub.pending = false
			return subscriptionResult{sub.arn}, nil
		}
	}
	return nil, invalidParameter("Token")
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
	set := sub.settings
	if err := set.set(r.text("AttributeName"), r.text("AttributeValue")); err != nil {
		return nil, err
	}
	if set, err = s.complete(set, sub.protocol); err != nil {
		return nil, err
	}
	sub.settings = set
	return nil, nil
}

func (s *Server) subscriptionAttributes(r request) (any, error) {
	sub, err := s.subscriptionAt(r)
	if err != nil {
		return nil, err
	}
	texts := sub.shown()
	maps.Copy(texts, map[string]string{
		"SubscriptionArn": sub.arn, "TopicArn": sub.topic, "Protocol": sub.protocol, "Endpoint": sub.endpoint,
		"Owner": s.Account.OrDefault().ID, "PendingConfirmation": strconv.FormatBool(sub.pending), "ConfirmationWasAuthenticated": strconv.FormatBool(!isWeb(sub.protocol)),
	})
	return struct{ Attributes entries }{entriesOf(texts)}, nil
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
		subs.Member = append(subs.Member, listedSubscription{sub.shownARN(), s.Account.OrDefault().ID, sub.protocol, sub.endpoint, sub.topic})
	}
	return struct {
		Subscriptions members[listedSubscription]
		NextToken     string `xml:",omitempty"`
	}{subs, next}, nil
}
