package sqs

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/awserr"
)

func TestReceiveAttempt(t *testing.T) {
	bubble(t, func(c *client) {
		q := c.createFIFO("q", "VisibilityTimeout", "10")
		for _, body := range []string{"m1", "m2", "m3"} {
			c.sendTo(q, "g", body)
		}
		attempt := func(id string) []types.Message {
			return c.fetch(sdk.ReceiveMessageInput{QueueUrl: &q, MaxNumberOfMessages: 2, ReceiveRequestAttemptId: &id})
		}
		first := attempt("a")
		time.Sleep(6 * time.Second)
		second := attempt("a")
		if len(second) != 2 || *second[1].ReceiptHandle != *first[1].ReceiptHandle || second[0].Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("got %v, want %v", second, first)
		}
		time.Sleep(6 * time.Second) // the repetition started the visibility timeout again
		c.wantBodies("another attempt", attempt("b"))
		c.delete(q, first[1])
		c.wantBodies("after a deletion", attempt("a"))
		time.Sleep(4 * time.Second)
		c.wantBodies("after the timeout", attempt("a"), "m1", "m3")
	})
}

func TestPurgeAndRecreateTakeAMinute(t *testing.T) {
	bubble(t, func(c *client) {
		q := c.create("q")
		purge := func() error {
			_, err := c.PurgeQueue(c.t.Context(), &sdk.PurgeQueueInput{QueueUrl: &q})
			return err
		}
		c.send(q, "one")
		if err := purge(); err != nil {
			t.Fatal(err)
		}
		c.wantBodies("purged", c.receive(q, 1, 0))
		if _, ok := errors.AsType[*types.PurgeQueueInProgress](purge()); !ok {
			t.Error("the second purge was not refused")
		}
		time.Sleep(time.Minute)
		if err := purge(); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		c.deleteQueues()
		_, err := c.CreateQueue(c.t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("q")})
		if _, ok := errors.AsType[*types.QueueDeletedRecently](err); !ok {
			t.Errorf("got %v, want QueueDeletedRecently", err)
		}
		time.Sleep(time.Minute)
		c.create("q")
	})
}

func TestTotalVisibilityIsTwelveHours(t *testing.T) {
	bubble(t, func(c *client) {
		q := c.create("q")
		c.send(q, "one")
		m := c.fetch(sdk.ReceiveMessageInput{QueueUrl: &q, VisibilityTimeout: 43200})[0]
		time.Sleep(time.Second)
		if got, want := awserr.Code(c.tryHide(q, m, 43200)), "InvalidParameterValue"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.hide(q, m, 43199)
	})
}

func TestMaxInFlight(t *testing.T) {
	s := new(Server)
	c := newClient(t, s)
	for _, url := range []string{c.create("q"), c.createFIFO("q")} {
		_, name := cutLast(url)
		q := s.named(name)
		for _, body := range []string{"one", "two"} {
			if _, err := q.send(content{body: body, bodyMD5: md5Hex(body), groupID: body, dedupID: body}, nil); err != nil {
				t.Fatal(err)
			}
		}
		q.counts[inFlight] = maxInFlight - 1 // pretend
		c.wantBodies("the last one", c.receive(url, 10, 0), "one")
		out, err := c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url})
		if _, over := errors.AsType[*types.OverLimit](err); over == q.fifo || q.fifo && len(out.Messages) > 0 {
			t.Errorf("%s: got %v, %v", name, out, err)
		}
	}
}
