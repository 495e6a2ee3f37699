package crash_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/esm-run/esm/e2e/rig"
)

// A receiver is a destination of records behind a proxy.
type receiver struct {
	proxy     *proxy
	arn       string
	operation string          // that sends
	take      func() []string // takes the records that have come
}

// receivers make one destination of each kind.
var receivers = map[string]func(*rig.Env) receiver{
	"sqs": func(e *rig.Env) receiver {
		q := e.Queue("ends", nil)
		return receiver{arn: q.ARN, operation: "SendMessage", take: q.Take}
	},
	"sns": func(e *rig.Env) receiver {
		topic, q := e.Topic("ends")
		return receiver{arn: topic, operation: "Publish", take: func() []string {
			return each(q.Take(), func(text string) string {
				var envelope rig.Envelope
				e.Must(json.Unmarshal([]byte(text), &envelope))
				return envelope.Message
			})
		}}
	},
	"events": func(e *rig.Env) receiver {
		bus, q := e.Bus("ends")
		return receiver{arn: bus, operation: "PutEvents", take: func() []string {
			return each(q.Take(), func(text string) string {
				var event struct{ Detail json.RawMessage }
				e.Must(json.Unmarshal([]byte(text), &event))
				return string(event.Detail)
			})
		}}
	},
	"s3": func(e *rig.Env) receiver {
		b := e.Bucket("ends")
		return receiver{arn: b.ARN, operation: "PUT", take: func() (bodies []string) {
			for b.Count() > 0 {
				key, _, body := b.TakeObject()
				_, err := e.S3.DeleteObject(e.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key})
				e.Must(err)
				bodies = append(bodies, body)
			}
			return bodies
		}}
	},
}

func each(texts []string, of func(string) string) (all []string) {
	for _, text := range texts {
		all = append(all, of(text))
	}
	return all
}

// onReceivers runs a test with each kind of destination, for the events of a function that fails.
func onReceivers(t *testing.T, test func(*testing.T, *rig.Env, receiver, *rig.Function)) {
	t.Parallel()
	for service, make := range receivers {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			to := make(e)
			to.proxy = newProxy(t, e.Endpoint)
			e.Endpoints[service] = to.proxy.url
			f := e.Function("f", rig.Fail)
			f.Keys = append(f.Keys, rig.EventInvokeConfig("", to.arn, "MaximumRetryAttempts: 0"))
			test(t, e, to, f)
		})
	}
}

// wait waits for records of an event, which are all the same, and returns how many there are at the moment.
func (to receiver) wait(t *testing.T, id string) (count int) {
	t.Helper()
	var all []string
	rig.Eventually(t, "the record comes", func() bool {
		all = to.take()
		return len(all) > 0
	})
	for _, record := range all {
		if !strings.Contains(record, fmt.Sprintf(`"requestId":%q`, id)) || record != all[0] {
			t.Errorf("the record %s of %s, and %s", record, id, all[0])
		}
	}
	return len(all)
}

// A destination fails some times, before or after it has taken the record. The record comes, and only what was taken can
// come again. The function is not tried again for it.
func TestDestinationFails(t *testing.T) {
	onReceivers(t, func(t *testing.T, e *rig.Env, to receiver, f *rig.Function) {
		engine := e.Run(f)
		for n, one := range []action{
			{fault: fault{500, "InternalFailure"}},
			{fault: fault{500, "InternalFailure"}, done: true},
			{fault: brokenConnection},
			{fault: brokenConnection, done: true},
			{fault: fault{503, "ServiceUnavailable"}},
			{fault: fault{429, "TooManyRequestsException"}},
		} {
			var left atomic.Int32
			left.Store(5) // the SDK tries three times
			to.proxy.follow(func(operation string) (a action) {
				if operation == to.operation && left.Add(-1) >= 0 {
					a = one
				}
				return a
			})
			id := engine.Send("f", fmt.Sprint(n))
			rig.Eventually(t, "the destination was asked often enough", func() bool { return left.Load() < 0 })
			if count := to.wait(t, id); count != 1 && !one.done {
				t.Errorf("%d records with %+v", count, one)
			}
			if n := len(f.Calls()); n != 1 {
				t.Errorf("the function was tried %d times", n)
			}
			f.Handle(rig.Fail) // forgets the call
		}
		engine.Stop()
		if again := to.take(); len(again) > 0 {
			t.Errorf("%q come again", again)
		}
		e.CheckNoneUndelivered()
	})
}

