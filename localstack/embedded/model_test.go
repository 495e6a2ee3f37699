package embedded

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"
)

// TestLikeItsTwin leads random lives of a queue and its dead-letter queue through a real SDK client, next to those of
// their twins: every receive returns the same messages after the same time.
func TestLikeItsTwin(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprintf("fifo=%t", fifo), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Without Deadline, which a bubble forbids.
				rapid.Check(struct{ rapid.TB }{t}, func(r *rapid.T) { lead(t, r, fifo) })
			})
		})
	}
}

// A life is one queue with its dead-letter queue, real and imagined.
type life struct {
	*account
	server  *Server
	r       *rapid.T
	urls    map[*twin]string
	queues  []*twin
	bodies  int
	handles []pairOfHandles
}

type pairOfHandles struct {
	real types.Message
	twin twinHandle
}

func lead(t *testing.T, r *rapid.T, fifo bool) {
	s := new(Server)
	l := &life{account: &account{Client: clientOf(s.Client(), "http://embedded"), t: t}, server: s, r: r, urls: make(map[*twin]string)}
	create := l.account.create
	if fifo {
		create = l.createFIFO
	}
	for i, name := range []string{"q", "dead"} {
		q := &twin{fifo: fifo, visibility: seconds(4 - i), retention: time.Minute, known: make(map[string]twinSend)}
		l.queues = append(l.queues, q)
		l.urls[q] = create(name, "VisibilityTimeout", strconv.Itoa(4-i), "MessageRetentionPeriod", "60")
	}
	if max := l.draw(0, 2, "maxReceiveCount"); max > 0 {
		l.queues[0].dead, l.queues[0].max = l.queues[1], max
		l.deadLetters(l.urls[l.queues[0]], l.urls[l.queues[1]], strconv.Itoa(max))
	}
	r.Repeat(map[string]func(*rapid.T){
		"send":    func(*rapid.T) { l.send() },
		"send2":   func(*rapid.T) { l.send() },
		"receive": func(*rapid.T) { l.receive() },
		"delete":  func(*rapid.T) { l.delete() },
		"hide":    func(*rapid.T) { l.hide() },
		"sleep":   func(*rapid.T) { time.Sleep(seconds(rapid.IntRange(1, 7).Draw(r, "sleep"))) },
		"long":    func(*rapid.T) { time.Sleep(seconds(rapid.IntRange(20, 50).Draw(r, "long sleep"))) },
		"":        func(*rapid.T) { l.compareCounts() },
	})
}

func (l *life) draw(low, high int, what string) int { return rapid.IntRange(low, high).Draw(l.r, what) }

func (l *life) queue() *twin { return l.queues[max(0, l.draw(-1, 1, "queue"))] }

func (l *life) send() {
	q := l.queue()
	l.bodies++
	body, dedup, delay := strconv.Itoa(l.bodies), strconv.Itoa(l.draw(1, 30, "deduplication")), 0
	in := sqs.SendMessageInput{QueueUrl: aws.String(l.urls[q]), MessageBody: &body}
	group := string(rune('a' + l.draw(0, 2, "group")))
	if q.fifo {
		in.MessageGroupId, in.MessageDeduplicationId = &group, &dedup
	} else {
		delay = l.draw(0, 3, "delay")
		in.DelaySeconds = int32(delay)
	}
	out := l.post(in)
	want := q.send(time.Now(), body, group, dedup, seconds(delay))
	if isNew := want.body == body; q.fifo && isNew && out.SequenceNumber == nil {
		l.r.Fatalf("no sequence number")
	}
}

func (l *life) receive() {
	q, limit, wait, hidden := l.queue(), l.draw(1, 10, "limit"), l.draw(0, 5, "wait"), l.draw(0, 6, "hidden")
	timeout := q.visibility
	if hidden > 0 {
		timeout = seconds(hidden)
	}
	start := time.Now()
	want, after := q.receive(start, limit, wait, timeout)
	got := l.fetch(sqs.ReceiveMessageInput{
		QueueUrl: aws.String(l.urls[q]), MaxNumberOfMessages: int32(limit), WaitTimeSeconds: int32(wait), VisibilityTimeout: int32(hidden),
	})
	if took := time.Since(start); took != after {
		l.r.Fatalf("the receive took %v, want %v", took, after)
	}
	if got, want := described(got), imagined(want); !slices.Equal(got, want) {
		l.r.Fatalf("got %v, want %v", got, want)
	}
	for i, m := range got {
		l.handles = append(l.handles, pairOfHandles{m, want[i]})
	}
}

// described and imagined tell body, group and receive count of what was received.
func described(messages []types.Message) (texts []string) {
	for _, m := range messages {
		texts = append(texts, *m.Body+m.Attributes["MessageGroupId"]+m.Attributes["ApproximateReceiveCount"])
	}
	return texts
}

func imagined(handles []twinHandle) (texts []string) {
	for _, h := range handles {
		group := h.message.group
		if !h.queue.fifo {
			group = ""
		}
		texts = append(texts, h.message.body+group+strconv.Itoa(h.message.elsewhere+h.receive))
	}
	return texts
}

// handle picks a receipt handle, of late or of long ago.
func (l *life) handle() (pairOfHandles, bool) {
	if len(l.handles) == 0 {
		return pairOfHandles{}, false
	}
	return l.handles[len(l.handles)-1-l.draw(0, min(len(l.handles)-1, 15), "handle")], true
}

func (l *life) delete() {
	if h, ok := l.handle(); ok {
		want := h.twin.queue.delete(time.Now(), h.twin)
		if err := l.tryDelete(l.urls[h.twin.queue], h.real); (err == nil) != want {
			l.r.Fatalf("delete %s: got %v, want success %t", *h.real.Body, err, want)
		}
	}
}

func (l *life) hide() {
	if h, ok := l.handle(); ok {
		d := l.draw(0, 5, "timeout")
		want := h.twin.queue.hide(time.Now(), h.twin, seconds(d))
		if err := l.tryHide(l.urls[h.twin.queue], h.real, int32(d)); (err == nil) != want {
			l.r.Fatalf("hide %s: got %v, want success %t", *h.real.Body, err, want)
		}
	}
}

func (l *life) compareCounts() {
	for _, q := range l.queues {
		real, err := l.server.queueAt(l.urls[q])
		if err != nil {
			l.r.Fatal(err)
		}
		now := real.lock()
		got := [3]int(real.counts[:])
		real.unlock(now)
		if want := q.counts(now); got != want {
			l.r.Fatalf("%s: got counts %v, want %v", real.name, got, want)
		}
	}
}
