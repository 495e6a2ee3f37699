package embedded

import (
	"net/http"
	"slices"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type receiveInput struct {
	QueueUrl                    string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	ReceiveRequestAttemptId     *string
}

// receiveMessage is an operation by itself because its answer is encoded by hand: it is the one that has to be fast.
func receiveMessage(s *Server, r *http.Request, body []byte) ([]byte, error) {
	var in receiveInput
	if err := wire.Decode(body, &in); err != nil {
		return nil, err
	}
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := in.check(q.fifo); err != nil {
		return nil, err
	}
	want := receive{max: 1, wait: in.WaitTimeSeconds, hidden: in.VisibilityTimeout, attempt: value(in.ReceiveRequestAttemptId)}
	if in.MaxNumberOfMessages != nil {
		want.max = *in.MaxNumberOfMessages
	}
	got, err := q.receive(r.Context(), want, s.queueOf)
	if err != nil {
		return nil, err
	}
	shape := view{
		system:     append(in.MessageSystemAttributeNames, in.AttributeNames...),
		attributes: newAttributeFilter(in.MessageAttributeNames),
	}
	return shape.append(nil, got), nil
}

func (in receiveInput) check(fifo bool) error {
	switch n := in.MaxNumberOfMessages; {
	case n != nil && (*n < 1 || *n > 10):
		return invalidValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	case in.WaitTimeSeconds != nil && (*in.WaitTimeSeconds < 0 || *in.WaitTimeSeconds > 20):
		return invalidValue(*in.WaitTimeSeconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	case in.VisibilityTimeout != nil && (*in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200):
		return badVisibility(*in.VisibilityTimeout)
	case in.ReceiveRequestAttemptId != nil && !fifo:
		return invalidValue(*in.ReceiveRequestAttemptId, "ReceiveRequestAttemptId", wrongType)
	}
	for _, name := range slices.Concat(in.MessageSystemAttributeNames, in.AttributeNames) {
		if !slices.Contains(systemAttributes, name) && !isQueueAttribute(name) {
			return unknownAttribute(name)
		}
	}
	return checkID("ReceiveRequestAttemptId", in.ReceiveRequestAttemptId)
}

func badVisibility(n int) error {
	return invalidValue(n, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200.")
}

type deleteInput struct{ QueueUrl, ReceiptHandle string }

func (s *Server) deleteMessage(_ *http.Request, in deleteInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	if in.ReceiptHandle == "" {
		return none{}, missingParameter("ReceiptHandle")
	}
	return none{}, q.delete(in.ReceiptHandle)
}

type visibilityInput struct {
	QueueUrl string
	visibilityEntry
}

func (s *Server) changeVisibility(_ *http.Request, in visibilityInput) (none, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return none{}, err
	}
	return none{}, q.setVisibility(in.visibilityEntry)
}

func (q *queue) setVisibility(e visibilityEntry) error {
	switch n := e.VisibilityTimeout; {
	case e.ReceiptHandle == "":
		return missingParameter("ReceiptHandle")
	case n == nil:
		return missingParameter("VisibilityTimeout")
	case *n < 0 || *n > 43200:
		return badVisibility(*n)
	}
	return q.hideFor(e.ReceiptHandle, *e.VisibilityTimeout)
}
