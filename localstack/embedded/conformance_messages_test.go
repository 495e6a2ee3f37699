package embedded

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

func attributesArrive(a *account) {
	q := a.create("q")
	body := "tab\t, line\r\n, quote \", back\\slash, <é>, 😀,  "
	trace := "Root=1-6789abcd-0123456789abcdef01234567;Parent=89abcdef01234567;Sampled=1"
	a.post(sqs.SendMessageInput{
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
	m := a.receive(q, 1, 5)
	a.wantBodies("body", m, body)
	for name, want := range map[string]string{"AWSTraceHeader": trace, "ApproximateReceiveCount": "1"} {
		if got := m[0].Attributes[name]; got != want {
			a.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
		if m[0].Attributes[name] == "" {
			a.t.Errorf("no attribute %s in %v", name, m[0].Attributes)
		}
	}
	got := m[0].MessageAttributes
	if len(got) != 3 || *got["text"].StringValue != "a \"value\"\n" || *got["number"].StringValue != "6.50" ||
		*got["number"].DataType != "Number.float" || !slices.Equal(got["bytes"].BinaryValue, []byte{0, 1, 255, 254}) {
		a.t.Errorf("got the message attributes %v", got)
	}
}

// The digest was recorded on AWS for these attributes.
func digestIsAWSs(a *account) {
	q := a.create("q")
	sent := a.post(sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Title": text("The Whistler"), "Author": text("John Grisham"), "WeeksOn": {DataType: aws.String("Number"), StringValue: aws.String("6")},
	}})
	m := a.receive(q, 1, 5)
	for _, got := range []*string{sent.MD5OfMessageAttributes, m[0].MD5OfMessageAttributes} {
		if want := "d25a6aea97eb8f585bfa92d314504a92"; aws.ToString(got) != want {
			a.t.Errorf("got %s, want %s", aws.ToString(got), want)
		}
	}
}

func filtersOfNames(a *account) {
	q := a.create("q", "VisibilityTimeout", "0")
	a.post(sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("msg"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi"),
	}})
	for _, test := range []struct {
		names []string
		want  string
		md5   string // recorded on AWS: of the attributes that are returned
	}{
		{nil, "", ""},
		{[]string{"All"}, "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{".*"}, "General Hello Help.Me", "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{"Foo"}, "", ""},
		{[]string{"Hello", "General"}, "General Hello", "fca026605781cb4126a1e9044df24232"},
		{[]string{"Foo", "Hello"}, "Hello", "a311262e065454b75da111d535b8dacd"},
		{[]string{"Hel.*"}, "Hello Help.Me", "83fee93c1bcd8b9a5a923ffacdc636c7"},
	} {
		out, err := a.ReceiveMessage(a.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q, MessageAttributeNames: test.names, WaitTimeSeconds: 2})
		if err != nil || len(out.Messages) == 0 {
			a.t.Fatalf("%v: got %v, %v", test.names, out, err)
		}
		var names []string
		for name := range out.Messages[0].MessageAttributes {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != test.want || aws.ToString(out.Messages[0].MD5OfMessageAttributes) != test.md5 {
			a.t.Errorf("%v: got %q %s, want %q %s", test.names, got, aws.ToString(out.Messages[0].MD5OfMessageAttributes), test.want, test.md5)
		}
		if len(out.Messages[0].Attributes) > 0 {
			a.t.Errorf("got system attributes that were not asked for: %v", out.Messages[0].Attributes)
		}
	}
}

func messageComesBack(a *account) {
	q := a.create("q", "VisibilityTimeout", "1")
	a.send(q, "one")
	first := a.receive(q, 1, 5)
	a.wantBodies("at once", a.receive(q, 1, 0))
	second := a.receive(q, 1, 5)
	a.wantBodies("after the timeout", second, "one")
	if *first[0].ReceiptHandle == *second[0].ReceiptHandle {
		a.t.Error("both receives have the same handle")
	}
	if got, want := second[0].Attributes["ApproximateReceiveCount"], "2"; got != want {
		a.t.Errorf("receive count: got %s, want %s", got, want)
	}
	if got, want := second[0].Attributes["ApproximateFirstReceiveTimestamp"], first[0].Attributes["ApproximateFirstReceiveTimestamp"]; got != want {
		a.t.Errorf("first receive: got %s, want %s", got, want)
	}
}

