package embedded

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLOutput struct{ QueueUrl string }

// createQueue makes a queue, or finds the one that is there when no attribute given differs.
func (s *Server) createQueue(r *http.Request, in createQueueInput) (queueURLOutput, error) {
	fifo := in.Attributes["FifoQueue"] == "true"
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return queueURLOutput{}, err
	}
	set, err := defaultSettings(fifo).with(in.Attributes)
	if err != nil {
		return queueURLOutput{}, err
	}
	arn := s.arn(in.QueueName)
	if err := s.checkRedrive(set, in.Attributes, arn, fifo); err != nil {
		return queueURLOutput{}, err
	}
	fresh := newQueue(in.QueueName, arn, fifo, set)
	maps.Copy(fresh.tags, in.Tags)
	q, err := s.keep(fresh)
	if err != nil {
		return queueURLOutput{}, err
	}
	if name := q.settings().difference(in.Attributes); name != "" {
		return queueURLOutput{}, refuseAs(http.StatusBadRequest, "QueueNameExists", "QueueAlreadyExists",
			"A queue already exists with the same name and a different value for attribute %s", name)
	}
	return queueURLOutput{s.url(r, q)}, nil
}

// keep adds fresh unless there is a queue of its name, which it returns then. AWS: "CreateQueue": after a deletion a
// name is not to be had for 60 seconds.
func (s *Server) keep(fresh *queue) (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[fresh.name]; q != nil {
		return q, nil
	}
	if at, ok := s.deleted[fresh.name]; ok && fresh.created.Sub(at) < time.Minute {
		return nil, refuseOld("QueueDeletedRecently",
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
	bad := stem == "" || len(name) > 80 || strings.ContainsFunc(stem, func(r rune) bool { return !isWordRune(r) })
	switch {
	case fifo && (bad || !suffixed):
		return invalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	case !fifo && (bad || suffixed):
		return invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// checkRedrive looks at the dead-letter queue that change names, if it names one.
func (s *Server) checkRedrive(set settings, change map[string]string, source string, fifo bool) error {
	text, dead := change["RedrivePolicy"], s.queueOf(set.redrive.target)
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

// url is where the caller of r finds q: on the host that it called.
func (s *Server) url(r *http.Request, q *queue) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + "/" + s.account() + "/" + q.name
}

type queueInput struct{ QueueUrl string }

func (s *Server) deleteQueue(_ *http.Request, in queueInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	s.mu.Lock()
	if s.queues[q.name] == q {
		delete(s.queues, q.name)
		s.deleted[q.name] = time.Now()
	}
	s.mu.Unlock()
	q.close()
	return none{}, nil
}

func (s *Server) purgeQueue(_ *http.Request, in queueInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	return none{}, q.purge()
}

type queueURLInput struct{ QueueName, QueueOwnerAWSAccountId string }

func (s *Server) queueURL(r *http.Request, in queueURLInput) (queueURLOutput, error) {
	if in.QueueName == "" {
		return queueURLOutput{}, missingParameter("QueueName")
	}
	q := s.named(in.QueueName)
	if q == nil || in.QueueOwnerAWSAccountId != "" && in.QueueOwnerAWSAccountId != s.account() {
		return queueURLOutput{}, noSuchQueue()
	}
	return queueURLOutput{s.url(r, q)}, nil
}

// A page is what a list operation was asked for.
type page struct {
	MaxResults *int
	NextToken  string
}

// cut returns the queues of the page, in the order of their names, and the token of the next page if there is one.
func (p page) cut(queues []*queue) ([]*queue, string, error) {
	limit := 1000 // AWS: "ListQueues"
	if p.MaxResults != nil {
		limit = *p.MaxResults
	}
	if limit < 1 || limit > 1000 {
		return nil, "", invalidValue(limit, "MaxResults", "Must be between 1 and 1000, if provided.")
	}
	after, err := base64.URLEncoding.DecodeString(p.NextToken)
	if err != nil {
		return nil, "", invalidValue(p.NextToken, "NextToken", "It is not a token of an earlier answer.")
	}
	slices.SortFunc(queues, func(a, b *queue) int { return strings.Compare(a.name, b.name) })
	queues = slices.DeleteFunc(queues, func(q *queue) bool { return q.name <= string(after) })
	if len(queues) <= limit || p.MaxResults == nil {
		return queues[:min(limit, len(queues))], "", nil
	}
	return queues[:limit], base64.URLEncoding.EncodeToString([]byte(queues[limit-1].name)), nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	page
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (s *Server) listQueues(r *http.Request, in listQueuesInput) (out listQueuesOutput, err error) {
	queues := slices.DeleteFunc(s.all(), func(q *queue) bool { return !strings.HasPrefix(q.name, in.QueueNamePrefix) })
	queues, out.NextToken, err = in.cut(queues)
	out.QueueUrls = s.urls(r, queues)
	return out, err
}

func (s *Server) urls(r *http.Request, queues []*queue) []string {
	urls := make([]string, 0, len(queues))
	for _, q := range queues {
		urls = append(urls, s.url(r, q))
	}
	return urls
}

type listSourcesInput struct {
	QueueUrl string
	page
}

type listSourcesOutput struct {
	QueueUrls []string `json:"queueUrls"` // in AWS's spelling
	NextToken string   `json:",omitempty"`
}

func (s *Server) listSources(r *http.Request, in listSourcesInput) (out listSourcesOutput, err error) {
	dead, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return out, err
	}
	queues := slices.DeleteFunc(s.all(), func(q *queue) bool { return q.settings().redrive.target != dead.arn })
	queues, out.NextToken, err = in.cut(queues)
	out.QueueUrls = s.urls(r, queues)
	return out, err
}
