package rig

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// AsyncServices are the services that destinations of asynchronous events are on.
var AsyncServices = []Service{StandIn, LocalStack}

// Send invokes a function asynchronously, checks that the answer is Lambda's, and returns the request ID.
func (e *Engine) Send(function, event string) (id string) {
	e.Helper()
	status, body, header, err := e.TrySend(function, event, "")
	if err != nil {
		e.Fatal(err)
	}
	id = header.Get("X-Amzn-Requestid")
	if status != http.StatusAccepted || body != "" || !UUID.MatchString(id) {
		e.Fatalf("the event for %s is answered with %d %q, of the request %q", function, status, body, id)
	}
	for name := range header {
		if strings.HasPrefix(name, "X-Amz-") {
			e.Errorf("the answer to an event has the header %s: %q", name, header[name])
		}
	}
	return id
}

// TrySend invokes a function asynchronously with a request ID, which may be empty, and returns the answer as it is.
func (e *Engine) TrySend(function, event, id string) (status int, body string, header http.Header, err error) {
	with := []string{"X-Amz-Invocation-Type", "Event"}
	if id != "" {
		with = append(with, "X-Amzn-RequestId", id)
	}
	return e.Do(http.MethodPost, "/2015-03-31/functions/"+function+"/invocations", event, with...)
}

// Do sends a request without any client. With are names and values of headers.
func (e *Engine) Do(method, path, request string, with ...string) (status int, body string, header http.Header, err error) {
	req, err := http.NewRequestWithContext(e.Context(), method, e.URL(path), strings.NewReader(request))
	if err != nil {
		return 0, "", nil, err
	}
	for i := 0; i+1 < len(with); i += 2 {
		req.Header.Set(with[i], with[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header, err
}

// TakeMessage waits for the one message of the queue, and takes it out with all its attributes.
func (q *Queue) TakeMessage() (got types.Message) {
	q.Helper()
	Eventually(q.TB, q.name+" has a message", func() bool {
		out, err := q.SQS.ReceiveMessage(q.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &q.URL, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		q.Must(err)
		for _, got = range out.Messages {
			_, err := q.SQS.DeleteMessage(q.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: got.ReceiptHandle})
			q.Must(err)
		}
		if len(out.Messages) > 1 {
			q.Errorf("%s has %d messages, want one", q.name, len(out.Messages))
		}
		return len(out.Messages) > 0
	})
	if more := q.Count(); more > 0 {
		q.Errorf("%s has %d messages more", q.name, more)
	}
	return got
}

// TakeRecord waits for the one message of the queue, and checks that it is nothing but a record: it has no attributes but
// the trace header.
func (q *Queue) TakeRecord() (body string) {
	q.Helper()
	got := q.TakeMessage()
	if trace := got.Attributes["AWSTraceHeader"]; !strings.HasPrefix(trace, "Root=1-") || len(got.MessageAttributes) > 0 {
		q.Errorf("the record %s has the trace %q and the attributes %v", *got.Body, trace, got.MessageAttributes)
	}
	return *got.Body
}

// EventInvokeConfig is the function's key for how its asynchronous events are tried again, by further keys, and where they
// end. Destinations may be empty.
func EventInvokeConfig(onSuccess, onFailure string, keys ...string) string {
	to := fmt.Sprintf("DestinationConfig: {OnSuccess: {Destination: %q}, OnFailure: {Destination: %q}}", onSuccess, onFailure)
	return "EventInvokeConfig: {" + strings.Join(append(keys, to), ", ") + "}"
}

// DeadLetters is the function's key for its dead-letter queue or topic.
func DeadLetters(arn string) string { return fmt.Sprintf("DeadLetterConfig: {TargetArn: %q}", arn) }
