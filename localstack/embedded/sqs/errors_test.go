package sqs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// post sends one request and returns the response and its decoded body.
func post(t testing.TB, s *Server, operation, body string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://host:1/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", api.Target+operation)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var decoded map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &decoded); err != nil {
		t.Fatalf("%s %s: the answer %q is not JSON: %v", operation, body, w.Body, err)
	}
	return w, decoded
}

func mustPost(t testing.TB, s *Server, operation, body string) map[string]any {
	t.Helper()
	w, decoded := post(t, s, operation, body)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %v", operation, body, w.Code, decoded)
	}
	return decoded
}

const queueURL = `"QueueUrl":"http://host:1/000000000000/q"`
const fifoURL = `"QueueUrl":"http://host:1/000000000000/q.fifo"`

func TestErrors(t *testing.T) {
	s := new(Server)
	mustPost(t, s, "CreateQueue", `{"QueueName":"q","Attributes":{"MaximumMessageSize":"1024"}}`)
	mustPost(t, s, "CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"}}`)
	mustPost(t, s, "CreateQueue", `{"QueueName":"closed","Attributes":{"RedriveAllowPolicy":"{\"redrivePermission\":\"denyAll\"}"}}`)
	handle := string(receipt{queue: s.named("q").mark, message: 1}.append(nil))

	for _, test := range []struct {
		name, operation, body string
		status                int
		typ, code, text       string // type without namespace; text is a part of the message
	}{
		{"no such queue", "SendMessage", `{"QueueUrl":"http://x/000000000000/none","MessageBody":"x"}`, 400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."},
		{"no URL", "SendMessage", `{"MessageBody":"x"}`, 400, "MissingRequiredParameterException", "MissingParameter", "QueueUrl"},
		{"name for URL", "SendMessage", `{"QueueUrl":"q","MessageBody":"x"}`, 404, "InvalidAddress", "InvalidAddress", "The address q is not valid"},
		{"unsupported", "StartMessageMoveTask", `{}`, 400, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "StartMessageMoveTask is not supported"},

		{"queue name", "CreateQueue", `{"QueueName":"a/b"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Can only include alphanumeric characters"},
		{"suffix without FifoQueue", "CreateQueue", `{"QueueName":"a.fifo"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Can only include"},
		{"FifoQueue without suffix", "CreateQueue", `{"QueueName":"a","Attributes":{"FifoQueue":"true"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "must end with .fifo"},
		{"different attribute", "CreateQueue", `{"QueueName":"q","Attributes":{"MaximumMessageSize":"2048"}}`, 400, "QueueNameExists", "QueueAlreadyExists", "different value for attribute MaximumMessageSize"},
		{"attribute value", "CreateQueue", `{"QueueName":"a","Attributes":{"VisibilityTimeout":"43201"}}`, 400, "InvalidAttributeValue", "InvalidAttributeValue", "VisibilityTimeout"},
		{"to FIFO", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"FifoQueue":"true"}}`, 400, "InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{"to standard", "SetQueueAttributes", `{` + fifoURL + `,"Attributes":{"FifoQueue":"false"}}`, 400, "InvalidAttributeValue", "InvalidAttributeValue", "Modifying queue type is not supported."},

		{"redrive to no ARN", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"dummy\",\"maxReceiveCount\":42}"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Invalid value for deadLetterTargetArn."},
		{"redrive count", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:closed\",\"maxReceiveCount\":0}"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "maxReceiveCount"},
		{"redrive to nowhere", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:none\",\"maxReceiveCount\":1}"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "does not exist"},
		{"redrive to other type", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q.fifo\",\"maxReceiveCount\":\"1\"}"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "same type"},
		{"redrive denied", "SetQueueAttributes", `{` + queueURL + `,"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:closed\",\"maxReceiveCount\":1}"}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "redrive allow policy"},

		{"empty body", "SendMessage", `{` + queueURL + `,"MessageBody":""}`, 400, "MissingRequiredParameterException", "MissingParameter", "MessageBody"},
		{"characters", "SendMessage", `{` + queueURL + `,"MessageBody":"a\u0001"}`, 400, "InvalidMessageContents", "InvalidMessageContents", "Invalid characters found"},
		{"too long", "SendMessage", `{` + queueURL + `,"MessageBody":"` + strings.Repeat("a", 1025) + `"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Message must be shorter than 1024 bytes."},
		{"too long with attributes", "SendMessage", `{` + queueURL + `,"MessageBody":"` + strings.Repeat("a", 1015) + `","MessageAttributes":{"a":{"DataType":"String","StringValue":"abc"}}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "shorter than 1024"},
		{"delay", "SendMessage", `{` + queueURL + `,"MessageBody":"x","DelaySeconds":901}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "DelaySeconds"},
		{"FIFO delay", "SendMessage", `{` + fifoURL + `,"MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"1","DelaySeconds":2}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{"no group", "SendMessage", `{` + fifoURL + `,"MessageBody":"x","MessageDeduplicationId":"1"}`, 400, "MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter MessageGroupId."},
		{"group text", "SendMessage", `{` + fifoURL + `,"MessageBody":"x","MessageGroupId":"g h","MessageDeduplicationId":"1"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "1 to 128 in length"},
		{"deduplication on standard", "SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageDeduplicationId":"1"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "not valid for this queue type"},
		{"empty attribute", "SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageAttributes":{"ErrorDetails":{"DataType":"String","StringValue":""}}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."},
		{"attribute name", "SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageAttributes":{"aws.a":{"DataType":"String","StringValue":"b"}}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "reserved"},
		{"attribute number", "SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"Number","StringValue":"b"}}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "to a number"},
		{"system attribute", "SendMessage", `{` + queueURL + `,"MessageBody":"x","MessageSystemAttributes":{"a":{"DataType":"String","StringValue":"b"}}}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "'a'"},

		{"max 11", "ReceiveMessage", `{` + queueURL + `,"MaxNumberOfMessages":11}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
		{"wait 21", "ReceiveMessage", `{` + queueURL + `,"WaitTimeSeconds":21}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."},
		{"visibility", "ReceiveMessage", `{` + queueURL + `,"VisibilityTimeout":43201}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "43200"},
		{"attempt on standard", "ReceiveMessage", `{` + queueURL + `,"ReceiveRequestAttemptId":"a"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", ""},
		{"unknown system attribute", "ReceiveMessage", `{` + queueURL + `,"MessageSystemAttributeNames":["Colour"]}`, 400, "InvalidAttributeName", "InvalidAttributeName", "Colour"},

		{"handle", "DeleteMessage", `{` + queueURL + `,"ReceiptHandle":"INVALID"}`, 404, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", `The input receipt handle "INVALID" is not a valid receipt handle.`},
		{"handle of no message", "DeleteMessage", `{` + queueURL + `,"ReceiptHandle":"` + handle + `"}`, 404, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", ""},
		{"hide without time", "ChangeMessageVisibility", `{` + queueURL + `,"ReceiptHandle":"x"}`, 400, "MissingRequiredParameterException", "MissingParameter", "VisibilityTimeout"},

		{"empty batch", "SendMessageBatch", `{` + queueURL + `,"Entries":[]}`, 400, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."},
		{"eleven", "DeleteMessageBatch", `{` + queueURL + `,"Entries":[` + strings.Repeat(`{"Id":"a"},`, 10) + `{"Id":"a"}]}`, 400, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."},
		{"same ID", "DeleteMessageBatch", `{` + queueURL + `,"Entries":[{"Id":"a"},{"Id":"a"}]}`, 400, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated."},
		{"bad ID", "ChangeMessageVisibilityBatch", `{` + queueURL + `,"Entries":[{"Id":"invalid:id"}]}`, 400, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", "80 letters"},
		{"batch too long", "SendMessageBatch", `{` + queueURL + `,"Entries":[{"Id":"a","MessageBody":"` + strings.Repeat("a", 1<<20) + `"},{"Id":"b","MessageBody":"b"}]}`, 400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."},
		{"batch without deduplication", "SendMessageBatch", `{` + fifoURL + `,"Entries":[{"Id":"a","MessageBody":"x","MessageGroupId":"g"}]}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "ContentBasedDeduplication"},
		{"page", "ListQueues", `{"MaxResults":1001}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "MaxResults"},
		{"token", "ListQueues", `{"NextToken":"!"}`, 400, "InvalidParameterValueException", "InvalidParameterValue", "NextToken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, decoded := post(t, s, test.operation, test.body)
			typ, _ := decoded["__type"].(string)
			_, typ, _ = strings.Cut(typ, "#")
			text, _ := decoded["message"].(string)
			if w.Code != test.status || typ != test.typ || !strings.Contains(text, test.text) {
				t.Errorf("got %d %s %q, want %d %s %q", w.Code, typ, text, test.status, test.typ, test.text)
			}
			if got, want := w.Header().Get("x-amzn-query-error"), test.code+";Sender"; got != want {
				t.Errorf("got the code %q, want %q", got, want)
			}
		})
	}
}

func TestErrorOnTheWire(t *testing.T) {
	w, _ := post(t, new(Server), "SendMessage", `{"QueueUrl":"http://x/000000000000/none","MessageBody":"x"}`)
	want := `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`
	if got := w.Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := w.Header().Get("Content-Type"), "application/x-amz-json-1.0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
