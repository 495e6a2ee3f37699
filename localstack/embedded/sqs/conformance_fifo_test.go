package sqs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/awserr"
)

func fifoGroups(c *client) {
	q := c.createFIFO("q")
	for _, body := range []string{"a1", "b1", "a2", "a3", "b2"} {
		c.sendTo(q, body[:1], body)
	}
	got := c.receive(q, 2, 5)
	c.wantBodies("one group first", got, "a1", "a2")
	c.wantBodies("the other group", c.receive(q, 10, 5), "b1", "b2")
	c.delete(q, got[0])
	c.wantBodies("one of the group in flight", c.receive(q, 10, 1))
	c.delete(q, got[1])
	c.wantBodies("the rest of the group", c.receive(q, 10, 5), "a3")
}

func fifoOrder(c *client) {
	q := c.createFIFO("q", "VisibilityTimeout", "1")
	for _, body := range []string{"a1", "a2", "a3"} {
		c.sendTo(q, "a", body)
	}
	c.wantBodies("first", c.receive(q, 10, 5), "a1", "a2", "a3")
	time.Sleep(2500 * time.Millisecond)
	c.wantBodies("second", c.receive(q, 10, 5), "a1", "a2", "a3")
}

func fifoVisibleAgain(c *client) {
	q := c.createFIFO("q")
	for _, body := range []string{"a1", "a2", "b1"} {
		c.sendTo(q, body[:1], body)
	}
	got := c.receive(q, 2, 5)
	c.wantBodies("first", got, "a1", "a2")
	c.hide(q, got[0], 0)
	c.wantBodies("visible", c.receive(q, 3, 2), "b1", "a1")
}

func fifoDuplicates(c *client) {
	q := c.createFIFO("q")
	first, again, other := c.sendTo(q, "g", "one"), c.sendTo(q, "g", "one"), c.sendTo(q, "g", "two")
	if *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
		c.t.Errorf("duplicate: got %s %s, want %s %s", *again.MessageId, *again.SequenceNumber, *first.MessageId, *first.SequenceNumber)
	}
	if *other.SequenceNumber <= *first.SequenceNumber || len(*other.SequenceNumber) != 20 {
		c.t.Errorf("sequence numbers: %s, then %s", *first.SequenceNumber, *other.SequenceNumber)
	}
	c.wantBodies("once", c.receive(q, 10, 5), "one", "two")
}

func fifoDeadLetters(c *client) {
	dead, q := c.createFIFO("dead"), c.createFIFO("q", "VisibilityTimeout", "1")
	c.deadLetters(q, dead, "1")
	c.sendTo(q, "g", "poison")
	c.sendTo(q, "g", "fine")
	c.wantBodies("first", c.receive(q, 1, 5), "poison")
	c.wantBodies("the next of the group", c.receive(q, 1, 5), "fine")
	m := c.receive(dead, 10, 5)
	c.wantBodies("dead letter", m, "poison")
	if got, want := m[0].Attributes["MessageGroupId"], "g"; got != want {
		c.t.Errorf("group: got %s, want %s", got, want)
	}
}

func fifoExpiredHandle(c *client) {
	q := c.createFIFO("q", "VisibilityTimeout", "1")
	c.sendTo(q, "g", "one")
	m := c.receive(q, 1, 5)[0]
	time.Sleep(2500 * time.Millisecond)
	if got, want := awserr.Code(c.tryDelete(q, m)), "InvalidParameterValue"; got != want {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

func fifoRepeatedReceive(c *client) {
	q := c.createFIFO("q")
	c.sendTo(q, "g", "one")
	in := sdk.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 2, ReceiveRequestAttemptId: aws.String("attempt")}
	first, again := c.fetch(in), c.fetch(in)
	c.wantBodies("repeated", again, "one")
	if *first[0].ReceiptHandle != *again[0].ReceiptHandle {
		c.t.Error("the repeated receive has another handle")
	}
}
