package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// served starts a server on a socket and returns an account on it. Stop ends it and returns what Serve returned.
func served(t testing.TB) (a *account, s *Server, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var served error
	s = new(Server)
	running.Go(func() { served = s.Serve(ctx, l) })
	stop = sync.OnceValue(func() error {
		cancel()
		running.Wait()
		return served
	})
	t.Cleanup(func() { stop() })
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &account{Client: clientOf(&hideWriteTo{http.Client{Transport: transport}}, "http://"+l.Addr().String()), t: t}, s, stop
}

func TestServeEndsEverything(t *testing.T) {
	a, s, stop := served(t)
	q := a.create("q")
	if want := "/000000000000/q"; !strings.HasSuffix(q, want) {
		t.Errorf("got the queue URL %s", q)
	}
	var polls sync.WaitGroup
	for range 3 {
		polls.Go(func() {
			a.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20})
		})
	}
	waitForPolls(s.named("q"), 3)
	start := time.Now()
	if err := stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	polls.Wait()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("long polls held Serve up for %v", took)
	}
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

func TestServeReturnsItsListenersError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := new(Server).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

// A client that hangs up while it waits on a socket does not get the message that comes next.
func TestHangingUpOnASocket(t *testing.T) {
	a, s, _ := served(t)
	q := a.create("q")
	ctx, hangUp := context.WithCancel(context.Background())
	var polls sync.WaitGroup
	polls.Go(func() { a.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q, WaitTimeSeconds: 20}) })
	waitForPolls(s.named("q"), 1)
	hangUp()
	polls.Wait()
	waitForPolls(s.named("q"), 0)
	a.send(q, "one")
	a.wantBodies("the next receiver", a.receive(q, 1, 20), "one")
}

// Many producers and consumers side by side: everything is received once and in the order of its group.
func TestConcurrentUse(t *testing.T) {
	const groups, each = 8, 20
	inBubble(t, func(a *account) {
		q := a.createFIFO("q")
		var received atomic.Int32
		var mu sync.Mutex
		last := make(map[string]int)
		var all sync.WaitGroup
		for g := range groups {
			all.Go(func() {
				group := strconv.Itoa(g)
				for n := range each {
					a.sendTo(q, group, group+"-"+strconv.Itoa(n))
				}
			})
			all.Go(func() {
				for received.Load() < groups*each {
					for _, m := range a.receive(q, 10, 1) {
						group := m.Attributes["MessageGroupId"]
						mu.Lock()
						want := group + "-" + strconv.Itoa(last[group])
						last[group]++
						mu.Unlock()
						if *m.Body != want {
							t.Errorf("got %s, want %s", *m.Body, want)
						}
						received.Add(1)
						a.delete(q, m)
					}
				}
			})
			all.Go(func() { a.counts(q) })
		}
		all.Wait()
		if got, want := a.counts(q), [3]string{"0", "0", "0"}; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestOverLimit(t *testing.T) {
	s := new(Server)
	a := &account{Client: clientOf(s.Client(), "http://embedded"), t: t}
	for _, url := range []string{a.create("q"), a.createFIFO("q")} {
		_, name := cutLast(url)
		q := s.named(name)
		for _, body := range []string{"one", "two"} {
			if _, err := q.send(parcel{body: body, bodyMD5: md5Hex(body), groupID: body, dedupID: body}, nil); err != nil {
				t.Fatal(err)
			}
		}
		q.counts[inFlight] = maxInFlight - 1 // as if so many were
		a.wantBodies("the last one", a.receive(url, 10, 0), "one")
		out, err := a.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
		if _, over := errors.AsType[*types.OverLimit](err); over == q.fifo || q.fifo && len(out.Messages) > 0 {
			t.Errorf("%s: got %v, %v", name, out, err)
		}
	}
}

// BenchmarkDrain receives and deletes messages with ten loops of a real SDK client over a socket. Most of the time goes
// to the SDK.
func BenchmarkDrain(b *testing.B) {
	a, _, _ := served(b)
	q := a.create("q")
	b.StopTimer()
	entries := make([]types.SendMessageBatchRequestEntry, 10)
	for sent := 0; sent < b.N; sent += len(entries) {
		for i := range entries {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(`{"order":42,"note":"a typical small message"}`)}
		}
		if _, err := a.SendMessageBatch(context.Background(), &sqs.SendMessageBatchInput{QueueUrl: &q, Entries: entries}); err != nil {
			b.Fatal(err)
		}
	}
	b.StartTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var loops sync.WaitGroup
	for range 10 {
		loops.Go(func() {
			for left.Load() > 0 {
				left.Add(-drainOnce(b, a, q))
			}
		})
	}
	loops.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func drainOnce(b *testing.B, a *account, q string) int64 {
	out, err := a.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{
		QueueUrl: &q, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil || len(out.Messages) == 0 {
		return 0
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(out.Messages))
	for i, m := range out.Messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	if _, err := a.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{QueueUrl: &q, Entries: entries}); err != nil {
		b.Error(err)
	}
	return int64(len(entries))
}

// BenchmarkHandler is the same without SDK and socket: the server's own work.
func BenchmarkHandler(b *testing.B) {
	s := new(Server)
	mustPost(b, s, "CreateQueue", `{"QueueName":"q"}`)
	q := s.named("q")
	for range b.N {
		q.accept(sendEntry{MessageBody: `{"order":42,"note":"a typical small message"}`})
	}
	perform := func(operation string, body []byte) []byte {
		r, _ := http.NewRequest("POST", "http://host:1/", nil)
		out, err := operations[operation](s, r, body)
		if err != nil {
			b.Fatal(err)
		}
		return out
	}
	b.ResetTimer()
	for done := 0; done < b.N; done += 10 {
		body := perform("ReceiveMessage", []byte(`{`+queueURL+`,"MaxNumberOfMessages":10,"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]}`))
		b.StopTimer()
		request := deletionOf(body)
		b.StartTimer()
		perform("DeleteMessageBatch", request)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func deletionOf(received []byte) []byte {
	var got struct {
		Messages []struct{ ReceiptHandle string }
	}
	json.Unmarshal(received, &got)
	entries := make([]deleteEntry, len(got.Messages))
	for i, m := range got.Messages {
		entries[i] = deleteEntry{strconv.Itoa(i), m.ReceiptHandle}
	}
	body, _ := json.Marshal(deleteBatchInput{"http://host:1/000000000000/q", entries})
	return body
}
