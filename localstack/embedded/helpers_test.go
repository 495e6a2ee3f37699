package embedded

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// An account is an SDK client with the few calls that tests make, failing the test when SQS refuses.
type account struct {
	*sqs.Client
	t      testing.TB
	suffix string   // of the names of queues
	made   []string // URLs
}

func clientOf(http aws.HTTPClient, endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(endpoint),
		HTTPClient:       http,
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// inBubble runs test with a server of its own and virtual time.
func inBubble(t *testing.T, test func(a *account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&account{Client: clientOf(new(Server).Client(), "http://embedded"), t: t})
	})
}

func (a *account) create(name string, attributes ...string) string {
	a.t.Helper()
	name += a.suffix
	if _, fifo := pairs(attributes)["FifoQueue"]; fifo {
		name += ".fifo"
	}
	out, err := a.CreateQueue(a.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: pairs(attributes)})
	if err != nil {
		a.t.Fatalf("create %s: %v", name, err)
	}
	a.made = append(a.made, *out.QueueUrl)
	return *out.QueueUrl
}

func (a *account) createFIFO(name string, attributes ...string) string {
	a.t.Helper()
	return a.create(name, append([]string{"FifoQueue", "true"}, attributes...)...)
}

func (a *account) set(url string, attributes ...string) {
	a.t.Helper()
	if _, err := a.SetQueueAttributes(a.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: pairs(attributes)}); err != nil {
		a.t.Fatalf("set %v: %v", attributes, err)
	}
}

func pairs(texts []string) map[string]string {
	m := make(map[string]string)
	for pair := range slices.Chunk(texts, 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

func (a *account) send(url, body string) *sqs.SendMessageOutput {
	a.t.Helper()
	return a.post(sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
}

// sendTo sends to a group, with the body as deduplication ID.
func (a *account) sendTo(url, group, body string) *sqs.SendMessageOutput {
	a.t.Helper()
	return a.post(sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &body})
}

func (a *account) post(in sqs.SendMessageInput) *sqs.SendMessageOutput {
	a.t.Helper()
	out, err := a.SendMessage(a.t.Context(), &in)
	if err != nil {
		a.t.Fatalf("send %s: %v", aws.ToString(in.MessageBody), err)
	}
	return out
}

// receive asks for everything there is to know about up to limit messages.
func (a *account) receive(url string, limit, wait int32) []types.Message {
	a.t.Helper()
	return a.fetch(sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: limit, WaitTimeSeconds: wait})
}

func (a *account) fetch(in sqs.ReceiveMessageInput) []types.Message {
	a.t.Helper()
	in.MessageAttributeNames = []string{"All"}
	in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"All"}
	out, err := a.ReceiveMessage(a.t.Context(), &in)
	if err != nil {
		a.t.Fatalf("receive: %v", err)
	}
	return out.Messages
}

func (a *account) delete(url string, m types.Message) {
	a.t.Helper()
	if err := a.tryDelete(url, m); err != nil {
		a.t.Fatalf("delete %s: %v", *m.Body, err)
	}
}

func (a *account) tryDelete(url string, m types.Message) error {
	_, err := a.DeleteMessage(a.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (a *account) hide(url string, m types.Message, seconds int32) {
	a.t.Helper()
	if err := a.tryHide(url, m, seconds); err != nil {
		a.t.Fatalf("change visibility of %s: %v", *m.Body, err)
	}
}

func (a *account) tryHide(url string, m types.Message, seconds int32) error {
	_, err := a.ChangeMessageVisibility(a.t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds,
	})
	return err
}

func (a *account) attributes(url string) map[string]string {
	a.t.Helper()
	out, err := a.GetQueueAttributes(a.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return out.Attributes
}

// counts are the visible, delayed and invisible messages.
func (a *account) counts(url string) [3]string {
	a.t.Helper()
	all := a.attributes(url)
	return [3]string{all["ApproximateNumberOfMessages"], all["ApproximateNumberOfMessagesDelayed"], all["ApproximateNumberOfMessagesNotVisible"]}
}

// deadLetters makes a queue the dead-letter queue of another.
func (a *account) deadLetters(url, dead string, max string) {
	a.t.Helper()
	a.set(url, "RedrivePolicy", `{"deadLetterTargetArn":"`+a.attributes(dead)["QueueArn"]+`","maxReceiveCount":`+max+`}`)
}

func bodies(messages []types.Message) []string {
	texts := []string{}
	for _, m := range messages {
		texts = append(texts, *m.Body)
	}
	return texts
}

func (a *account) wantBodies(what string, messages []types.Message, want ...string) {
	a.t.Helper()
	if got := bodies(messages); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		a.t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func (a *account) wantAfter(what string, start time.Time, want time.Duration) {
	a.t.Helper()
	if got := time.Since(start); got != want {
		a.t.Errorf("%s after %v, want %v", what, got, want)
	}
}

// codeOf is the error's code as the SDK reports it: the name in the query protocol.
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}
