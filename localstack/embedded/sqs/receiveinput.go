package sqs

import (
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type receiveInput struct {
	queueInput
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	ReceiveRequestAttemptId     *string
}

// receiveMessage encodes its response by hand because it is the operation that has to be fast.
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
	want := receive{max: 1, wait: in.WaitTimeSeconds, hidden: in.VisibilityTimeout, attempt: aws.ToString(in.ReceiveRequestAttemptId)}
	if in.MaxNumberOfMessages != nil {
		want.max = *in.MaxNumberOfMessages
	}
	got, err := q.receive(r.Context(), want, s.byARN)
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
		return invalidVisibility(*in.VisibilityTimeout)
	case in.ReceiveRequestAttemptId != nil && !fifo:
		return invalidValue(*in.ReceiveRequestAttemptId, "ReceiveRequestAttemptId", wrongType)
	}
	for _, names := range [][]string{in.MessageSystemAttributeNames, in.AttributeNames} {
		for _, name := range names {
			if !slices.Contains(systemAttributes, name) && !isQueueAttribute(name) {
				return unknownAttribute(name)
			}
		}
	}
	return checkID("ReceiveRequestAttemptId", in.ReceiveRequestAttemptId)
}

func invalidVisibility(n int) error {
	return invalidValue(n, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200.")
}
