package embedded

import (
	"net/http"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// target is what X-Amz-Target begins with for SQS.
const target = "AmazonSQS."

// sqsAPI is what SQS does here.
var sqsAPI = wire.API[*Server]{Name: "SQS", Target: target, Version: "1.0", Operations: operations, OldNames: true}

type (
	operation = wire.Operation[*Server]
	none      = wire.None
)

var operations = map[string]operation{
	"AddPermission":                unsupported("AddPermission"),
	"CancelMessageMoveTask":        unsupported("CancelMessageMoveTask"),
	"ChangeMessageVisibility":      wire.Call((*Server).changeVisibility),
	"ChangeMessageVisibilityBatch": wire.Call((*Server).changeVisibilityBatch),
	"CreateQueue":                  wire.Call((*Server).createQueue),
	"DeleteMessage":                wire.Call((*Server).deleteMessage),
	"DeleteMessageBatch":           wire.Call((*Server).deleteMessageBatch),
	"DeleteQueue":                  wire.Call((*Server).deleteQueue),
	"GetQueueAttributes":           wire.Call((*Server).queueAttributes),
	"GetQueueUrl":                  wire.Call((*Server).queueURL),
	"ListDeadLetterSourceQueues":   wire.Call((*Server).listSources),
	"ListMessageMoveTasks":         unsupported("ListMessageMoveTasks"),
	"ListQueueTags":                wire.Call((*Server).listTags),
	"ListQueues":                   wire.Call((*Server).listQueues),
	"PurgeQueue":                   wire.Call((*Server).purgeQueue),
	"ReceiveMessage":               receiveMessage,
	"RemovePermission":             unsupported("RemovePermission"),
	"SendMessage":                  wire.Call((*Server).sendMessage),
	"SendMessageBatch":             wire.Call((*Server).sendMessageBatch),
	"SetQueueAttributes":           wire.Call((*Server).setQueueAttributes),
	"StartMessageMoveTask":         unsupported("StartMessageMoveTask"),
	"TagQueue":                     wire.Call((*Server).tagQueue),
	"UntagQueue":                   wire.Call((*Server).untagQueue),
}

// unsupported refuses an operation that AWS has, with the exception that SQS has for it.
func unsupported(name string) operation {
	return func(*Server, *http.Request, []byte) ([]byte, error) {
		return nil, refuseOld("UnsupportedOperation", "%s is not supported by the embedded SQS.", name)
	}
}