func visibilityZero(a *account) {
	q := a.create("q")
	a.send(q, "one")
	m := a.receive(q, 1, 5)[0]
	a.hide(q, m, 0)
	a.wantBodies("given back", a.receive(q, 1, 5), "one")
}

func overtakenHandleHides(a *account) {
	q := a.create("q", "VisibilityTimeout", "0")
	a.send(q, "one")
	m := a.receive(q, 1, 5)[0]
	a.fetch(sqs.ReceiveMessageInput{QueueUrl: &q, VisibilityTimeout: 30, WaitTimeSeconds: 5})
	a.hide(q, m, 0)
	a.wantBodies("given back", a.receive(q, 1, 5), "one")
}

func deletingTwice(a *account) {
	q := a.create("q")
	a.send(q, "one")
	m := a.receive(q, 1, 5)[0]
	a.delete(q, m)
	a.delete(q, m)
	if err := a.tryHide(q, m, 5); err == nil {
		a.t.Error("the visibility of a deleted message was changed")
	}
}

func expiredHandleDeletes(a *account) {
	q := a.create("q", "VisibilityTimeout", "1")
	a.send(q, "one")
	m := a.receive(q, 1, 5)[0]
	time.Sleep(2500 * time.Millisecond)
	a.delete(q, m)
	a.wantBodies("deleted", a.receive(q, 1, 2))
}

func delayedMessage(a *account) {
	q := a.create("q")
	a.post(sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("late"), DelaySeconds: 1})
	a.wantBodies("at once", a.receive(q, 1, 0))
	a.wantBodies("later", a.receive(q, 1, 5), "late")
}

func longPoll(a *account) {
	q := a.create("q")
	start := time.Now()
	a.wantBodies("nothing", a.receive(q, 1, 1))
	if took := time.Since(start); took < 900*time.Millisecond {
		a.t.Errorf("an empty poll of 1 s took %v", took)
	}
}

func badBatchEntry(a *account) {
	q := a.create("q")
	out, err := a.SendMessageBatch(a.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("good"), MessageBody: aws.String("good")},
		{Id: aws.String("bad"), MessageBody: aws.String("\x01")},
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	if len(out.Successful) != 1 || *out.Successful[0].Id != "good" || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" ||
		*out.Failed[0].Code != "InvalidMessageContents" || !out.Failed[0].SenderFault {
		a.t.Errorf("got %v, %v", out.Successful, out.Failed)
	}
	a.wantBodies("what was sent", a.receive(q, 10, 5), "good")
}

func badBatchHandle(a *account) {
	q := a.create("q")
	a.send(q, "one")
	m := a.receive(q, 1, 5)[0]
	out, err := a.DeleteMessageBatch(a.t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("bad"), ReceiptHandle: aws.String("INVALID")},
		{Id: aws.String("good"), ReceiptHandle: m.ReceiptHandle},
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	if len(out.Successful) != 1 || *out.Successful[0].Id != "good" || len(out.Failed) != 1 || *out.Failed[0].Code != "ReceiptHandleIsInvalid" {
		a.t.Errorf("got %v, %v", out.Successful, out.Failed)
	}
}

func deadLetters(a *account) {
	dead, q := a.create("dead"), a.create("q", "VisibilityTimeout", "1")
	a.deadLetters(q, dead, "2")
	sent := a.send(q, "poison")
	a.wantBodies("first", a.receive(q, 1, 5), "poison")
	a.wantBodies("second", a.receive(q, 1, 5), "poison")
	a.wantBodies("third", a.receive(q, 1, 3))
	m := a.receive(dead, 1, 5)
	a.wantBodies("dead letter", m, "poison")
	if *m[0].MessageId != *sent.MessageId {
		a.t.Errorf("the ID changed from %s to %s", *sent.MessageId, *m[0].MessageId)
	}
	if got, want := m[0].Attributes["DeadLetterQueueSourceArn"], a.attributes(q)["QueueArn"]; got != want {
		a.t.Errorf("source: got %s, want %s", got, want)
	}
	if got, want := m[0].Attributes["ApproximateReceiveCount"], "3"; got != want {
		a.t.Errorf("receive count: got %s, want %s", got, want)
	}
}
