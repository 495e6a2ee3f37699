package localstack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
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

func succeed(event) (string, error) { return "null", nil }
func throw(event) (string, error)   { return "", errors.New("out of order") }

func answer(text string) func(event) (string, error) {
	return func(event) (string, error) { return text, nil }
}

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

const reporting = "FunctionResponseTypes: [ReportBatchItemFailures]"

// What AWS was recorded doing with a queue, a redrive policy and a handler.
var recorded = []struct {
	name       string
	fifo       bool
	visibility time.Duration
	receives   int // maxReceiveCount
	send       []string
	keys       []string
	handler    func() func(event) (string, error)
	calls      []string // bodies and receive counts
	dead       []string
}{
	{
		name: "a failing function sees its message again after the visibility timeout", visibility: 5 * time.Second, receives: 5,
		send: []string{"m"}, keys: []string{"BatchSize: 1"}, calls: []string{"m/1", "m/2"},
		handler: func() func(event) (string, error) { return script(throw, succeed) },
	},
	{
		name: "a function that always fails", visibility: 3 * time.Second, receives: 2, send: []string{"m"}, keys: []string{"BatchSize: 1"},
		calls: []string{"m/1", "m/2"}, dead: []string{"m"},
		handler: func() func(event) (string, error) { return throw },
	},
	{
		name: "reported failures of a FIFO group", fifo: true, visibility: 8 * time.Second, receives: 2,
		send: []string{"m1", "m2", "m3", "m4"}, keys: []string{reporting},
		calls: []string{"m1/1 m2/1 m3/1 m4/1", "m2/2 m3/2 m4/2"}, dead: []string{"m4"},
		handler: func() func(event) (string, error) { return script(report("m2", "m3", "m4"), report("m4")) },
	},
	{
		name: "a function error is complete", visibility: 2 * time.Second, receives: 2, send: []string{"a", "b"},
		keys: []string{reporting, "BatchSize: 100", "MaximumBatchingWindowInSeconds: 1"}, dead: []string{"a", "b"},
		handler: func() func(event) (string, error) { return throw },
	},
	{
		name: "a report that is not valid", visibility: 2 * time.Second, receives: 2, send: []string{"m"}, keys: []string{reporting},
		calls: []string{"m/1", "m/2"}, dead: []string{"m"},
		handler: func() func(event) (string, error) { return answer(`{"batchItemFailures":[{"foo":"notvalid"}]}`) },
	},
	{
		name: "an answer that is not JSON", visibility: 2 * time.Second, receives: 1, send: []string{"m"}, keys: []string{reporting},
		calls: []string{"m/1"}, dead: []string{"m"},
		handler: func() func(event) (string, error) { return answer(`"ok"`) },
	},
	{
		name: "an empty object", visibility: 30 * time.Second, receives: 1, send: []string{"m"}, keys: []string{reporting},
		calls:   []string{"m/1"},
		handler: func() func(event) (string, error) { return answer(`{}`) },
	},
	{
		name: "a filter on the body", visibility: 30 * time.Second, receives: 1,
		send:    []string{`{"kind":"paid","amount":150}`, `{"kind":"draft","amount":150}`, `{"kind":"paid","amount":99}`, `not JSON`},
		keys:    []string{`FilterCriteria: {Filters: [{Pattern: '{"body":{"kind":["paid"],"amount":[{"numeric":[">",100]}]}}'}]}`},
		calls:   []string{`{"kind":"paid","amount":150}/1`},
		handler: func() func(event) (string, error) { return succeed },
	},
	{
		name: "a filter on plain text", visibility: 30 * time.Second, receives: 1, send: []string{"stop", "go", `{"stop":1}`},
		keys:    []string{`FilterCriteria: {Filters: [{Pattern: '{"body":["stop"]}'}]}`},
		calls:   []string{"stop/1"},
		handler: func() func(event) (string, error) { return succeed },
	},
}

func TestRecordedOnAWS(t *testing.T) {
	for _, test := range recorded {
		t.Run(test.name, func(t *testing.T) {
			overServices(t, func(t *testing.T, h *house) {
				name := "recorded"
				if test.fifo {
					name += ".fifo"
				}
				dlq, dlqARN := h.queue("dead-"+name, map[string]string{})
				url, arn := h.queue(name, map[string]string{
					"VisibilityTimeout": fmt.Sprint(test.visibility.Seconds()), "RedrivePolicy": redrive(dlqARN, test.receives),
				})
				for i, body := range test.send {
					input := sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(body)}
					if test.fifo {
						input.MessageGroupId, input.MessageDeduplicationId = aws.String("g"), aws.String(fmt.Sprint(i))
					}
					h.send(input)
				}
				h.fn.answer = test.handler()
				e := h.run(h.file(mapping(arn, test.keys...)))
				eventually(t, "the queue is empty", func() bool { return h.count(url) == 0 })
				eventually(t, "the dead are where they belong", func() bool { return h.count(dlq) == len(test.dead) })
				if code := e.stop(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				if got := asText(h.fn.seen()); test.calls != nil && !slices.Equal(got, test.calls) {
					t.Errorf("invocations %q, want %q", got, test.calls)
				}
				spaced(t, h.fn.seen(), test.visibility)
				if got := h.drain(dlq); !slices.Equal(got, test.dead) {
					t.Errorf("dead-letter queue %q, want %q", got, test.dead)
				}
			})
		})
	}
}

func asText(calls []event) (lines []string) {
	for _, c := range calls {
		var line []string
		for _, r := range c.Records {
			line = append(line, r.Body+"/"+r.Attributes["ApproximateReceiveCount"])
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// spaced checks that no message came back before its visibility timeout, which begins when it is received: the function may
// see it much later. Services keep time by the second.
func spaced(t *testing.T, calls []event, visibility time.Duration) {
	t.Helper()
	for _, c := range calls {
		for _, r := range c.Records {
			var first int64
			var receives int
			fmt.Sscan(r.Attributes["ApproximateFirstReceiveTimestamp"], &first)
			fmt.Sscan(r.Attributes["ApproximateReceiveCount"], &receives)
			if first == 0 || receives == 0 {
				t.Errorf("message %s does not say when it was received: %v", r.Body, r.Attributes)
			}
			if after := c.At.Sub(time.UnixMilli(first)); after < time.Duration(receives-1)*visibility-time.Second {
				t.Errorf("message %s came the %dth time %v after the first", r.Body, receives, after)
			}
		}
	}
}

// drain takes everything out of a queue and returns the bodies in order of the alphabet.
func (h *house) drain(url string) (bodies []string) {
	h.Helper()
	for range 5 {
		got, err := h.sqs.ReceiveMessage(h.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			h.Fatal(err)
		}
		for _, m := range got.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
	slices.Sort(bodies)
	return bodies
}
