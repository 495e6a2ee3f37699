package embedded

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestGroupIsLockedWhileInFlight(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "VisibilityTimeout", "8")
		for _, body := range []string{"a1", "b1", "a2", "a3", "b2"} {
			a.sendTo(q, body[:1], body)
		}
		start := time.Now()
		got := a.receive(q, 2, 0)
		a.wantBodies("one group before the next", got, "a1", "a2")
		a.wantBodies("the other group", a.receive(q, 10, 0), "b1", "b2")
		a.wantBodies("both locked", a.receive(q, 10, 0))
		a.delete(q, got[0])
		a.wantBodies("still one in flight", a.receive(q, 10, 0))
		a.delete(q, got[1])
		a.wantBodies("group is free", a.receive(q, 10, 0), "a3")
		a.wantBodies("the others", a.receive(q, 10, 20), "b1", "b2", "a3")
		a.wantAfter("came back", start, 8*time.Second)
	})
}

// A message that is visible again is handed out though a later one of its group is in flight; an earlier one in flight
// holds it back.
func TestGroupIsHandedOutUpToTheFirstInFlight(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q")
		for _, body := range []string{"a1", "a2", "a3"} {
			a.sendTo(q, "a", body)
		}
		got := a.receive(q, 2, 0)
		a.hide(q, got[1], 0)
		a.wantBodies("behind one in flight", a.receive(q, 10, 0))
		a.hide(q, got[0], 0)
		a.wantBodies("all", a.receive(q, 10, 0), "a1", "a2", "a3")
	})
}

func TestPartialFailureComesBackInOrder(t *testing.T) {
	inBubble(t, func(a *account) {
		dead := a.createFIFO("dead")
		q := a.createFIFO("q", "VisibilityTimeout", "8")
		a.deadLetters(q, dead, "2")
		for _, body := range []string{"m1", "m2", "m3", "m4", "m5"} {
			a.sendTo(q, "g", body)
		}
		first := a.receive(q, 4, 0)
		a.wantBodies("first", first, "m1", "m2", "m3", "m4")
		a.delete(q, first[0])
		second := a.receive(q, 10, 20)
		a.wantBodies("second", second, "m2", "m3", "m4", "m5")
		if got, want := second[0].Attributes["SequenceNumber"], first[1].Attributes["SequenceNumber"]; got != want {
			t.Errorf("sequence number: got %s, want %s", got, want)
		}
		a.delete(q, second[0])
		a.delete(q, second[1])
		a.wantBodies("third", a.receive(q, 10, 20), "m5")
		letter := a.receive(dead, 10, 0)
		a.wantBodies("dead letter", letter, "m4")
		if got, want := letter[0].Attributes["MessageGroupId"], "g"; got != want {
			t.Errorf("group: got %s, want %s", got, want)
		}
	})
}

func TestDeduplication(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q")
		first := a.sendTo(q, "g", "one")
		a.delete(q, a.receive(q, 1, 0)[0])
		time.Sleep(5*time.Minute - 1)
		again := a.post(sqs.SendMessageInput{
			QueueUrl: &q, MessageBody: aws.String("another body"), MessageGroupId: aws.String("h"), MessageDeduplicationId: aws.String("one"),
		})
		if *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
			t.Errorf("duplicate: got %s, %s, want %s, %s", *again.MessageId, *again.SequenceNumber, *first.MessageId, *first.SequenceNumber)
		}
		a.wantBodies("duplicate", a.receive(q, 10, 0))
		time.Sleep(time.Nanosecond)
		later := a.sendTo(q, "g", "one")
		if *later.SequenceNumber <= *first.SequenceNumber || len(*later.SequenceNumber) != 20 {
			t.Errorf("sequence numbers do not grow: %s, then %s", *first.SequenceNumber, *later.SequenceNumber)
		}
		a.wantBodies("after five minutes", a.receive(q, 10, 0), "one")
	})
}

func TestContentBasedDeduplication(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "ContentBasedDeduplication", "true", "DeduplicationScope", "messageGroup")
		for _, group := range []string{"g", "g", "h"} {
			a.post(sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("same"), MessageGroupId: &group})
		}
		got := a.receive(q, 10, 0)
		a.wantBodies("once a group", got, "same", "same")
		want := "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5" // SHA-256 of the body
		if id := got[0].Attributes["MessageDeduplicationId"]; id != want {
			t.Errorf("got ID %s, want %s", id, want)
		}
	})
}

func TestReceiveAttemptIsRepeated(t *testing.T) {
	handles := func(messages []types.Message) (texts []string) {
		for _, m := range messages {
			texts = append(texts, *m.ReceiptHandle)
		}
		return texts
	}
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "VisibilityTimeout", "10")
		for _, body := range []string{"m1", "m2", "m3"} {
			a.sendTo(q, "g", body)
		}
		attempt := func(id string) []types.Message {
			return a.fetch(sqs.ReceiveMessageInput{QueueUrl: &q, MaxNumberOfMessages: 2, ReceiveRequestAttemptId: &id})
		}
		first := attempt("a")
		time.Sleep(6 * time.Second)
		second := attempt("a")
		if got, want := handles(second), handles(first); !slices.Equal(got, want) {
			t.Errorf("got handles %v, want %v", got, want)
		}
		if got, want := second[0].Attributes["ApproximateReceiveCount"], "1"; got != want {
			t.Errorf("receive count: got %s, want %s", got, want)
		}
		time.Sleep(6 * time.Second) // the timeout was reset
		a.wantBodies("another attempt", attempt("b"))
		a.delete(q, first[1])
		a.wantBodies("after a deletion", attempt("a"))
		time.Sleep(4 * time.Second)
		a.wantBodies("after the timeout", attempt("a"), "m1", "m3")
	})
}

func TestFIFORefusesOldHandles(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "VisibilityTimeout", "2")
		a.sendTo(q, "g", "one")
		m := a.receive(q, 1, 0)[0]
		time.Sleep(2 * time.Second)
		for range 2 { // expired, then overtaken
			if got, want := codeOf(a.tryDelete(q, m)), "InvalidParameterValue"; got != want {
				t.Errorf("delete: got %q, want %q", got, want)
			}
			if got, want := codeOf(a.tryHide(q, m, 1)), "InvalidParameterValue"; got != want {
				t.Errorf("change visibility: got %q, want %q", got, want)
			}
			a.receive(q, 1, 0)
		}
		time.Sleep(2 * time.Second)
		m = a.receive(q, 1, 0)[0]
		a.delete(q, m)
		a.delete(q, m) // gone is deleted well
	})
}

func TestLongPollOnGroup(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q")
		a.sendTo(q, "g", "one")
		a.sendTo(q, "g", "two")
		m := a.receive(q, 1, 0)[0]
		start := time.Now()
		var polls sync.WaitGroup
		polls.Go(func() {
			a.wantBodies("woken by the deletion", a.receive(q, 10, 20), "two")
			a.wantAfter("woken", start, 3*time.Second)
		})
		time.Sleep(3 * time.Second)
		a.delete(q, m)
		polls.Wait()
	})
}

func TestExpiryFreesTheGroup(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "MessageRetentionPeriod", "60", "VisibilityTimeout", "300")
		a.sendTo(q, "g", "one")
		start := time.Now()
		time.Sleep(50 * time.Second)
		a.sendTo(q, "g", "two")
		a.wantBodies("first", a.receive(q, 1, 0), "one")
		a.wantBodies("after it expired", a.receive(q, 1, 20), "two")
		a.wantAfter("freed", start, time.Minute)
	})
}
