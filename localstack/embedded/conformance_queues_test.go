package embedded

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func queueAttributes(a *account) {
	q := a.create("q", "VisibilityTimeout", "20", "MessageRetentionPeriod", "604800")
	a.set(q, "DelaySeconds", "420", "MaximumMessageSize", "2048")
	all := a.attributes(q)
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
		"DelaySeconds": "420", "MaximumMessageSize": "2048", "MessageRetentionPeriod": "604800",
		"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "20",
		"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q" + a.suffix,
	} {
		if got := all[name]; got != want {
			a.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(all) != 12 || len(all["CreatedTimestamp"]) < 9 || len(all["LastModifiedTimestamp"]) < 9 {
		a.t.Errorf("got %d attributes: %v", len(all), all)
	}
	fifo := a.attributes(a.createFIFO("q"))
	for name, want := range map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"} {
		if got := fifo[name]; got != want {
			a.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	out, err := a.GetQueueAttributes(a.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q, AttributeNames: []types.QueueAttributeName{"QueueArn", "Policy"}})
	if err != nil || len(out.Attributes) != 1 {
		a.t.Errorf("named attributes: got %v, %v", out, err)
	}
}

func creatingTwice(a *account) {
	q := a.create("q", "DelaySeconds", "1")
	if again := a.create("q"); again != q {
		a.t.Errorf("got %s, want %s", again, q)
	}
	a.create("q", "DelaySeconds", "1")
	_, err := a.CreateQueue(a.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q" + a.suffix), Attributes: map[string]string{"DelaySeconds": "2"}})
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		a.t.Errorf("got %v, want QueueNameExists", err)
	}
	out, err := a.GetQueueUrl(a.t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q" + a.suffix)})
	if err != nil || *out.QueueUrl != q {
		a.t.Errorf("GetQueueUrl: got %v, %v", out, err)
	}
}

func listing(a *account) {
	prefix := "list" + a.suffix
	want := []string{a.create("list" + a.suffix + "-1"), a.create("list" + a.suffix + "-2"), a.create("list" + a.suffix + "-3")}
	var got []string
	var pages int
	in := &sqs.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: aws.Int32(2)}
	for p := sqs.NewListQueuesPaginator(a.Client, in); p.HasMorePages(); pages++ {
		out, err := p.NextPage(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		got = append(got, out.QueueUrls...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || pages != 2 {
		a.t.Errorf("got %d pages of %v, want 2 of %v", pages, got, want)
	}
}

func tags(a *account) {
	q := a.create("q")
	a.TagQueue(a.t.Context(), &sqs.TagQueueInput{QueueUrl: &q, Tags: map[string]string{"one": "1", "two": ""}})
	a.UntagQueue(a.t.Context(), &sqs.UntagQueueInput{QueueUrl: &q, TagKeys: []string{"one", "three"}})
	out, err := a.ListQueueTags(a.t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &q})
	if err != nil || len(out.Tags) != 1 || out.Tags["two"] != "" {
		a.t.Errorf("got %v, %v", out, err)
	}
}

func sources(a *account) {
	dead, q := a.create("dead"), a.create("q")
	a.deadLetters(q, dead, "3")
	out, err := a.ListDeadLetterSourceQueues(a.t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	if err != nil || !slices.Equal(out.QueueUrls, []string{q}) {
		a.t.Errorf("got %v, %v, want %s", out, err, q)
	}
	a.set(q, "RedrivePolicy", "")
	if got := a.attributes(q)["RedrivePolicy"]; got != "" {
		a.t.Errorf("the policy is still there: %s", got)
	}
}

func typedErrors(a *account) {
	q := a.create("q")
	none := strings.Replace(q, "/q", "/none", 1)
	_, err := a.SendMessage(a.t.Context(), &sqs.SendMessageInput{QueueUrl: &none, MessageBody: aws.String("x")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		a.t.Errorf("got %v, want QueueDoesNotExist", err)
	}
	_, err = a.DeleteMessage(a.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q, ReceiptHandle: aws.String("INVALID")})
	if _, ok := errors.AsType[*types.ReceiptHandleIsInvalid](err); !ok {
		a.t.Errorf("got %v, want ReceiptHandleIsInvalid", err)
	}
	_, err = a.SendMessageBatch(a.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q, Entries: []types.SendMessageBatchRequestEntry{}})
	if _, ok := errors.AsType[*types.EmptyBatchRequest](err); !ok {
		a.t.Errorf("got %v, want EmptyBatchRequest", err)
	}
	_, err = a.ReceiveMessage(a.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q, MaxNumberOfMessages: 11})
	if got, want := codeOf(err), "InvalidParameterValue"; got != want {
		a.t.Errorf("got %q, want %q", got, want)
	}
	_, err = a.SendMessage(a.t.Context(), &sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("\x02")})
	if _, ok := errors.AsType[*types.InvalidMessageContents](err); !ok {
		a.t.Errorf("got %v, want InvalidMessageContents", err)
	}
}
