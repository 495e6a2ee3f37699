package embedded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A scenario is a story that every SQS tells in the same way. It may sleep: in a bubble that takes no time.
type scenario struct {
	name string
	// unlike are the implementations that are known to tell it otherwise, and how.
	unlike map[string]string
	tell   func(a *account)
}

var scenarios = []scenario{
	{"a message and its attributes", nil, attributesArrive},
	{"digest of attributes", nil, digestIsAWSs},
	{"filters of attribute names", unlike("elasticmq", "knows no prefixes"), filtersOfNames},
	{"the message comes back", nil, messageComesBack},
	{"visibility 0 gives the message back", nil, visibilityZero},
	{"an overtaken handle still changes visibility", unlike("elasticmq", "refuses it"), overtakenHandleHides},
	{"deleting twice", unlike("elasticmq", "refuses the second time"), deletingTwice},
	{"an expired handle deletes", nil, expiredHandleDeletes},
	{"a delayed message", nil, delayedMessage},
	{"long poll", nil, longPoll},
	{"a batch with a bad entry", unlike("localstack", "does not blame the sender", "elasticmq", "names another error"), badBatchEntry},
	{"a batch of deletions with a bad handle", nil, badBatchHandle},
	{"dead letters", nil, deadLetters},
	{"FIFO: groups", nil, fifoGroups},
	{"FIFO: order after a timeout", nil, fifoOrder},
	{"FIFO: one visible again", unlike("elasticmq", "keeps the group's place in the line"), fifoVisibleAgain},
	{"FIFO: deduplication", unlike("localstack", "numbers a duplicate anew", "elasticmq", "numbers from 0"), fifoDuplicates},
	{"FIFO: dead letters keep their group", nil, fifoDeadLetters},
	{"FIFO: expired handle", unlike("elasticmq", "accepts it"), fifoExpiredHandle},
	{"FIFO: repeated receive", unlike("localstack", "knows no attempts", "elasticmq", "makes new handles"), fifoRepeatedReceive},
	{"attributes of a queue", unlike("elasticmq", "knows fewer"), queueAttributes},
	{"creating twice", nil, creatingTwice},
	{"listing queues", unlike("elasticmq", "knows no pages"), listing},
	{"tags", nil, tags},
	{"sources of dead letters", unlike("elasticmq", "lists none"), sources},
	{"typed errors", unlike("elasticmq", "names others"), typedErrors},
}

func unlike(kindsAndHow ...string) map[string]string { return pairs(kindsAndHow) }

func TestConformance(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { inBubble(t, s.tell) })
	}
}

// TestConformanceElsewhere tells the scenarios to the SQS at ESM_TEST_SQS_ENDPOINT, for comparison.
func TestConformanceElsewhere(t *testing.T) {
	endpoint := os.Getenv("ESM_TEST_SQS_ENDPOINT")
	if endpoint == "" {
		t.Skip("ESM_TEST_SQS_ENDPOINT is not set: not compared with another SQS")
	}
	kind := kindOf(endpoint)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they sleep in earnest
			if why := s.unlike[kind]; why != "" && os.Getenv("ESM_TEST_SQS_UNLIKE") == "" {
				t.Skipf("%s: %s", kind, why)
			}
			a := &account{Client: clientOf(new(hideWriteTo), endpoint), t: t, suffix: "-" + newID()[:8]}
			defer a.cleanUp()
			s.tell(a)
		})
	}
}

// hideWriteTo keeps net/http from writing the request's body with its WriteTo, which the SDK ends with io.EOF when it has
// closed the body; that would cost connections to a fast server.
type hideWriteTo struct{ client http.Client }

func (h *hideWriteTo) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return h.client.Do(r)
}

func (a *account) cleanUp() {
	for _, url := range a.made {
		a.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: &url})
	}
}

func kindOf(endpoint string) string {
	if r, err := http.Get(endpoint + "/_localstack/health"); err == nil {
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return "localstack"
		}
	}
	if r, err := http.Get(endpoint + "/health"); err == nil {
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return "elasticmq"
		}
	}
	return "another"
}

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

