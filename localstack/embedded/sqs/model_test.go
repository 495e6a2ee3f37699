package sqs

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"
)

// TestAgainstModel performs random operations on a queue and its dead-letter queue through an SDK client, and on a model of
// both: every receive returns the same messages after the same time.
func TestAgainstModel(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprintf("fifo=%t", fifo), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Hides Deadline, which a bubble forbids.
				rapid.Check(struct{ rapid.TB }{t}, func(r *rapid.T) { compareWithModel(t, r, fifo) })
			})
		})
	}
}

// A comparison is a queue and its dead-letter queue, with a model of each.
type comparison struct {
	*client
	server   *Server
	r        *rapid.T
	urls     map[*modelQueue]string
	queues   []*modelQueue
	sent     int
	receipts []receiptPair
}

type receiptPair struct {
	real  types.Message
	model modelReceipt
}

func compareWithModel(t *testing.T, r *rapid.T, fifo bool) {
	s := new(Server)
	c := &comparison{client: newClient(t, s), server: s, r: r, urls: make(map[*modelQueue]string)}
	contentBased, perGroup := fifo && c.draw(0, 1, "content-based") == 1, fifo && c.draw(0, 1, "scope") == 1
	for i, name := range []string{"q", "dead"} {
		q := &modelQueue{
			fifo: fifo, contentBased: contentBased, perGroup: perGroup,
			visibility: seconds(4 - i), retention: time.Minute, sends: make(map[string]modelSend),
		}
		attributes := []string{"VisibilityTimeout", strconv.Itoa(4 - i), "MessageRetentionPeriod", "60"}
		if fifo {
			scope := map[bool]string{false: "queue", true: "messageGroup"}[perGroup]
			attributes = append(attributes, "FifoQueue", "true", "ContentBasedDeduplication", strconv.FormatBool(contentBased), "DeduplicationScope", scope)
		}
		c.queues = append(c.queues, q)
		c.urls[q] = c.create(name, attributes...)
	}
	if max := c.draw(0, 2, "maxReceiveCount"); max > 0 {
		c.queues[0].dead, c.queues[0].max = c.queues[1], max
		c.deadLetters(c.urls[c.queues[0]], c.urls[c.queues[1]], strconv.Itoa(max))
	}
	r.Repeat(map[string]func(*rapid.T){
		"send":    func(*rapid.T) { c.send() },
		"send2":   func(*rapid.T) { c.send() },
		"receive": func(*rapid.T) { c.receive() },
		"delete":  func(*rapid.T) { c.delete() },
		"hide":    func(*rapid.T) { c.hide() },
		"delay":   func(*rapid.T) { c.setDelay() },
		"sleep":   func(*rapid.T) { time.Sleep(seconds(c.draw(1, 7, "sleep"))) },
		"long": func(*rapid.T) {
			time.Sleep(seconds(rapid.SampledFrom([]int{20, 35, 50, 60, 280}).Draw(r, "long sleep")))
		},
		"": func(*rapid.T) { c.compareState() },
	})
}

func (c *comparison) draw(low, high int, what string) int {
	return rapid.IntRange(low, high).Draw(c.r, what)
}

func (c *comparison) queue() *modelQueue { return c.queues[max(0, c.draw(-1, 1, "queue"))] }

func (c *comparison) send() {
	q := c.queue()
	c.sent++
	m := &modelMessage{body: strconv.Itoa(c.sent)}
	in := sdk.SendMessageInput{QueueUrl: aws.String(c.urls[q]), MessageBody: &m.body}
	delay := 0
	switch {
	case !q.fifo:
		delay = c.draw(0, 3, "delay")
		in.DelaySeconds = int32(delay)
	case q.contentBased:
		m.body = strconv.Itoa(c.draw(1, 30, "body"))
		m.dedup = contentID(m.body)
	default:
		m.dedup = strconv.Itoa(c.draw(1, 30, "deduplication"))
		in.MessageDeduplicationId = &m.dedup
	}
	if q.fifo {
		m.group = string(rune('a' + c.draw(0, 2, "group")))
		in.MessageGroupId = &m.group
	}
	out := c.post(in)
	m.id = *out.MessageId
	if want := q.send(time.Now(), m, seconds(delay)); *out.MessageId != want.id || q.fifo != (out.SequenceNumber != nil) {
		c.r.Fatalf("sent message %s, want %s", *out.MessageId, want.id)
	}
}

