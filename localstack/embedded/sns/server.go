package sns

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the SNS of one account in one Region. The zero Server is ready and empty. Its methods may be called
// concurrently. It must not be copied.
type Server struct {
	// Account owns the topics and is part of their ARNs.
	Account wire.Account
	// Targets are the queues and functions that messages are delivered to, in the publisher's goroutine.
	Targets relay.Targets
	// Pattern compiles a filter policy, which is an event pattern as EventBridge has it. Nil refuses filter policies.
	Pattern func(pattern []byte) (matches func(document []byte) bool, err error)
	// HTTP makes the requests to HTTP(S) endpoints; nil is a transport like http.DefaultTransport.
	HTTP http.RoundTripper

	web webSender

	mu            sync.Mutex // guards the rest
	topics        map[string]*topic
	subscriptions map[string]*subscription
	subscribed    int // how many subscriptions were ever made
}

type topic struct {
	arn        string
	attributes map[string]string
}

// prefix is what the ARNs of topics begin with.
func (s *Server) prefix() string { return s.Account.ARN("sns", "") }

// maxForm is the longest request body in bytes. It fits 256 KiB in which every byte is escaped as three.
const maxForm = 2 << 20

// ServeHTTP answers one request of the query protocol, from its body or its URL.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.PostForm == nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	}
	result, err := s.perform(r)
	if err != nil {
		wire.WriteQueryError(w, namespace, err)
		return
	}
	answer(w, r.Form.Get("Action"), result)
}

func (s *Server) perform(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, invalidParameter("The request could not be read: %v", err)
	}
	action := r.Form.Get("Action")
	run, ok := operations[action]
	if !ok {
		return nil, unknownAction(action)
	}
	return run(s, request{form(r.Form), hostOf(r), r})
}

// topicAt finds the topic with that ARN. The lock is held.
func (s *Server) topicAt(arn string) (*topic, error) {
	if strings.Count(arn, ":") < 5 {
		return nil, invalidParameter("TopicArn Reason: %q is not an ARN", arn)
	}
	if t := s.topics[arn]; t != nil {
		return t, nil
	}
	return nil, notFound("Topic does not exist")
}

// subscriptionsOf lists the subscriptions of a topic, or all if topic is empty, oldest first. The lock is held.
func (s *Server) subscriptionsOf(topic string) []*subscription {
	var all []*subscription
	for _, sub := range s.subscriptions {
		if topic == "" || sub.topic == topic {
			all = append(all, sub)
		}
	}
	slices.SortFunc(all, func(a, b *subscription) int { return a.number - b.number })
	return all
}
