package embedded

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestVisibilityTimeoutEndsToTheMoment(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "VisibilityTimeout", "5")
		a.send(q, "one")
		first := a.receive(q, 10, 0)
		start := time.Now()
		time.Sleep(5*time.Second - 1)
		a.wantBodies("just before", a.receive(q, 10, 0))
		again := a.receive(q, 10, 20)
		a.wantAfter("came back", start, 5*time.Second)
		a.wantBodies("just after", again, "one")
		if *first[0].ReceiptHandle == *again[0].ReceiptHandle || *first[0].MessageId != *again[0].MessageId {
			t.Errorf("got the same handle or another message: %v, %v", first[0], again[0])
		}
		for name, want := range map[string]string{"ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": "946684800000", "SentTimestamp": "946684800000"} {
			if got := again[0].Attributes[name]; got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	})
}

func TestChangeVisibilityMovesTheEnd(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "VisibilityTimeout", "30")
		a.send(q, "one")
		m := a.receive(q, 1, 0)[0]
		time.Sleep(10 * time.Second)
		start := time.Now()
		var polls sync.WaitGroup
		polls.Go(func() {
			a.wantBodies("long poll", a.receive(q, 1, 20), "one")
			a.wantAfter("came back", start, 7*time.Second)
		})
		synctest.Wait() // the poll waits for the old end, and must learn of the new one
		a.hide(q, m, 7)
		polls.Wait()
	})
}

func TestVisibilityOverrides(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "VisibilityTimeout", "0")
		a.send(q, "one")
		a.wantBodies("first", a.receive(q, 1, 0), "one")
		a.wantBodies("timeout 0 of the queue", a.receive(q, 1, 0), "one")
		a.wantBodies("override", a.fetch(sqs.ReceiveMessageInput{QueueUrl: &q, VisibilityTimeout: 3}), "one")
		start := time.Now()
		a.wantBodies("after it", a.receive(q, 1, 20), "one")
		a.wantAfter("came back", start, 3*time.Second)
	})
}

func TestTotalVisibilityIsTwelveHours(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		a.send(q, "one")
		m := a.fetch(sqs.ReceiveMessageInput{QueueUrl: &q, VisibilityTimeout: 43200})[0]
		time.Sleep(time.Second)
		if got, want := codeOf(a.tryHide(q, m, 43200)), "InvalidParameterValue"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		a.hide(q, m, 43199)
	})
}

func TestLongPollEndsAtItsTime(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "ReceiveMessageWaitTimeSeconds", "3")
		start := time.Now()
		a.wantBodies("empty", a.receive(q, 1, 20))
		a.wantAfter("poll ended", start, 20*time.Second)
		start = time.Now()
		a.wantBodies("empty", a.receive(q, 1, 0)) // the SDK leaves a zero out: the queue's own wait holds
		a.wantAfter("poll ended", start, 3*time.Second)
	})
}

func TestLongPollIsWokenBySend(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		start := time.Now()
		var polls sync.WaitGroup
		for range 3 {
			polls.Go(func() {
				if got := len(a.receive(q, 10, 20)); got != 1 {
					t.Errorf("got %d messages, want 1", got)
				}
			})
		}
		time.Sleep(4 * time.Second)
		for _, body := range []string{"a", "b", "c"} {
			a.send(q, body)
			synctest.Wait()
		}
		polls.Wait()
		a.wantAfter("all polls ended", start, 4*time.Second)
	})
}

func TestDelays(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "DelaySeconds", "5")
		start := time.Now()
		a.send(q, "by the queue")
		a.post(sqs.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("by the message"), DelaySeconds: 2})
		if got, want := a.counts(q), [3]string{"0", "2", "0"}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		a.set(q, "DelaySeconds", "900") // does not concern what a standard queue holds
		a.wantBodies("first", a.receive(q, 1, 20), "by the message")
		a.wantAfter("first", start, 2*time.Second)
		a.wantBodies("second", a.receive(q, 1, 20), "by the queue")
		a.wantAfter("second", start, 5*time.Second)
	})
}

func TestDelayOfFIFOQueueIsRetroactive(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.createFIFO("q", "DelaySeconds", "5")
		start := time.Now()
		a.sendTo(q, "g", "one")
		a.sendTo(q, "g", "two")
		a.set(q, "DelaySeconds", "12")
		a.wantBodies("both", a.receive(q, 10, 20), "one", "two")
		a.wantAfter("both", start, 12*time.Second)
	})
}

func TestRetention(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q", "MessageRetentionPeriod", "60")
		a.send(q, "old")
		a.send(q, "old and in flight")
		a.receive(q, 1, 0)
		time.Sleep(59 * time.Second)
		a.send(q, "new")
		if got, want := a.counts(q), [3]string{"3", "0", "0"}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		time.Sleep(time.Second)
		if got, want := a.counts(q), [3]string{"1", "0", "0"}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		a.wantBodies("left", a.receive(q, 10, 0), "new")
	})
}

