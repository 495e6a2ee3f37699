package embedded

import (
	"encoding/json"
	"errors"
	"net/http"
)

// An operation decodes a request, performs it and encodes the answer.
type operation func(s *Server, r *http.Request, body []byte) ([]byte, error)

var operations = map[string]operation{
	"ChangeMessageVisibility":      call((*Server).changeVisibility),
	"ChangeMessageVisibilityBatch": call((*Server).changeVisibilityBatch),
	"CreateQueue":                  call((*Server).createQueue),
	"DeleteMessage":                call((*Server).deleteMessage),
	"DeleteMessageBatch":           call((*Server).deleteMessageBatch),
	"DeleteQueue":                  call((*Server).deleteQueue),
	"GetQueueAttributes":           call((*Server).queueAttributes),
	"GetQueueUrl":                  call((*Server).queueURL),
	"ListDeadLetterSourceQueues":   call((*Server).listSources),
	"ListQueueTags":                call((*Server).listTags),
	"ListQueues":                   call((*Server).listQueues),
	"PurgeQueue":                   call((*Server).purgeQueue),
	"ReceiveMessage":               receiveMessage,
	"SendMessage":                  call((*Server).sendMessage),
	"SendMessageBatch":             call((*Server).sendMessageBatch),
	"SetQueueAttributes":           call((*Server).setQueueAttributes),
	"TagQueue":                     call((*Server).tagQueue),
	"UntagQueue":                   call((*Server).untagQueue),
}

var unsupported = map[string]bool{
	"AddPermission":         true,
	"CancelMessageMoveTask": true,
	"ListMessageMoveTasks":  true,
	"RemovePermission":      true,
	"StartMessageMoveTask":  true,
}

// none is the answer of operations that only succeed.
type none struct{}

func call[In, Out any](perform func(*Server, *http.Request, In) (Out, error)) operation {
	return func(s *Server, r *http.Request, body []byte) ([]byte, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		out, err := perform(s, r, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// decode reads a request. Unknown members are ignored, as AWS does.
func decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, in)
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return unreadable("%s: %s can not be converted to %s.", mistyped.Field, mistyped.Value, mistyped.Type)
	}
	if err != nil {
		return unreadable("The request is not JSON: %v.", err)
	}
	return nil
}
