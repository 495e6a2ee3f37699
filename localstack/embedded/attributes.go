package embedded

import (
	"maps"
	"net/http"
	"slices"
)

type queueAttributesInput struct {
	QueueUrl       string
	AttributeNames []string
}

type queueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func (s *Server) queueAttributes(_ *http.Request, in queueAttributesInput) (queueAttributesOutput, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return queueAttributesOutput{}, err
	}
	for _, name := range in.AttributeNames {
		if name != "All" && !isQueueAttribute(name) {
			return queueAttributesOutput{}, unknownAttribute(name)
		}
	}
	attributes := q.attributes()
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(attributes, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return queueAttributesOutput{attributes}, nil
}

// isQueueAttribute tells whether AWS knows a queue attribute of that name, for whichever type of queue.
func isQueueAttribute(name string) bool {
	_, number := numbers[name]
	_, standard := standardDefaults[name]
	_, fifo := fifoDefaults[name]
	return number || standard || fifo || mayBeEmpty(name) || slices.Contains(shown, name)
}

type setQueueAttributesInput struct {
	QueueUrl   string
	Attributes map[string]string
}

func (s *Server) setQueueAttributes(_ *http.Request, in setQueueAttributesInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	if len(in.Attributes) == 0 {
		return none{}, missingParameter("Attributes")
	}
	for {
		set, err := q.settings().with(in.Attributes)
		if err != nil {
			return none{}, err
		}
		if err := s.checkRedrive(set, in.Attributes, q.arn, q.fifo); err != nil {
			return none{}, err
		}
		if q.change(set) {
			return none{}, nil
		}
	}
}

const maxTags = 50 // AWS: "Amazon SQS queue quotas"

type tagQueueInput struct {
	QueueUrl string
	Tags     map[string]string
}

func (s *Server) tagQueue(_ *http.Request, in tagQueueInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	if len(in.Tags) == 0 {
		return none{}, missingParameter("Tags")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	tags := maps.Clone(q.tags)
	maps.Copy(tags, in.Tags)
	if len(tags) > maxTags {
		return none{}, invalidParameter("Too many tags added for queue %s.", q.name)
	}
	q.tags = tags
	return none{}, nil
}

type untagQueueInput struct {
	QueueUrl string
	TagKeys  []string
}

func (s *Server) untagQueue(_ *http.Request, in untagQueueInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	if len(in.TagKeys) == 0 {
		return none{}, missingParameter("TagKeys")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tags = maps.Clone(q.tags) // whoever lists them may be reading the old ones
	for _, key := range in.TagKeys {
		delete(q.tags, key)
	}
	return none{}, nil
}

type tagsOutput struct {
	Tags map[string]string `json:",omitempty"`
}

func (s *Server) listTags(_ *http.Request, in queueInput) (tagsOutput, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return tagsOutput{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return tagsOutput{q.tags}, nil
}
