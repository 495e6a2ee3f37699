package embedded

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

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
