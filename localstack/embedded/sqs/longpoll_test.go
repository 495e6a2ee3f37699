package sqs

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

func TestLongPollReturns(t *testing.T) {
	soon := func(do func()) { time.AfterFunc(3*time.Second, do) }
	for _, test := range []struct {
		when  string
		begin func(c *client) (q string)
		after time.Duration
		want  []string
	}{
		{"its time is up", func(c *client) string {
			return c.create("q", "ReceiveMessageWaitTimeSeconds", "3")
		}, 20 * time.Second, nil},
		{"a message is sent", func(c *client) string {
			q := c.create("q")
			soon(func() { c.send(q, "one") })
			return q
		}, 3 * time.Second, []string{"one"}},
		{"a delay ends", func(c *client) string {
			q := c.create("q", "DelaySeconds", "5")
			c.send(q, "one")
			return q
		}, 5 * time.Second, []string{"one"}},
		{"a visibility timeout ends", func(c *client) string {
			q := c.create("q", "VisibilityTimeout", "5")
			c.send(q, "one")
			c.receive(q, 1, 0)
			return q
		}, 5 * time.Second, []string{"one"}},
		{"a visibility timeout that was changed ends", func(c *client) string {
			q := c.create("q")
			c.send(q, "one")
			m := c.receive(q, 1, 0)[0]
			soon(func() { c.hide(q, m, 7) })
			return q
		}, 10 * time.Second, []string{"one"}},
		{"a group is free", func(c *client) string {
			q := c.createFIFO("q")
			c.sendTo(q, "g", "one")
			c.sendTo(q, "g", "two")
			m := c.receive(q, 1, 0)[0]
			soon(func() { c.delete(q, m) })
			return q
		}, 3 * time.Second, []string{"two"}},
		{"the first message of a group expires", func(c *client) string {
			q := c.createFIFO("q", "MessageRetentionPeriod", "60", "VisibilityTimeout", "300")
			c.sendTo(q, "g", "one")
			time.Sleep(50 * time.Second)
			c.sendTo(q, "g", "two")
			c.receive(q, 1, 0)
			return q
		}, 10 * time.Second, []string{"two"}},
		{"a dead letter arrives", func(c *client) string {
			dead, q := c.create("dead"), c.create("q", "VisibilityTimeout", "5")
			c.deadLetters(q, dead, "1")
			c.send(q, "one")
			c.receive(q, 1, 0)
			soon(func() { c.ReceiveMessage(c.t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20}) })
			return dead
		}, 5 * time.Second, []string{"one"}},
	} {
		t.Run(test.when, func(t *testing.T) {
			bubble(t, func(c *client) {
				q := test.begin(c)
				start := time.Now()
				c.wantBodies("long poll", c.receive(q, 1, 20), test.want...)
				c.wantAfter("it returned", start, test.after)
				synctest.Wait() // for the request that ended the poll
			})
		})
	}
}

// The SDK omits a wait of 0, so that the queue's own applies.
func TestWaitOfTheQueue(t *testing.T) {
	bubble(t, func(c *client) {
		q, start := c.create("q", "ReceiveMessageWaitTimeSeconds", "3"), time.Now()
		c.wantBodies("long poll", c.receive(q, 1, 0))
		c.wantAfter("it returned", start, 3*time.Second)
	})
}

func TestLongPollOnDeletedQueue(t *testing.T) {
	bubble(t, func(c *client) {
		q, start := c.create("q"), time.Now()
		time.AfterFunc(time.Second, c.deleteQueues)
		_, err := c.ReceiveMessage(c.t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
		if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
			t.Errorf("got %v, want QueueDoesNotExist", err)
		}
		c.wantAfter("it returned", start, time.Second)
	})
}

func TestLongPollsEachGetAMessage(t *testing.T) {
	bubble(t, func(c *client) {
		q, start := c.create("q"), time.Now()
		var polls sync.WaitGroup
		for range 3 {
			polls.Go(func() {
				if got := len(c.receive(q, 10, 20)); got != 1 {
					t.Errorf("got %d messages, want 1", got)
				}
			})
		}
		time.Sleep(4 * time.Second)
		for _, body := range []string{"a", "b", "c"} {
			c.send(q, body)
			synctest.Wait()
		}
		polls.Wait()
		c.wantAfter("all returned", start, 4*time.Second)
	})
}

// A message that wakes a poll whose client has hung up goes to the next poll.
func TestMessageGoesToTheNextPollAfterACancellation(t *testing.T) {
	bubble(t, func(c *client) {
		q := c.create("q")
		ctx, hangUp := context.WithCancel(c.t.Context())
		var polls sync.WaitGroup
		polls.Go(func() {
			_, err := c.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		polls.Go(func() {
			m := c.receive(q, 1, 20)
			c.wantAfter("second poll", start, 0)
			if got, want := m[0].Attributes["ApproximateReceiveCount"], "1"; got != want {
				t.Errorf("receive count: got %s, want %s", got, want)
			}
		})
		synctest.Wait()
		hangUp()
		c.send(q, "one")
		polls.Wait()
	})
}

// onSocket returns a client of a new server on a socket.
func onSocket(t testing.TB) (*client, *Server) {
	t.Helper()
	s := new(Server)
	served := httptest.NewServer(s)
	t.Cleanup(served.Close)
	config := inprocess.Config(nil)
	config.BaseEndpoint, config.HTTPClient = &served.URL, awshttp.New(100)
	return &client{Client: sdk.NewFromConfig(config), t: t}, s
}

// A client that disconnects during a long poll does not get the next message.
func TestDisconnectingOnASocket(t *testing.T) {
	c, s := onSocket(t)
	q := c.create("q")
	ctx, hangUp := context.WithCancel(context.Background())
	var polls sync.WaitGroup
	polls.Go(func() { c.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20}) })
	waitForPolls(s.named("q"), 1)
	hangUp()
	polls.Wait()
	waitForPolls(s.named("q"), 0)
	c.send(q, "one")
	c.wantBodies("the next receiver", c.receive(q, 1, 20), "one")
}

// waitForPolls returns when n long polls wait on q.
func waitForPolls(q *queue, n int) {
	waiting := func() int {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.waiters.list.Len()
	}
	for waiting() != n {
		runtime.Gosched()
	}
}