// The engine is killed while a destination has a request in hand, or has carried it out: the record comes after the next
// start, once or again, and is the same. The function is not tried again.
func TestKilledDuringNotice(t *testing.T) {
	onReceivers(t, func(t *testing.T, e *rig.Env, to receiver, f *rig.Function) {
		for _, carriedOut := range []bool{false, true} {
			engine, reached := e.Run(f), make(chan string, 1)
			hold, want := action{before: reached}, 1
			if carriedOut {
				hold, want = action{after: reached}, 2
			}
			if carriedOut && to.operation == "PUT" { // the object is replaced
				want = 1
			}
			to.proxy.follow(only(to.operation, hold))
			id := engine.Send("f", "1")
			rig.Receive(t, reached)
			engine.Kill()
			again := make(chan string, 10)
			to.proxy.follow(only(to.operation, action{seen: again}))
			engine = e.Run(f)
			rig.Receive(t, again)
			engine.Stop()
			if count := to.wait(t, id); count != want {
				t.Errorf("%d records, want %d (carried out: %v)", count, want, carriedOut)
			}
			if n := len(f.Calls()); n != 1 {
				t.Errorf("the function was tried %d times", n)
			}
			f.Handle(rig.Fail)
		}
		e.CheckNoneUndelivered()
	})
}

// A record that the destination does not take is kept, listed and resent.
func TestDestinationRefuses(t *testing.T) {
	onReceivers(t, func(t *testing.T, e *rig.Env, to receiver, f *rig.Function) {
		to.proxy.follow(only(to.operation, action{fault: fault{500, "InternalFailure"}}))
		engine := e.Run(rig.EngineKeys("TimeScale: 0.002"), f)
		id := engine.Send("f", `"<1>"`)
		engine.WaitLog("kept as undelivered")
		if n := engine.Metric("esm_async_destination_delivery_failures_total"); n != 1 {
			t.Errorf("%v records were not taken", n)
		}
		engine.Stop()
		if early := to.take(); len(early) > 0 {
			t.Errorf("%q came", early)
		}
		if list := e.RunOnData("undelivered", "list"); !slices.ContainsFunc(strings.Split(list, "\n"), func(line string) bool {
			return strings.Contains(line, id) && strings.Contains(line, "RetriesExhausted") && strings.Contains(line, to.arn)
		}) {
			t.Errorf("undelivered:\n%s", list)
		}
		to.proxy.follow(passAll)
		e.RunOnData("undelivered", "resend", "--all")
		if count := to.wait(t, id); count != 1 {
			t.Errorf("%d records", count)
		}
		e.CheckNoneUndelivered()
	})
}

// A dead letter that the queue does not take is kept, and resent as it would have been sent.
func TestDeadLetterQueueRefuses(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q, p := e.Queue("dead", nil), newProxy(t, e.Endpoint)
	e.Endpoints["sqs"] = p.url
	p.follow(only("SendMessage", action{fault: fault{403, "AccessDenied"}}))
	f := e.Function("f", rig.Fail)
	f.Keys = append(f.Keys, rig.DeadLetters(q.ARN), rig.EventInvokeConfig("", "", "MaximumRetryAttempts: 0"))
	engine := e.Run(f)
	const event = `{ "n" : "<1>" }`
	id := engine.Send("f", event)
	engine.WaitLog("kept as undelivered")
	if letters, records := engine.Metric("esm_async_dead_letter_errors_total"), engine.Metric("esm_async_destination_delivery_failures_total"); letters != 1 || records != 0 {
		t.Errorf("%v dead letters and %v records were not taken", letters, records)
	}
	engine.Stop()
	if list := e.RunOnData("undelivered", "list", "--function", "f"); !strings.Contains(list, id) || !strings.Contains(list, "(dead letter)") || !strings.Contains(list, "AccessDenied") {
		t.Errorf("undelivered:\n%s", list)
	}
	p.follow(passAll)
	e.RunOnData("undelivered", "resend", "--function", "f")
	letter := q.TakeMessage()
	attributes := letter.MessageAttributes
	if *letter.Body != event || len(attributes) != 3 || *attributes["RequestID"].StringValue != id || *attributes["ErrorMessage"].StringValue != "out of order" {
		t.Errorf("the dead letter is %q with %v", *letter.Body, attributes)
	}
	e.CheckNoneUndelivered()
}
