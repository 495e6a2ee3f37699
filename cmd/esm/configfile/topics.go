package configfile

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
)

// Topic is a standard SNS topic to create.
type Topic struct {
	Name          string
	Subscriptions []Subscription
}

// Subscription is a subscription of a topic, with the fields of Subscribe and the attributes of a subscription.
type Subscription struct {
	Protocol          string // lambda, sqs, http or https
	Endpoint          string // the ARN of a function of this file, the ARN of a standard queue, or a URL
	FilterPolicy      string // JSON; empty matches everything
	FilterPolicyScope string // MessageAttributes or MessageBody; empty means MessageAttributes

	RawMessageDelivery bool
}

// The protocols of subscriptions that are not URLs are named like the services.
const (
	protocolLambda = config.Lambda
	protocolQueue  = config.SQS
)

var topicShape = objectOf(inTopic,
	required(field("Name", func(t *Topic) *string { return &t.Name },
		textOf(matching(`[A-Za-z0-9_-]{1,256}`, "is not the name of a standard topic: 1 to 256 letters, digits, - and _")),
		"The topic's name.")),
	field("Subscriptions", func(t *Topic) *[]Subscription { return &t.Subscriptions }, listOf(0, 0, subscriptionShape),
		"Where the topic delivers its messages."),
)

var subscriptionShape = objectOf(inSubscription,
	required(field("Protocol", func(s *Subscription) *string { return &s.Protocol }, textOf(oneOf(protocolLambda, protocolQueue, "http", "https")),
		"lambda, sqs, http or https.")),
	required(field("Endpoint", func(s *Subscription) *string { return &s.Endpoint }, textOf(notEmpty),
		"For lambda a function of this file, by its name or ARN; for sqs the ARN of a standard queue; for http and https a URL.")),
	field("FilterPolicy", func(s *Subscription) *string { return &s.FilterPolicy }, textOf(jsonRule),
		`The messages to deliver: JSON text, such as '{"kind": ["paid"]}'. Default: all.`),
	field("FilterPolicyScope", func(s *Subscription) *string { return &s.FilterPolicyScope }, textOf(oneOf(scopeAttributes, scopeBody)),
		"What the FilterPolicy is about: MessageAttributes, the default, or MessageBody."),
	field("RawMessageDelivery", func(s *Subscription) *bool { return &s.RawMessageDelivery }, trueOrFalse,
		"Whether a queue or URL receives the message without its envelope."),
)

const (
	scopeAttributes = "MessageAttributes"
	scopeBody       = "MessageBody"
)

// checkTopics checks the subscriptions of topics, and replaces names of functions with their ARNs.
func (d *decoder) checkTopics(f *File) {
	for i := range f.Resources.Topics {
		t, first := &f.Resources.Topics[i], map[string]int{}
		for j := range t.Subscriptions {
			s, at := &t.Subscriptions[j], fmt.Sprintf("Resources.Topics[%d].Subscriptions[%d]", i, j)
			if d.failedBelow(at) {
				continue
			}
			d.checkSubscription(f, s, at)
			who := s.Protocol + " " + s.Endpoint
			if other, twice := first[who]; twice {
				d.errorf(at, "subscribes the same endpoint as Subscriptions[%d]: remove one", other)
				continue
			}
			first[who] = j
		}
	}
}

func (d *decoder) checkSubscription(f *File, s *Subscription, at string) {
	endpoint := at + ".Endpoint"
	switch s.Protocol {
	case protocolLambda:
		s.Endpoint = d.functionArn(f, s.Endpoint, endpoint)
		if s.RawMessageDelivery {
			d.errorf(at+".RawMessageDelivery", "is not for lambda: a function always receives the envelope")
		}
	case protocolQueue:
		d.checkTarget(f, config.QueueDestination, s.Endpoint, endpoint)
	default:
		if wrongCallback(s.Protocol, s.Endpoint) {
			d.errorf(endpoint, "is not a URL that begins with %s://", s.Protocol)
		}
	}
	switch {
	case s.FilterPolicy != "":
		d.checkFilterPolicy(*s, at+".FilterPolicy")
	case s.FilterPolicyScope != "":
		d.errorf(at+".FilterPolicyScope", "has no effect without a FilterPolicy: remove it")
	}
}

func wrongCallback(protocol, url string) bool {
	return !strings.HasPrefix(url, protocol+"://") || len(url) == len(protocol)+len("://") || strings.ContainsAny(url, " \t\n")
}

// checkFilterPolicy compiles a filter policy, whose language is that of event patterns (AWS: "Amazon SNS subscription filter
// policies"). Attributes of messages have no members.
func (d *decoder) checkFilterPolicy(s Subscription, at string) {
	d.checkPattern(s.FilterPolicy, at)
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(s.FilterPolicy), &members) != nil || s.FilterPolicyScope == scopeBody {
		return
	}
	for _, value := range members {
		if strings.HasPrefix(string(value), "{") {
			d.errorf(at, "has an object inside, which attributes of messages do not: set FilterPolicyScope to %s, or give a list", scopeBody)
		}
	}
}