func (c *comparison) receive() {
	q, limit, wait, hidden := c.queue(), c.draw(1, 10, "limit"), c.draw(0, 5, "wait"), c.draw(0, 6, "hidden")
	timeout := q.visibility
	if hidden > 0 {
		timeout = seconds(hidden)
	}
	start := time.Now()
	want, after := q.receive(start, limit, wait, timeout)
	got := c.fetch(sdk.ReceiveMessageInput{
		QueueUrl: aws.String(c.urls[q]), MaxNumberOfMessages: int32(limit), WaitTimeSeconds: int32(wait), VisibilityTimeout: int32(hidden),
	})
	if took := time.Since(start); took != after {
		c.r.Fatalf("the receive took %v, want %v", took, after)
	}
	if got, want := describe(got), describeModel(want); !slices.Equal(got, want) {
		c.r.Fatalf("got %v, want %v", got, want)
	}
	for i, m := range got {
		c.receipts = append(c.receipts, receiptPair{m, want[i]})
	}
}

func describe(messages []types.Message) (texts []string) {
	for _, m := range messages {
		a := m.Attributes
		texts = append(texts, fmt.Sprint(*m.MessageId, " ", *m.Body, a["MessageGroupId"], a["MessageDeduplicationId"], " ", a["ApproximateReceiveCount"], " ", a["SentTimestamp"]))
	}
	return texts
}

func describeModel(receipts []modelReceipt) (texts []string) {
	for _, r := range receipts {
		m := r.message
		texts = append(texts, fmt.Sprint(m.id, " ", m.body, m.group, m.dedup, " ", m.elsewhere+r.receive, " ", m.sent.UnixMilli()))
	}
	return texts
}

// receipt draws a receipt, most likely a recent one.
func (c *comparison) receipt() (receiptPair, bool) {
	if len(c.receipts) == 0 {
		return receiptPair{}, false
	}
	return c.receipts[len(c.receipts)-1-c.draw(0, min(len(c.receipts)-1, 15), "receipt")], true
}

func (c *comparison) delete() {
	if r, ok := c.receipt(); ok {
		want := r.model.queue.delete(time.Now(), r.model)
		if err := c.tryDelete(c.urls[r.model.queue], r.real); (err == nil) != want {
			c.r.Fatalf("delete %s: got %v, want success %t", *r.real.Body, err, want)
		}
	}
}

func (c *comparison) hide() {
	if r, ok := c.receipt(); ok {
		d := c.draw(0, 5, "timeout")
		want := r.model.queue.hide(time.Now(), r.model, seconds(d))
		if err := c.tryHide(c.urls[r.model.queue], r.real, int32(d)); (err == nil) != want {
			c.r.Fatalf("change visibility of %s: got %v, want success %t", *r.real.Body, err, want)
		}
	}
}

func (c *comparison) setDelay() {
	q, delay := c.queue(), c.draw(0, 3, "queue delay")
	q.setDelay(time.Now(), seconds(delay))
	c.set(c.urls[q], "DelaySeconds", strconv.Itoa(delay))
}

// compareState compares the counts, and checks that a queue on which nobody waits runs no timer.
func (c *comparison) compareState() {
	for _, q := range c.queues {
		real, err := c.server.queueAt(c.urls[q])
		if err != nil {
			c.r.Fatal(err)
		}
		now := real.lock()
		got, armed := real.counts, real.waiters.armed
		real.unlock(now)
		if want := q.counts(now); got != want || !armed.IsZero() {
			c.r.Fatalf("%s: got counts %v and a timer at %v, want %v and none", real.name, got, armed, want)
		}
	}
}
