package localstack_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A line is a source with traffic, and the mapping that handles it.
type line struct {
	name, arn string
	fn        *function
	keys      []string
	put       func(ctx context.Context, texts []string) error
	textsOf   func(event) []string

	mu   sync.Mutex
	sent map[string]time.Time
}

func (c *corner) newLine(name, arn string, keys ...string) *line {
	return &line{name: name, arn: arn, keys: keys, fn: newFunction(c.T), sent: map[string]time.Time{}}
}

func (c *corner) queueLine(name, suffix string) *line {
	url, arn := c.queue(name+suffix, map[string]string{"VisibilityTimeout": "300"})
	l := c.newLine(name, arn)
	l.put = func(ctx context.Context, texts []string) error {
		for _, text := range texts {
			in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &text}
			if key, _ := place(text); suffix != "" {
				in.MessageGroupId, in.MessageDeduplicationId = &key, &text
			}
			if _, err := c.sqs.SendMessage(ctx, in); err != nil {
				return err
			}
		}
		return nil
	}
	l.textsOf = func(e event) (texts []string) {
		for _, rec := range e.Records {
			texts = append(texts, rec.Body)
		}
		return texts
	}
	return l
}

func (c *corner) streamLine(name string) *line {
	s := c.stream(name, 2)
	l := c.newLine(name, s.arn, "StartingPosition: TRIM_HORIZON")
	l.put = func(_ context.Context, texts []string) error {
		for _, text := range texts {
			key, _ := place(text)
			s.putInto(int(key[1])%2, key, text)
		}
		return nil
	}
	l.textsOf = func(e event) []string { return kinesisOf(e).texts() }
	return l
}

func (c *corner) tableLine(name string) *line {
	table := c.table(name)
	l := c.newLine(name, table.stream, "StartingPosition: TRIM_HORIZON")
	l.put = func(_ context.Context, texts []string) error {
		table.put(texts...)
		return nil
	}
	l.textsOf = func(e event) []string {
		f := &function{calls: []event{e}}
		return f.keysSeen()
	}
	return l
}

// feed puts records of four keys until ctx ends.
func (l *line) feed(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		var texts []string
		l.mu.Lock()
		for key := range 4 {
			text := fmt.Sprintf("k%d/%d", key, n)
			texts = append(texts, text)
			l.sent[text] = time.Now()
		}
		l.mu.Unlock()
		if err := l.put(t.Context(), texts); err != nil {
			t.Errorf("%s: %v", l.name, err)
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *line) sentAll() int { return len(l.sent) }

func (l *line) done() (n int) {
	for _, call := range l.fn.seen() {
		n += len(l.textsOf(call))
	}
	return n
}

// check checks that all was handled once, in the order of each key where there is one, and soon.
func (l *line) check(t *testing.T, soon time.Duration) {
	t.Helper()
	times, next, longest := map[string]int{}, map[string]int{}, time.Duration(0)
	ordered := !strings.HasPrefix(l.name, "standard")
	for _, call := range l.fn.seen() {
		for _, text := range l.textsOf(call) {
			times[text]++
			longest = max(longest, call.At.Sub(l.sent[text]))
			if key, n := place(text); ordered && n != next[key] {
				t.Errorf("%s: %s was handled when %s/%d was next", l.name, text, key, next[key])
				next[key] = n + 1
			} else {
				next[key]++
			}
		}
	}
	for text := range l.sent {
		if times[text] != 1 {
			t.Errorf("%s: %s was handled %d times", l.name, text, times[text])
		}
	}
	if longest > soon {
		t.Errorf("%s: a record waited for %v, want at most %v", l.name, longest, soon)
	}
	t.Logf("%s: %d records in %d batches, none waited for longer than %v", l.name, len(l.sent), len(l.fn.seen()), longest)
}

func functionsOf(lines []*line) (all []*function) {
	for _, l := range lines {
		all = append(all, l.fn)
	}
	return all
}
