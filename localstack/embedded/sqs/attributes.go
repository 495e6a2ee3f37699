package sqs

import (
	"maps"
	"slices"
)

type getAttributesInput struct {
	queueInput
	AttributeNames []string
}

type getAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func (q *queue) getAttributes(in getAttributesInput) (out getAttributesOutput, err error) {
	for _, name := range in.AttributeNames {
		if name != "All" && !isQueueAttribute(name) {
			return out, unknownAttribute(name)
		}
	}
	out.Attributes = q.attributes()
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(out.Attributes, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return out, nil
}

type setAttributesInput struct {
	queueInput
	Attributes map[string]string
}

func (s *Server) setAttributes(in setAttributesInput) error {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return err
	}
	if len(in.Attributes) == 0 {
		return missingParameter("Attributes")
	}
	for { // until nobody else has set attributes in between
		set, err := q.settings().with(in.Attributes)
		if err != nil {
			return err
		}
		if err := s.checkRedrive(set, in.Attributes, q.arn, q.fifo); err != nil {
			return err
		}
		if q.change(set) {
			return nil
		}
	}
}

const maxTags = 50 // AWS: "Amazon SQS queue quotas"

type addTagsInput struct {
	queueInput
	Tags map[string]string
}

func (q *queue) addTags(in addTagsInput) error {
	if len(in.Tags) == 0 {
		return missingParameter("Tags")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	tags := maps.Clone(q.tags)
	maps.Copy(tags, in.Tags)
	if len(tags) > maxTags {
		return invalidParameter("Too many tags added for queue %s.", q.name)
	}
	q.tags = tags
	return nil
}

type removeTagsInput struct {
	queueInput
	TagKeys []string
}

func (q *queue) removeTags(in removeTagsInput) error {
	if len(in.TagKeys) == 0 {
		return missingParameter("TagKeys")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tags = maps.Clone(q.tags) // a response may still be encoding the old map
	maps.DeleteFunc(q.tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	return nil
}

type listTagsOutput struct {
	Tags map[string]string `json:",omitempty"`
}

func (q *queue) listTags(queueInput) (listTagsOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return listTagsOutput{q.tags}, nil
}
