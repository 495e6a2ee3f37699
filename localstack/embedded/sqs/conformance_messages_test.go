package sqs

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

func messageAttributes(c *client) {
	q := c.create("q")
	body := "tab\t, line\r\n, quote \", back\\slash, <é>, 😀,  "
	trace := "Root=1-6789abcd-0123456789abcdef01234567;Parent=89abcdef01234567;Sampled=1"
	c.post(sdk.SendMessageInput{
		QueueUrl: &q, MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text":   text("a \"value\"\n"),
			"number": {DataType: aws.String("Number.float"), StringValue: aws.String("6.50")},
			"bytes":  {DataType: aws.String("Binary.png"), BinaryValue: []byte{0, 1, 255, 254}},
		},
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: &trace},
		},
	})
	m := c.receive(q, 1, 5)
	c.wantBodies("body", m, body)
	for name, want := range map[string]string{"AWSTraceHeader": trace, "ApproximateReceiveCount": "1"} {
		if got := m[0].Attributes[name]; got != want {
			c.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
		if m[0].Attributes[name] == "" {
			c.t.Errorf("no attribute %s in %v", name, m[0].Attributes)
		}
	}
	got := m[0].MessageAttributes
	if len(got) != 3 || *got["text"].StringValue != "a \"value\"\n" || *got["number"].StringValue != "6.50" ||
		*got["number"].DataType != "Number.float" || !slices.Equal(got["bytes"].BinaryValue, []byte{0, 1, 255, 254}) {
		c.t.Errorf("got the message attributes %v", got)
	}
}

// The digest was recorded on AWS.
func attributeDigest(c *client) {
	q := c.create("q")
	sent := c.post(sdk.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Title": text("The Whistler"), "Author": text("John Grisham"), "WeeksOn": {DataType: aws.String("Number"), StringValue: aws.String("6")},
	}})
	m := c.receive(q, 1, 5)
	for _, got := range []*string{sent.MD5OfMessageAttributes, m[0].MD5OfMessageAttributes} {
		if want := "d25a6aea97eb8f585bfa92d314504a92"; aws.ToString(got) != want {
			c.t.Errorf("got %s, want %s", aws.ToString(got), want)
		}
	}
}

func attributeFilters(c *client) {
	q := c.create("q", "VisibilityTimeout", "0")
	c.post(sdk.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("msg"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi"),
	}})
	for _, test := range []struct {
		names []string
		want  string
		md5   string // of the returned attributes, recorded on AWS
	}{
		{nil, "", ""},
		{[]string{"All"}, "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{".*"}, "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{"Foo"}, "", ""},
		{[]string{"Hello", "General"}, "General Hello", "fca026605781cb4126a1e9044df24232"},
		{[]string{"Foo", "Hello"}, "Hello", "a311262e065454b75da111d535b8dacd"},
		{[]string{"Hel.*"}, "Hello Help.Me", "83fee93c1bcd8b9a5a923ffacdc636c7"},
	} {
		out, err := c.ReceiveMessage(c.t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &q, MessageAttributeNames: test.names, WaitTimeSeconds: 2})
		if err != nil || len(out.Messages) == 0 {
			c.t.Fatalf("%v: got %v, %v", test.names, out, err)
		}
		var names []string
		for name := range out.Messages[0].MessageAttributes {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != test.want || aws.ToString(out.Messages[0].MD5OfMessageAttributes) != test.md5 {
			c.t.Errorf("%v: got %q %s, want %q %s", test.names, got, aws.ToString(out.Messages[0].MD5OfMessageAttributes), test.want, test.md5)
		}
		if len(out.Messages[0].Attributes) > 0 {
			c.t.Errorf("got system attributes that were not asked for: %v", out.Messages[0].Attributes)
		}
	}
}

func visibleAgain(c *client) {
	q := c.create("q", "VisibilityTimeout", "1")
	c.send(q, "one")
	first := c.receive(q, 1, 5)
	c.wantBodies("at once", c.receive(q, 1, 0))
	second := c.receive(q, 1, 5)
	c.wantBodies("after the timeout", second, "one")
	if *first[0].ReceiptHandle == *second[0].ReceiptHandle {
		c.t.Error("both receives have the same handle")
	}
	if got, want := second[0].Attributes["ApproximateReceiveCount"], "2"; got != want {
		c.t.Errorf("receive count: got %s, want %s", got, want)
	}
	if got, want := second[0].Attributes["ApproximateFirstReceiveTimestamp"], first[0].Attributes["ApproximateFirstReceiveTimestamp"]; got != want {
		c.t.Errorf("first receive: got %s, want %s", got, want)
	}
}

