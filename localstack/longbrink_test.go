package localstack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// A brink is a place between receiving, invoking, telling and saving where engines are killed. Six records are there, of
// which the third is poison, and batches have three.
type brink struct {
	*stream
	kinesis, sqs *proxy
	reached      chan string // is told when the engine is there
	hold         func(invocation int, span string) bool
	keys         []string // of the mapping, for engines that are to be killed

	mu    sync.Mutex
	calls []event // of all lives
}

var brinks = map[string]struct {
	set     func(*brink)
	notices int // at the most, and at the least, for each kill besides the last
	repeats int // of the first batch, at the most, for each kill
}{
	"in the middle of a read": {set: func(b *brink) {
		b.kinesis.follow(func(operation string) (t tampering) {
			if operation == "GetRecords" {
				t.after = b.reached
			}
			return t
		})
	}},
	"with a batch that waits for more": {set: func(b *brink) {
		b.keys = []string{"BatchSize: 100", "MaximumBatchingWindowInSeconds: 300"}
		reads := 0
		b.kinesis.follow(func(operation string) (t tampering) {
			if operation == "GetRecords" {
				if reads++; reads > 1 {
					t.before = b.reached
				}
			}
			return t
		})
	}},
	"in the middle of the first try": {repeats: 1, set: func(b *brink) {
		b.hold = func(n int, _ string) bool { return n == 1 }
	}},
	"in the middle of the second try of a life": {repeats: 1, set: func(b *brink) {
		b.hold = func(n int, span string) bool { return n == 2 || span != "1-3" }
	}},
	"before the notice": {set: func(b *brink) {
		b.sqs.follow(func(operation string) (t tampering) {
			if operation == "SendMessage" {
				t.before = b.reached
			}
			return t
		})
	}},
	"between notice and save": {notices: 1, set: func(b *brink) {
		b.sqs.follow(func(operation string) (t tampering) {
			if operation == "SendMessage" {
				t.after = b.reached
			}
			return t
		})
	}},
	"in the middle of the next batch": {set: func(b *brink) {
		b.hold = func(_ int, span string) bool { return span == "4-6" }
	}},
}

// TestKilledOnEveryBrink kills engines at one place twice, and lets a third go on.
func TestKilledOnEveryBrink(t *testing.T) {
	const kills = 2
	for name, test := range brinks {
		t.Run(name, func(t *testing.T) {
			overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
				dlq, arn := c.queue("brink", map[string]string{})
				b := &brink{
					stream: c.stream("brink", 1), reached: make(chan string, 1),
					kinesis: newProxy(t, c.where.streams, untouched), sqs: newProxy(t, c.service.endpoint, untouched),
				}
				c.elsewhere = fmt.Sprintf(", Endpoints: {kinesis: %q, sqs: %q}", b.kinesis.url, b.sqs.url)
				b.put(numbers(6)...)
				for range kills {
					test.set(b)
					b.live(arn, b.keys, func(e *engine) {
						select {
						case <-b.reached:
						case <-e.ended:
							t.Error("the engine ended by itself")
						case <-time.After(time.Minute):
							t.Error("it was never there")
						}
						e.kill()
					})
				}
				b.kinesis.follow(untouched)
				b.sqs.follow(untouched)
				b.hold = nil
				b.live(arn, nil, func(e *engine) {
					eventually(t, "all is handled", func() bool { return slices.Contains(b.spans(), "4-6") })
					b.put("7")
					eventually(t, "what comes later is handled", func() bool { return slices.Contains(b.spans(), "7") })
					if code := e.stop(); code != 0 {
						t.Errorf("exit code %d", code)
					}
				})
				b.check(kills*test.repeats, kills)
				b.checkNotices(c.collect(dlq), 1+kills*test.notices)
			})
		})
	}
}

func untouched(string) tampering { return tampering{} }

// live starts an engine and has it meet its end. Its handlers' invocations are held as the brink says, until it is dead.
func (b *brink) live(arn string, keys []string, end func(*engine)) {
	dead := make(chan bool)
	defer close(dead)
	n := 0
	if keys == nil {
		keys = []string{"BatchSize: 3"}
	}
	keys = append(slices.Clone(keys), "MaximumRetryAttempts: 2", onFailure(arn))
	end(b.start(fileOf(b.follow("f", b.arn, func(e event) (string, error) {
		texts := kinesisOf(e).texts()
		b.mu.Lock()
		b.calls = append(b.calls, e)
		n++
		held := b.hold != nil && b.hold(n, span(texts))
		b.mu.Unlock()
		if held {
			select {
			case b.reached <- span(texts):
			default:
			}
			<-dead
		}
		if slices.Contains(texts, "3") {
			return throw(e)
		}
		return succeed(e)
	}, keys...))))
}

// spans are the batches that were invoked, in their order.
func (b *brink) spans() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.calls {
		all = append(all, span(kinesisOf(e).texts()))
	}
	return all
}

// check checks that the first batch was tried three times, and a few more that were not counted, before the next ones
// came.
func (b *brink) check(repeats, kills int) {
	b.Helper()
	all := b.spans()
	tries := slices.Index(all, "4-6")
	if tries < 3 || tries > 3+repeats {
		b.Errorf("%d tries of the first batch, want 3 to %d: %q", tries, 3+repeats, all)
	}
	rest := slices.Compact(slices.Clone(all[max(tries, 0):]))
	if !slices.Equal(rest, []string{"4-6", "7"}) || len(all)-tries > 2+kills {
		b.Errorf("invocations %q", all)
	}
	for i, got := range all[:max(tries, 0)] {
		if got != "1-3" {
			b.Errorf("invocation %d of %q", i, all)
		}
	}
}

// checkNotices checks that the first batch was told so many times, alike but for the time.
func (b *brink) checkNotices(texts []string, want int) {
	b.Helper()
	if len(texts) != want {
		b.Errorf("%d notices, want %d: %q", len(texts), want, texts)
	}
	var last map[string]any
	for _, text := range texts {
		var n map[string]any
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			b.Fatal(err)
		}
		delete(n, "timestamp")
		if last != nil && fmt.Sprint(n) != fmt.Sprint(last) {
			b.Errorf("the notice %v is repeated as %v", last, n)
		}
		last = n
		request, _ := n["requestContext"].(map[string]any)
		batch, _ := n["KinesisBatchInfo"].(map[string]any)
		if request["approximateInvokeCount"] != 3.0 || batch["batchSize"] != 3.0 {
			b.Errorf("the notice is %s, want 3 records after 3 tries", text)
		}
	}
}
