package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// script answers the nth invocation with the nth of its answers, and further ones with the last.
func script(answers ...func(event) (string, error)) func(event) (string, error) {
	n := 0
	return func(e event) (string, error) {
		answer := answers[min(n, len(answers)-1)]
		n++
		return answer(e)
	}
}

func throw(event) (string, error) { return "", faultError("Unhandled") }

func answer(text string) func(event) (string, error) {
	return func(event) (string, error) { return text, nil }
}

// report answers with a failure list that names the records with these bodies.
func report(bodies ...string) func(event) (string, error) {
	return func(e event) (string, error) {
		var items []string
		for _, r := range e.Records {
			if slices.Contains(bodies, r.Body) {
				items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID))
			}
		}
		return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`, nil
	}
}

// What AWS was recorded doing with a few messages, a handler and a redrive policy.
func TestRecordedOnAWS(t *testing.T) {
	tests := map[string]struct {
		queue   sourcetest.QueueConfig
		send    int
		group   string
		size    int
		report  bool
		handler func(event) (string, error)
		calls   []string // bodies/receive counts of each invocation
		dead    int
	}{
		"a failing function sees its message again after the visibility timeout": {
			queue: sourcetest.QueueConfig{Visibility: 5 * time.Second}, send: 1, size: 1, handler: script(throw, succeed),
			calls: []string{"0/1", "0/2"},
		},
		"a function that always fails ends in the dead-letter queue": {
			queue: sourcetest.QueueConfig{Visibility: 5 * time.Second, MaxReceives: 2}, send: 1, size: 1, handler: throw,
			calls: []string{"0/1", "0/2"}, dead: 1,
		},
		"reported failures of a FIFO group come back, the others are deleted": {
			queue: sourcetest.QueueConfig{Visibility: 8 * time.Second, FIFO: true, MaxReceives: 2}, send: 4, group: "m", report: true,
			handler: script(report("m1", "m2", "m3"), report("m3")),
			calls:   []string{"m0/1 m1/1 m2/1 m3/1", "m1/2 m2/2 m3/2"}, dead: 1,
		},
		"a function error is complete although failures could be reported": {
			queue: sourcetest.QueueConfig{Visibility: 2 * time.Second, MaxReceives: 2}, send: 2, report: true, handler: throw,
			calls: []string{"0/1 1/1", "0/2 1/2"}, dead: 2,
		},
		"a report that is not valid fails the batch": {
			queue: sourcetest.QueueConfig{Visibility: 2 * time.Second, MaxReceives: 2}, send: 1, report: true,
			handler: answer(`{"batchItemFailures":[{"foo":"notvalid"}]}`),
			calls:   []string{"0/1", "0/2"}, dead: 1,
		},
		"an empty object is success": {
			queue: sourcetest.QueueConfig{Visibility: 2 * time.Second, MaxReceives: 1}, send: 1, report: true, handler: answer(`{}`),
			calls: []string{"0/1"},
		},
		"a report counts for nothing unless it was asked for": {
			queue: sourcetest.QueueConfig{Visibility: 2 * time.Second, MaxReceives: 2}, send: 2, handler: report("0"),
			calls: []string{"0/1 1/1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t, test.queue, test.handler)
				h.feed.Report, h.feed.Batching.Size = test.report, test.size
				h.send(test.send, test.group)
				h.start()
				h.wait(5 * time.Minute)
				h.close()
				if got := asText(h.fn.seen()); !slices.Equal(got, test.calls) {
					t.Errorf("invocations %q, want %q", got, test.calls)
				}
				if got := len(h.queue.Dead()); got != test.dead {
					t.Errorf("%d messages in the dead-letter queue, want %d", got, test.dead)
				}
				if left := h.queue.Len(); left != 0 {
					t.Errorf("%d messages are left", left)
				}
				spaced(t, h.fn.seen(), test.queue.Visibility)
			})
		})
	}
}

// asText writes each invocation as its records' bodies and receive counts.
func asText(calls []event) (lines []string) {
	for _, c := range calls {
		var line []string
		for _, r := range c.Records {
			line = append(line, r.Body+"/"+r.Attributes.ApproximateReceiveCount)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// spaced checks that no message came back before its visibility timeout.
func spaced(t *testing.T, calls []event, visibility time.Duration) {
	t.Helper()
	last := map[string]time.Time{}
	for _, c := range calls {
		for _, r := range c.Records {
			if before, seen := last[r.MessageID]; seen && c.At.Sub(before) < visibility {
				t.Errorf("message %s came back after %v", r.Body, c.At.Sub(before))
			}
			last[r.MessageID] = c.At
		}
	}
}

// A large message of a group must not overtake the earlier ones of its group that failed, although it waits here for the
// next batch.
func TestCarriedRecordsDoNotOvertakeTheirGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{FIFO: true, Visibility: 10 * time.Second}, script(throw, succeed))
		h.feed.Batching = policy.Batching{Size: 10, MaxBytes: 1400}
		h.send(6, "a")
		h.start()
		h.wait(time.Second)
		if calls := h.fn.seen(); len(calls) != 1 {
			t.Fatalf("%d invocations before the failed batch returned, want 1", len(calls))
		}
		h.wait(time.Minute)
		var order []string
		for _, c := range h.fn.seen()[1:] {
			order = append(order, c.bodies()...)
		}
		if want := []string{"a0", "a1", "a2", "a3", "a4", "a5"}; !slices.Equal(order, want) {
			t.Errorf("handled in the order %v, want %v", order, want)
		}
		h.close()
	})
}

func TestCarriedRecordsMakeTheNextBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{MaxReceives: 1}, succeed)
		h.feed.Batching = policy.Batching{Size: 10, MaxBytes: 1400}
		h.send(10, "")
		h.start()
		h.wait(time.Second)
		h.close()
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages are left", left)
		}
		for _, c := range h.fn.seen() {
			if len(c.Records) > 3 {
				t.Errorf("a batch of %d records is above the limit", len(c.Records))
			}
		}
	})
}

func TestARecordThatFitsNoBatchIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{MaxReceives: 2}, succeed)
		h.feed.Batching = policy.Batching{Size: 10, MaxBytes: 1400}
		h.queue.Send(strings.Repeat("x", 2000), "")
		h.send(3, "")
		h.start()
		h.wait(2 * time.Minute)
		h.close()
		if dead, deleted := len(h.queue.Dead()), len(h.queue.Deleted()); dead != 1 || deleted != 3 {
			t.Errorf("%d dead and %d deleted, want 1 and 3", dead, deleted)
		}
	})
}
