package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// recorded are observations of AWS, each with a queue, a redrive policy and a handler.
var recorded = []struct {
	name       string
	fifo       bool
	visibility time.Duration
	receives   int // maxReceiveCount
	send       []string
	keys       []string
	handlers   []rig.Handler // of the first, second … invocation
	calls      []string      // bodies and receive counts
	dead       []string
}{
	{
		name: "a failed message returns after the visibility timeout", visibility: 5 * time.Second, receives: 5, send: []string{"m"},
		handlers: []rig.Handler{rig.Fail, rig.Succeed}, calls: []string{"m/1", "m/2"},
	},
	{
		name: "reported failures of a FIFO group", fifo: true, visibility: 5 * time.Second, receives: 2,
		send: []string{"m1", "m2", "m3", "m4"}, keys: []string{rig.Reporting},
		handlers: []rig.Handler{rig.Report("m2", "m3", "m4"), rig.Report("m4")},
		calls:    []string{"m1/1 m2/1 m3/1 m4/1", "m2/2 m3/2 m4/2"}, dead: []string{"m4"},
	},
	{
		name: "an exception fails the whole batch", visibility: 4 * time.Second, receives: 2, send: []string{"a", "b"},
		keys:     []string{rig.Reporting, rig.BatchSize(100), "MaximumBatchingWindowInSeconds: 1"},
		handlers: []rig.Handler{rig.Fail}, dead: []string{"a", "b"},
	},
	{
		name: "an invalid report", visibility: 4 * time.Second, receives: 2, send: []string{"m"}, keys: []string{rig.Reporting},
		handlers: []rig.Handler{rig.Answer(`{"batchItemFailures":[{"foo":"notvalid"}]}`)}, calls: []string{"m/1", "m/2"}, dead: []string{"m"},
	},
	{
		name: "an answer that is no object", visibility: 4 * time.Second, receives: 1, send: []string{"m"}, keys: []string{rig.Reporting},
		handlers: []rig.Handler{rig.Answer(`"ok"`)}, calls: []string{"m/1"}, dead: []string{"m"},
	},
	{
		name: "an empty object", visibility: 30 * time.Second, receives: 1, send: []string{"m"}, keys: []string{rig.Reporting},
		handlers: []rig.Handler{rig.Answer(`{}`)}, calls: []string{"m/1"},
	},
	{
		name: "a filter on the body", visibility: 30 * time.Second, receives: 1,
		send:     []string{`{"kind":"paid","amount":150}`, `{"kind":"draft","amount":150}`, `{"kind":"paid","amount":99}`, `not JSON`},
		keys:     []string{rig.Filter(`{"body":{"kind":["paid"],"amount":[{"numeric":[">",100]}]}}`)},
		handlers: []rig.Handler{rig.Succeed}, calls: []string{`{"kind":"paid","amount":150}/1`},
	},
	{
		name: "a filter on plain text", visibility: 30 * time.Second, receives: 1, send: []string{"stop", "go", `{"stop":1}`},
		keys:     []string{rig.Filter(`{"body":["stop"]}`)},
		handlers: []rig.Handler{rig.Succeed}, calls: []string{"stop/1"},
	},
}

func TestRecordedOnAWS(t *testing.T) {
	t.Parallel()
	for _, test := range recorded {
		t.Run(test.name, func(t *testing.T) {
			rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
				suffix := ""
				if test.fifo {
					suffix = ".fifo"
				}
				dlq := e.Queue("dead"+suffix, nil)
				q := e.Queue("recorded"+suffix, rig.Attributes{
					"VisibilityTimeout": fmt.Sprint(test.visibility.Seconds()), "RedrivePolicy": dlq.Redrive(test.receives),
				})
				q.Send(test.send...)
				f := e.Function("f", rig.Script(test.handlers...))
				engine := e.Run(f.On(q.ARN, test.keys...))
				q.WaitCount(0)
				dlq.WaitCount(len(test.dead))
				engine.Stop()
				if got := receives(f.Calls()); test.calls != nil && !slices.Equal(got, test.calls) {
					t.Errorf("invocations %q, want %q", got, test.calls)
				}
				checkReturns(t, f.Calls(), test.visibility)
				if got := dlq.TakeSorted(len(test.dead)); !slices.Equal(got, test.dead) {
					t.Errorf("dead-letter queue %q, want %q", got, test.dead)
				}
			})
		})
	}
}

// receives returns each call as bodies and receive counts.
func receives(calls []rig.Call) (lines []string) {
	for _, c := range calls {
		var line []string
		for _, r := range c.Records {
			line = append(line, r.Text+"/"+r.Attributes["ApproximateReceiveCount"])
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// checkReturns checks that no message came back before its visibility timeout, which begins when it is received: the
// function may see it much later. Services keep time by the second.
func checkReturns(t *testing.T, calls []rig.Call, visibility time.Duration) {
	t.Helper()
	for _, c := range calls {
		for _, r := range c.Records {
			var first int64
			var receives int
			fmt.Sscan(r.Attributes["ApproximateFirstReceiveTimestamp"], &first)
			fmt.Sscan(r.Attributes["ApproximateReceiveCount"], &receives)
			if first == 0 || receives == 0 {
				t.Errorf("message %s does not say when it was received: %v", r.Text, r.Attributes)
			}
			if after := c.At.Sub(time.UnixMilli(first)); after < time.Duration(receives-1)*visibility-time.Second {
				t.Errorf("message %s came the %dth time %v after the first", r.Text, receives, after)
			}
		}
	}
}
