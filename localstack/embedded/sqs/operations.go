package sqs

import (
	"net/http"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

type operation = wire.Operation[*Server]

var api = wire.API[*Server]{
	Name: "SQS", Target: "AmazonSQS.", Version: "1.0", QueryErrors: true,
	Operations: map[string]operation{
		"AddPermission":                unsupported("AddPermission"),
		"CancelMessageMoveTask":        unsupported("CancelMessageMoveTask"),
		"ChangeMessageVisibility":      doOnQueue((*queue).changeVisibility),
		"ChangeMessageVisibilityBatch": onQueue((*queue).changeVisibilityBatch),
		"CreateQueue":                  wire.CallRequest((*Server).createQueue),
		"DeleteMessage":                doOnQueue((*queue).deleteMessage),
		"DeleteMessageBatch":           onQueue((*queue).deleteMessageBatch),
		"DeleteQueue":                  wire.Do((*Server).deleteQueue),
		"GetQueueAttributes":           onQueue((*queue).getAttributes),
		"GetQueueUrl":                  wire.CallRequest((*Server).getQueueURL),
		"ListDeadLetterSourceQueues":   wire.CallRequest((*Server).listSources),
		"ListMessageMoveTasks":         unsupported("ListMessageMoveTasks"),
		"ListQueueTags":                onQueue((*queue).listTags),
		"ListQueues":                   wire.CallRequest((*Server).listQueues),
		"PurgeQueue":                   doOnQueue((*queue).purge),
		"ReceiveMessage":               receiveMessage,
		"RemovePermission":             unsupported("RemovePermission"),
		"SendMessage":                  onQueueTraced((*queue).sendMessage),
		"SendMessageBatch":             onQueueTraced((*queue).sendMessageBatch),
		"SetQueueAttributes":           wire.Do((*Server).setAttributes),
		"StartMessageMoveTask":         unsupported("StartMessageMoveTask"),
		"TagQueue":                     doOnQueue((*queue).addTags),
		"UntagQueue":                   doOnQueue((*queue).removeTags),
	},
}

// queueInput is the part of a request that names a queue.
type queueInput struct{ QueueUrl string }

func (in queueInput) queueURL() string { return in.QueueUrl }

// onQueue returns an operation on the queue that its input names.
func onQueue[In interface{ queueURL() string }, Out any](perform func(q *queue, in In) (Out, error)) operation {
	return onQueueTraced(func(q *queue, in In, _ string) (Out, error) { return perform(q, in) })
}

// onQueueTraced is onQueue for an operation that takes the request's trace header.
func onQueueTraced[In interface{ queueURL() string }, Out any](perform func(q *queue, in In, trace string) (Out, error)) operation {
	return wire.CallRequest(func(s *Server, r *http.Request, in In) (out Out, err error) {
		q, err := s.queueAt(in.queueURL())
		if err != nil {
			return out, err
		}
		return perform(q, in, relay.TraceOf(r))
	})
}

// doOnQueue is onQueue for an operation whose response is empty.
func doOnQueue[In interface{ queueURL() string }](perform func(q *queue, in In) error) operation {
	return onQueue(func(q *queue, in In) (wire.Empty, error) { return wire.Empty{}, perform(q, in) })
}

// unsupported refuses an operation that AWS has, with SQS's own exception for it.
func unsupported(name string) operation {
	return func(*Server, *http.Request, []byte) ([]byte, error) {
		return nil, prefixedErrorf("UnsupportedOperation", "%s is not supported by the embedded SQS.", name)
	}
}
