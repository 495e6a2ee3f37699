package sns

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type topicResult struct{ TopicArn string }

// AWS: "CreateTopic".
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// createTopic creates a topic, or finds the one of that name. Attributes are stored and have no effect.
func (s *Server) createTopic(r request) (any, error) {
	name, attributes := r.text("Name"), r.attributes()
	if strings.HasSuffix(name, ".fifo") || attributes["FifoTopic"] == "true" {
		return nil, unsupportedValue("Topic Name", "a FIFO topic")
	}
	if !topicName.MatchString(name) {
		return nil, invalidParameter("Topic Name")
	}
	arn := s.prefix() + name
	known := s.topics[arn]
	if known == nil {
		if s.topics == nil {
			s.topics = make(map[string]*topic)
		}
		s.topics[arn] = &topic{arn: arn, attributes: attributes}
		return topicResult{arn}, nil
	}
	for attribute, value := range attributes {
		if known.attributes[attribute] != value {
			return nil, invalidParameter("Attributes Reason: Topic already exists with different attributes")
		}
	}
	return topicResult{arn}, nil
}

// deleteTopic deletes a topic, if it exists, and its subscriptions.
func (s *Server) deleteTopic(r request) (any, error) {
	arn := r.text("TopicArn")
	if !strings.HasPrefix(arn, s.prefix()) {
		return nil, invalidParameter("TopicArn")
	}
	delete(s.topics, arn)
	maps.DeleteFunc(s.subscriptions, func(_ string, sub *subscription) bool { return sub.topic == arn })
	return nil, nil
}

func (s *Server) topicAttributes(r request) (any, error) {
	t, err := s.topicAt(r.text("TopicArn"))
	if err != nil {
		return nil, err
	}
	pending, all := 0, s.subscriptionsOf(t.arn)
	for _, sub := range all {
		if sub.pending {
			pending++
		}
	}
	shown := map[string]string{
		"TopicArn": t.arn, "Owner": s.Account.OrDefault().ID, "DisplayName": "",
		"SubscriptionsConfirmed": strconv.Itoa(len(all) - pending),
		"SubscriptionsPending":   strconv.Itoa(pending), "SubscriptionsDeleted": "0",
	}
	maps.Copy(shown, t.attributes)
	return struct{ Attributes entries }{entriesOf(shown)}, nil
}

func (s *Server) listTopics(r request) (any, error) {
	arns, token, err := page(slices.Sorted(maps.Keys(s.topics)), r.text("NextToken"))
	if err != nil {
		return nil, err
	}
	var topics members[topicResult]
	for _, arn := range arns {
		topics.Member = append(topics.Member, topicResult{arn})
	}
	return struct {
		Topics    members[topicResult]
		NextToken string `xml:",omitempty"`
	}{topics, token}, nil
}

// pageSize is the number of topics or subscriptions on a page.
const pageSize = 100

// page returns the page that a token names, and the token of the next page if there is one. A token is the number of
// elements before its page.
func page[T any](all []T, token string) (some []T, next string, err error) {
	begin := 0
	if token != "" {
		if begin, err = strconv.Atoi(token); err != nil || begin < 0 {
			return nil, "", invalidParameter("NextToken")
		}
	}
	begin = min(begin, len(all))
	end := min(begin+pageSize, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[begin:end], next, nil
}
