package sqs

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the SQS of one account in one Region. The zero Server is ready and empty. Its methods may be called
// concurrently. It must not be copied.
type Server struct {
	// Account owns the queues and is part of their URLs and ARNs. It may not change after the first request.
	Account wire.Account

	mu      sync.RWMutex // guards the rest; no queue is locked under it
	queues  map[string]*queue
	deleted map[string]time.Time // when a queue of this name was deleted
}

// ServeHTTP answers one request whose X-Amz-Target begins with AmazonSQS. A long poll blocks until there is a message, its
// time is up or the request's context ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { api.Serve(s, w, r) }

// Len returns the number of queues.
func (s *Server) Len() int { return len(s.all()) }

// queueAt finds a queue by its QueueUrl, whose host does not matter.
func (s *Server) queueAt(url string) (*queue, error) {
	if url == "" {
		return nil, missingParameter("QueueUrl")
	}
	rest, name := cutLast(strings.TrimRight(url, "/"))
	_, account := cutLast(rest)
	if rest == "" {
		return nil, errorWithCode(http.StatusNotFound, "InvalidAddress", "InvalidAddress", "The address %s is not valid for this endpoint.", url)
	}
	if q := s.named(name); q != nil && account == s.Account.OrDefault().ID {
		return q, nil
	}
	return nil, noSuchQueue()
}

// cutLast splits a path before its last element.
func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// named returns the queue of that name, or nil.
func (s *Server) named(name string) *queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.queues[name]
}

// byARN returns the queue with that ARN, or nil.
func (s *Server) byARN(arn string) *queue {
	if q := s.named(arn[strings.LastIndexByte(arn, ':')+1:]); q != nil && q.arn == arn {
		return q
	}
	return nil
}

// all returns the queues in the order of their names.
func (s *Server) all() []*queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	queues := slices.Collect(maps.Values(s.queues))
	slices.SortFunc(queues, func(a, b *queue) int { return strings.Compare(a.name, b.name) })
	return queues
}
