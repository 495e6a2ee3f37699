package sqs

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLOutput struct{ QueueUrl string }

// createQueue creates a queue, or finds an existing one whose attributes do not differ from those given.
func (s *Server) createQueue(r *http.Request, in createQueueInput) (out queueURLOutput, err error) {
	fifo := in.Attributes["FifoQueue"] == "true"
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return out, err
	}
	set, err := defaultSettings(fifo).with(in.Attributes)
	if err != nil {
		return out, err
	}
	arn := s.Account.ARN("sqs", in.QueueName)
	if err := s.checkRedrive(set, in.Attributes, arn, fifo); err != nil {
		return out, err
	}
	fresh := newQueue(in.QueueName, arn, fifo, set)
	maps.Copy(fresh.tags, in.Tags)
	q, err := s.add(fresh)
	if err != nil {
		return out, err
	}
	if name := q.settings().difference(in.Attributes); name != "" {
		return out, errorWithCode(http.StatusBadRequest, "QueueNameExists", "QueueAlreadyExists",
			"A queue already exists with the same name and a different value for attribute %s", name)
	}
	return queueURLOutput{s.url(r, q)}, nil
}

// add adds a queue, unless there is one of its name, which it then returns. AWS: "CreateQueue": a name cannot be used again
// for 60 seconds after a deletion.
func (s *Server) add(fresh *queue) (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[fresh.name]; q != nil {
		return q, nil
	}
	if at, ok := s.deleted[fresh.name]; ok && fresh.created.Sub(at) < time.Minute {
		return nil, prefixedErrorf("QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	delete(s.deleted, fresh.name)
	if s.queues == nil {
		s.queues, s.deleted = make(map[string]*queue), make(map[string]time.Time)
	}
	s.queues[fresh.name] = fresh
	return fresh, nil
}

func checkQueueName(name string, fifo bool) error {
	if name == "" {
		return missingParameter("QueueName")
	}
	stem, suffixed := strings.CutSuffix(name, ".fifo")
	bad := stem == "" || len(name) > 80 || strings.ContainsFunc(stem, isNoWordRune)
	switch {
	case fifo && (bad || !suffixed):
		return invalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	case !fifo && (bad || suffixed):
		return invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// isNoWordRune reports whether r may not be in a queue's name or a batch entry's ID.
func isNoWordRune(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

// checkRedrive checks the dead-letter queue if change sets one.
func (s *Server) checkRedrive(set settings, change map[string]string, source string, fifo bool) error {
	text, dead := change["RedrivePolicy"], s.byARN(set.redrive.target)
	switch {
	case text == "":
		return nil
	case dead == nil:
		return invalidValue(text, "RedrivePolicy", "Dead letter target does not exist.")
	case dead.fifo != fifo:
		return invalidValue(text, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
	case !dead.settings().allow.allows(source):
		return invalidValue(text, "RedrivePolicy", "The redrive allow policy of the dead-letter queue does not allow this source queue.")
	}
	return nil
}

// url returns the URL of q on the host that the caller of r used.
func (s *Server) url(r *http.Request, q *queue) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + "/" + s.Account.OrDefault().ID + "/" + q.name
}

func (s *Server) deleteQueue(in queueInput) error {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.queues[q.name] == q {
		delete(s.queues, q.name)
		s.deleted[q.name] = time.Now()
	}
	s.mu.Unlock()
	q.close()
	return nil
}

type getQueueURLInput struct{ QueueName, QueueOwnerAWSAccountId string }

func (s *Server) getQueueURL(r *http.Request, in getQueueURLInput) (out queueURLOutput, err error) {
	if in.QueueName == "" {
		return out, missingParameter("QueueName")
	}
	q := s.named(in.QueueName)
	if q == nil || in.QueueOwnerAWSAccountId != "" && in.QueueOwnerAWSAccountId != s.Account.OrDefault().ID {
		return out, noSuchQueue()
	}
	return queueURLOutput{s.url(r, q)}, nil
}

// A pageInput says which page of a list to return.
type pageInput struct {
	MaxResults *int
	NextToken  string
}

// page returns the URLs of one page of queues, and the token of the next page if the caller asked for pages.
func (s *Server) page(r *http.Request, queues []*queue, in pageInput) (urls []string, token string, err error) {
	limit := 1000 // AWS: "ListQueues"
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > 1000 {
		return nil, "", invalidValue(limit, "MaxResults", "Must be between 1 and 1000, if provided.")
	}
	after, err := base64.URLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, "", invalidValue(in.NextToken, "NextToken", "It is not a token of an earlier answer.")
	}
	queues, last := wire.Page(queues, string(after), limit, func(q *queue) string { return q.name })
	urls = make([]string, 0, len(queues))
	for _, q := range queues {
		urls = append(urls, s.url(r, q))
	}
	if in.MaxResults != nil {
		token = base64.URLEncoding.EncodeToString([]byte(last))
	}
	return urls, token, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	pageInput
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (s *Server) listQueues(r *http.Request, in listQueuesInput) (out listQueuesOutput, err error) {
	queues := slices.DeleteFunc(s.all(), func(q *queue) bool { return !strings.HasPrefix(q.name, in.QueueNamePrefix) })
	out.QueueUrls, out.NextToken, err = s.page(r, queues, in.pageInput)
	return out, err
}

type listSourcesInput struct {
	queueInput
	pageInput
}

type listSourcesOutput struct {
	QueueUrls []string `json:"queueUrls"` // AWS spells it so
	NextToken string   `json:",omitempty"`
}

func (s *Server) listSources(r *http.Request, in listSourcesInput) (out listSourcesOutput, err error) {
	dead, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return out, err
	}
	queues := slices.DeleteFunc(s.all(), func(q *queue) bool { return q.settings().redrive.target != dead.arn })
	out.QueueUrls, out.NextToken, err = s.page(r, queues, in.pageInput)
	return out, err
}
