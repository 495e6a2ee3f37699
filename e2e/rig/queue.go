package rig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A Queue is an SQS queue of a test's own.
type Queue struct {
	*Env
	URL, ARN string
	name     string
}

// Attributes of a queue, such as VisibilityTimeout.
type Attributes = map[string]string

// Queue makes a queue. A name that ends in .fifo makes a FIFO queue.
func (e *Env) Queue(name string, attributes Attributes) *Queue {
	e.Helper()
	name, fifo := strings.CutSuffix(name, ".fifo")
	name += e.Suffix
	if fifo {
		name += ".fifo"
		with := Attributes{"FifoQueue": "true"}
		for key, value := range attributes {
			with[key] = value
		}
		attributes = with
	}
	made, err := e.SQS.CreateQueue(e.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	e.Must(err)
	_, path, _ := strings.Cut(strings.TrimPrefix(*made.QueueUrl, "http://"), "/")
	return &Queue{Env: e, URL: e.Endpoint + "/" + path, ARN: "arn:aws:sqs:us-east-1:000000000000:" + name, name: name}
}

// Name returns the queue's name.
func (q *Queue) Name() string { return q.name }

// Redrive returns the RedrivePolicy that moves messages to this queue after that many receives.
func (q *Queue) Redrive(receives int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, q.ARN, receives)
}

// Send sends messages with these bodies. In a FIFO queue, a body such as "k3/17" is of the group k3, and others are of one
// group.
func (q *Queue) Send(bodies ...string) {
	q.Helper()
	for _, body := range bodies {
		in := sqs.SendMessageInput{MessageBody: &body}
		if strings.HasSuffix(q.name, ".fifo") {
			group, _, keyed := strings.Cut(body, "/")
			if !keyed {
				group = "g"
			}
			in.MessageGroupId, in.MessageDeduplicationId = &group, &body
		}
		q.SendMessage(in)
	}
}

// SendMessage sends a message, and returns its ID.
func (q *Queue) SendMessage(in sqs.SendMessageInput) (id string) {
	q.Helper()
	in.QueueUrl = &q.URL
	sent, err := q.SQS.SendMessage(q.Context(), &in)
	q.Must(err)
	return *sent.MessageId
}

// Count returns how many messages the queue holds, visible or not. It counts twice before it returns 0: LocalStack may leave
// out a message that comes back at this moment.
func (q *Queue) Count() int {
	q.Helper()
	if n := q.count(); n > 0 {
		return n
	}
	return q.count()
}

func (q *Queue) count() (total int) {
	q.Helper()
	got, err := q.SQS.GetQueueAttributes(q.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}})
	q.Must(err)
	for _, value := range got.Attributes {
		var n int
		fmt.Sscan(value, &n)
		total += n
	}
	return total
}

// WaitCount waits until the queue holds n messages, visible or not.
func (q *Queue) WaitCount(n int) {
	q.Helper()
	Eventually(q.TB, fmt.Sprintf("%s holds %d messages", q.name, n), func() bool { return q.Count() == n })
}

// Take takes every message out of the queue, and returns the bodies. A message that is there twice comes twice.
func (q *Queue) Take() (bodies []string) {
	q.Helper()
	for _, m := range q.TakeMessages() {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}

// TakeMessages is like Take, with the messages' attributes.
func (q *Queue) TakeMessages() (all []types.Message) {
	q.Helper()
	for q.Count() > 0 {
		all = append(all, q.receive()...)
	}
	return all
}

// TakeSorted takes n messages or more out of the queue as they come, and returns their bodies sorted.
func (q *Queue) TakeSorted(n int) (bodies []string) {
	q.Helper()
	Eventually(q.TB, fmt.Sprintf("%s has had %d messages", q.name, n), func() bool {
		bodies = append(bodies, q.Take()...)
		return len(bodies) >= n
	})
	slices.Sort(bodies)
	return bodies
}

func (q *Queue) receive() []types.Message {
	q.Helper()
	got, err := q.SQS.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
	})
	q.Must(err)
	for _, m := range got.Messages {
		if _, err := q.SQS.DeleteMessage(q.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
			q.Fatal(err)
		}
	}
	return got.Messages
}