func fifoGroups(a *account) {
	q := a.createFIFO("q")
	for _, body := range []string{"a1", "b1", "a2", "a3", "b2"} {
		a.sendTo(q, body[:1], body)
	}
	got := a.receive(q, 2, 5)
	a.wantBodies("one group first", got, "a1", "a2")
	a.wantBodies("the other", a.receive(q, 10, 5), "b1", "b2")
	a.delete(q, got[0])
	a.wantBodies("one in flight", a.receive(q, 10, 1))
	a.delete(q, got[1])
	a.wantBodies("free", a.receive(q, 10, 5), "a3")
}

func fifoOrder(a *account) {
	q := a.createFIFO("q", "VisibilityTimeout", "1")
	for _, body := range []string{"a1", "a2", "a3"} {
		a.sendTo(q, "a", body)
	}
	a.wantBodies("first", a.receive(q, 10, 5), "a1", "a2", "a3")
	time.Sleep(2500 * time.Millisecond)
	a.wantBodies("second", a.receive(q, 10, 5), "a1", "a2", "a3")
}

func fifoVisibleAgain(a *account) {
	q := a.createFIFO("q")
	for _, body := range []string{"a1", "a2", "b1"} {
		a.sendTo(q, body[:1], body)
	}
	got := a.receive(q, 2, 5)
	a.wantBodies("first", got, "a1", "a2")
	a.hide(q, got[0], 0)
	a.wantBodies("the visible ones", a.receive(q, 3, 2), "b1", "a1")
}

func fifoDuplicates(a *account) {
	q := a.createFIFO("q")
	first, again, other := a.sendTo(q, "g", "one"), a.sendTo(q, "g", "one"), a.sendTo(q, "g", "two")
	if *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
		a.t.Errorf("duplicate: got %s %s, want %s %s", *again.MessageId, *again.SequenceNumber, *first.MessageId, *first.SequenceNumber)
	}
	if *other.SequenceNumber <= *first.SequenceNumber || len(*other.SequenceNumber) != 20 {
		a.t.Errorf("sequence numbers: %s, then %s", *first.SequenceNumber, *other.SequenceNumber)
	}
	a.wantBodies("once", a.receive(q, 10, 5), "one", "two")
}

func fifoDeadLetters(a *account) {
	dead, q := a.createFIFO("dead"), a.createFIFO("q", "VisibilityTimeout", "1")
	a.deadLetters(q, dead, "1")
	a.sendTo(q, "g", "poison")
	a.sendTo(q, "g", "fine")
	a.wantBodies("first", a.receive(q, 1, 5), "poison")
	a.wantBodies("the next of the group", a.receive(q, 1, 5), "fine")
	m := a.receive(dead, 10, 5)
	a.wantBodies("dead letter", m, "poison")
	if got, want := m[0].Attributes["MessageGroupId"], "g"; got != want {
		a.t.Errorf("group: got %s, want %s", got, want)
	}
}

func fifoExpiredHandle(a *account) {
	q := a.createFIFO("q", "VisibilityTimeout", "1")
	a.sendTo(q, "g", "one")
	m := a.receive(q, 1, 5)[0]
	time.Sleep(2500 * time.Millisecond)
	if got, want := codeOf(a.tryDelete(q, m)), "InvalidParameterValue"; got != want {
		a.t.Errorf("got %q, want %q", got, want)
	}
}

func fifoRepeatedReceive(a *account) {
	q := a.createFIFO("q")
	a.sendTo(q, "g", "one")
	in := sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 2, ReceiveRequestAttemptId: aws.String("attempt")}
	first, again := a.fetch(in), a.fetch(in)
	a.wantBodies("again", again, "one")
	if *first[0].ReceiptHandle != *again[0].ReceiptHandle {
		a.t.Error("the repeated receive has another handle")
	}
}

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
