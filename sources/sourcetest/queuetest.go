package sourcetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// timeout is how long the suite waits for an immediate effect on a slow service.
const timeout = 15 * time.Second

// queueTest is one test of the suite, with steps that tests share.
type queueTest struct {
	*testing.T
	Fixture
}

// send sends messages, all in one group.
func (t *queueTest) send(bodies ...string) {
	group := ""
	if t.FIFO {
		group = "group"
	}
	for _, body := range bodies {
		t.Send(body, group)
	}
}

// sendApart sends messages, each in its own group.
func (t *queueTest) sendApart(bodies ...string) {
	for _, body := range bodies {
		group := ""
		if t.FIFO {
			group = "group-" + body
		}
		t.Send(body, group)
	}
}

// receive makes one successful Receive.
func (t *queueTest) receive(limit int, wait time.Duration) []esm.Record {
	t.Helper()
	recs, err := t.Queue.Receive(t.Context(), limit, wait)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	if len(recs) > min(limit, esm.MaxReceived) {
		t.Fatalf("received %d records with a limit of %d", len(recs), limit)
	}
	return recs
}

// take receives until it has n records, which may be hidden for a visibility timeout first. A service may return fewer
// than it has, or none.
func (t *queueTest) take(n int) []esm.Record {
	t.Helper()
	var recs []esm.Record
	within := t.Visibility + timeout
	for start := time.Now(); len(recs) < n; {
		recs = append(recs, t.receive(n-len(recs), time.Second)...)
		if time.Since(start) > within {
			t.Fatalf("received %d of %d messages within %s", len(recs), n, within)
		}
	}
	return recs
}

// quiet expects that nothing can be received for d.
func (t *queueTest) quiet(d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		if recs := t.receive(10, max(time.Second, time.Until(end))); len(recs) > 0 {
			t.Fatalf("received %d records, want none; the first is %s", len(recs), recs[0].Event)
		}
	}
}

func (t *queueTest) delete(recs []esm.Record) {
	t.Helper()
	if left, err := t.Queue.Delete(t.Context(), recs); err != nil || len(left) != 0 {
		t.Fatalf("delete: %d of %d left: %v", len(left), len(recs), err)
	}
}

func (t *queueTest) release(recs []esm.Record) {
	t.Helper()
	if err := t.Queue.Release(t.Context(), recs); err != nil {
		t.Fatalf("release: %v", err)
	}
}

// sendAfter sends a message after d. It returns at once; the test waits for it at its end.
func (t *queueTest) sendAfter(d time.Duration, body string) {
	sent := make(chan struct{})
	time.AfterFunc(d, func() {
		defer close(sent)
		t.send(body)
	})
	t.Cleanup(func() { <-sent })
}

// took expects that what began at start ended about want later.
func (t *queueTest) took(start time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(start); got < want-t.Slack || got > want+t.Slack {
		t.Errorf("took %s, want %s (within %s)", got, want, t.Slack)
	}
}

// seen is a record in the form that a handler receives.
type seen struct {
	MessageID  string            `json:"messageId"`
	Body       string            `json:"body"`
	Attributes map[string]string `json:"attributes"`
}

func (t *queueTest) look(r esm.Record) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal(r.Event, &s); err != nil {
		t.Fatalf("event %q: %v", r.Event, err)
	}
	return s
}

func (t *queueTest) bodies(recs []esm.Record) []string {
	t.Helper()
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = t.look(r).Body
	}
	return out
}

func (t *queueTest) ended() context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