func visibilityZero(c *client) {
	q := c.create("q")
	c.send(q, "one")
	m := c.receive(q, 1, 5)[0]
	c.hide(q, m, 0)
	c.wantBodies("visible again", c.receive(q, 1, 5), "one")
}

func replacedHandleHides(c *client) {
	q := c.create("q", "VisibilityTimeout", "0")
	c.send(q, "one")
	m := c.receive(q, 1, 5)[0]
	c.fetch(sdk.ReceiveMessageInput{QueueUrl: &q, VisibilityTimeout: 30, WaitTimeSeconds: 5})
	c.hide(q, m, 0)
	c.wantBodies("visible again", c.receive(q, 1, 5), "one")
}

func deletingTwice(c *client) {
	q := c.create("q")
	c.send(q, "one")
	m := c.receive(q, 1, 5)[0]
	c.delete(q, m)
	c.delete(q, m)
	if err := c.tryHide(q, m, 5); err == nil {
		c.t.Error("the visibility of a deleted message was changed")
	}
}

func expiredHandleDeletes(c *client) {
	q := c.create("q", "VisibilityTimeout", "1")
	c.send(q, "one")
	m := c.receive(q, 1, 5)[0]
	time.Sleep(2500 * time.Millisecond)
	c.delete(q, m)
	c.wantBodies("deleted", c.receive(q, 1, 2))
}

func delayedMessage(c *client) {
	q := c.create("q")
	c.post(sdk.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("late"), DelaySeconds: 1})
	c.wantBodies("at once", c.receive(q, 1, 0))
	c.wantBodies("later", c.receive(q, 1, 5), "late")
}

func longPoll(c *client) {
	q := c.create("q")
	start := time.Now()
	c.wantBodies("nothing", c.receive(q, 1, 1))
	if took := time.Since(start); took < 900*time.Millisecond {
		c.t.Errorf("an empty poll of 1 s took %v", took)
	}
}

func invalidBatchBody(c *client) {
	q := c.create("q")
	out, err := c.SendMessageBatch(c.t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &q, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("good"), MessageBody: aws.String("good")},
		{Id: aws.String("bad"), MessageBody: aws.String("\x01")},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(out.Successful) != 1 || *out.Successful[0].Id != "good" || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" ||
		*out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
		c.t.Errorf("got %v, %v", out.Successful, out.Failed)
	}
	c.wantBodies("what was sent", c.receive(q, 10, 5), "good")
}

func invalidBatchHandle(c *client) {
	q := c.create("q")
	c.send(q, "one")
	m := c.receive(q, 1, 5)[0]
	out, err := c.DeleteMessageBatch(c.t.Context(), &sdk.DeleteMessageBatchInput{QueueUrl: &q, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("bad"), ReceiptHandle: aws.String("INVALID")},
		{Id: aws.String("good"), ReceiptHandle: m.ReceiptHandle},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(out.Successful) != 1 || *out.Successful[0].Id != "good" || len(out.Failed) != 1 || *out.Failed[0].Code != "ReceiptHandleIsInvalid" {
		c.t.Errorf("got %v, %v", out.Successful, out.Failed)
	}
}

func deadLetters(c *client) {
	dead, q := c.create("dead"), c.create("q", "VisibilityTimeout", "1")
	c.deadLetters(q, dead, "2")
	sent := c.send(q, "poison")
	c.wantBodies("first", c.receive(q, 1, 5), "poison")
	c.wantBodies("second", c.receive(q, 1, 5), "poison")
	c.wantBodies("third", c.receive(q, 1, 3))
	m := c.receive(dead, 1, 5)
	c.wantBodies("dead letter", m, "poison")
	if *m[0].MessageId != *sent.MessageId {
		c.t.Errorf("the ID changed from %s to %s", *sent.MessageId, *m[0].MessageId)
	}
	if got, want := m[0].Attributes["DeadLetterQueueSourceArn"], c.attributes(q)["QueueArn"]; got != want {
		c.t.Errorf("source: got %s, want %s", got, want)
	}
	if got, want := m[0].Attributes["ApproximateReceiveCount"], "3"; got != want {
		c.t.Errorf("receive count: got %s, want %s", got, want)
	}
}