func TestReceiverThatIsGoneGetsNothing(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		ctx, hangUp := context.WithCancel(a.t.Context())
		var polls sync.WaitGroup
		polls.Go(func() {
			_, err := a.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
		})
		time.Sleep(time.Second)
		hangUp()
		polls.Wait()
		a.send(q, "one")
		m := a.receive(q, 1, 0)
		a.wantBodies("the next receiver", m, "one")
		if got, want := m[0].Attributes["ApproximateReceiveCount"], "1"; got != want {
			t.Errorf("receive count: got %s, want %s", got, want)
		}
	})
}

// A poll that is woken for a message at the moment at which its client hangs up leaves it to the next poll.
func TestWakeUpIsPassedOn(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		ctx, hangUp := context.WithCancel(a.t.Context())
		var polls sync.WaitGroup
		polls.Go(func() { a.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20}) })
		synctest.Wait()
		start := time.Now()
		polls.Go(func() {
			a.receive(q, 1, 20)
			a.wantAfter("second poll", start, 0)
		})
		synctest.Wait()
		hangUp()
		a.send(q, "one")
		polls.Wait()
	})
}

func TestLongPollOnDeletedQueue(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		var polls sync.WaitGroup
		start := time.Now()
		polls.Go(func() {
			_, err := a.ReceiveMessage(a.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
			if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
				t.Errorf("got %v, want QueueDoesNotExist", err)
			}
			a.wantAfter("poll ended", start, time.Second)
		})
		time.Sleep(time.Second)
		if _, err := a.DeleteQueue(a.t.Context(), &sqs.DeleteQueueInput{QueueUrl: &q}); err != nil {
			t.Fatal(err)
		}
		polls.Wait()
	})
}

func TestDeadLetters(t *testing.T) {
	inBubble(t, func(a *account) {
		dead := a.create("dead")
		q := a.create("q", "VisibilityTimeout", "5")
		a.deadLetters(q, dead, "2")
		sent := a.send(q, "poison")
		start := time.Now()
		a.wantBodies("first", a.receive(q, 1, 0), "poison")
		a.wantBodies("second", a.receive(q, 1, 20), "poison")
		time.Sleep(10 * time.Second)
		if got, want := a.counts(dead), [3]string{"0", "0", "0"}; got != want {
			t.Errorf("moved before the next receive: got %v, want %v", got, want)
		}
		a.wantBodies("third", a.receive(q, 1, 0))
		m := a.receive(dead, 1, 20)
		a.wantAfter("moved", start, 15*time.Second)
		a.wantBodies("dead letter", m, "poison")
		for name, want := range map[string]string{
			"DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:000000000000:q", "SentTimestamp": "946684800000", "ApproximateReceiveCount": "3",
		} {
			if got := m[0].Attributes[name]; got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		if got, want := *m[0].MessageId, *sent.MessageId; got != want {
			t.Errorf("got ID %s, want %s", got, want)
		}
	})
}

// A long poll on either queue moves the message and is woken by it.
func TestDeadLettersInLongPolls(t *testing.T) {
	inBubble(t, func(a *account) {
		dead := a.create("dead")
		q := a.create("q", "VisibilityTimeout", "5")
		a.deadLetters(q, dead, "1")
		a.send(q, "poison")
		a.receive(q, 1, 0)
		start := time.Now()
		var polls sync.WaitGroup
		polls.Go(func() {
			a.wantBodies("dead letter", a.receive(dead, 1, 20), "poison")
			a.wantAfter("moved", start, 5*time.Second)
		})
		a.wantBodies("source", a.receive(q, 1, 12))
		a.wantAfter("source poll", start, 12*time.Second)
		polls.Wait()
	})
}

func TestPurgeAndRecreateTakeAMinute(t *testing.T) {
	inBubble(t, func(a *account) {
		q := a.create("q")
		purge := func() error {
			_, err := a.PurgeQueue(a.t.Context(), &sqs.PurgeQueueInput{QueueUrl: &q})
			return err
		}
		a.send(q, "one")
		a.send(q, "two")
		a.receive(q, 1, 0)
		if err := purge(); err != nil {
			t.Fatal(err)
		}
		if got, want := a.counts(q), [3]string{"0", "0", "0"}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, ok := errors.AsType[*types.PurgeQueueInProgress](purge()); !ok {
			t.Errorf("second purge was not refused")
		}
		time.Sleep(time.Minute)
		if err := purge(); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		a.DeleteQueue(a.t.Context(), &sqs.DeleteQueueInput{QueueUrl: &q})
		_, err := a.CreateQueue(a.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		if _, ok := errors.AsType[*types.QueueDeletedRecently](err); !ok {
			t.Errorf("got %v, want QueueDeletedRecently", err)
		}
		time.Sleep(time.Minute)
		a.create("q")
	})
}

// A queue on which nobody waits does nothing by itself.
func TestIdleQueueHasNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(Server)
		a := &account{Client: clientOf(s.Client(), "http://embedded"), t: t}
		q := a.create("q", "VisibilityTimeout", "5")
		a.send(q, "one")
		a.receive(q, 1, 20)
		a.receive(q, 1, 3)
		if armed := s.named("q").waiters.armed; !armed.IsZero() {
			t.Errorf("the timer of an idle queue is set to %v", armed)
		}
	})
}
