package sns

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A Server is an SNS for one account in one Region. The zero Server is ready and empty. All methods may be called side by
// side. It must not be copied.
type Server struct {
	// Region is part of ARNs; empty is us-east-1.
	Region string
	// AccountID owns the topics and is part of their ARNs; empty is 000000000000.
	AccountID string
	// Deliver puts a message into the queue with that ARN. It is called while a message is published, by the same
	// goroutine, without any lock held. Its error means that this delivery is lost. Nil loses them all.
	Deliver func(queueARN, body string) error

	mu            sync.Mutex // guards the rest
	topics        map[string]*topic
	subscriptions map[string]*subscription
	joined        int // subscriptions so far
}

// A topic belongs to its server's lock.
type topic struct {
	arn        string
	attributes map[string]string
}

// A subscription is of a queue. It belongs to its server's lock.
type subscription struct {
	arn, topic, endpoint string
	owner                string
	raw                  bool
	place                int // among those of the server, oldest first
}

func (s *Server) account() string { return cmp.Or(s.AccountID, "000000000000") }

func (s *Server) prefix() string {
	return "arn:aws:sns:" + cmp.Or(s.Region, "us-east-1") + ":" + s.account() + ":"
}

// maxForm is the longest request body in bytes: 256 KiB in their longest form, three for one, and room for the rest.
const maxForm = 2 << 20

// ServeHTTP answers one request of the query protocol, from its body or its URL.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.PostForm == nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	}
	if err := r.ParseForm(); err != nil {
		fail(w, invalidParameter("The request could not be read: %v", err))
		return
	}
	action := r.Form.Get("Action")
	run, ok := operations[action]
	if !ok {
		fail(w, unknownAction(action))
		return
	}
	result, err := run(s, request{form(r.Form), "http://" + r.Host})
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, action, result)
}

// topicAt finds the topic with that ARN. The caller has the lock.
func (s *Server) topicAt(arn string) (*topic, error) {
	if strings.Count(arn, ":") < 5 {
		return nil, invalidParameter("TopicArn Reason: %q is not an ARN", arn)
	}
	if t := s.topics[arn]; t != nil {
		return t, nil
	}
	return nil, notFound("Topic does not exist")
}

// subscriptionsOf lists the subscriptions of a topic, or all if topic is empty, oldest first. The caller has the lock.
func (s *Server) subscriptionsOf(topic string) []*subscription {
	var all []*subscription
	for _, sub := range s.subscriptions {
		if topic == "" || sub.topic == topic {
			all = append(all, sub)
		}
	}
	slices.SortFunc(all, func(a, b *subscription) int { return a.place - b.place })
	return all
}
