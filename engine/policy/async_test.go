package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

const (
	ordersArn = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST"
	failedArn = "arn:aws:sqs:eu-west-1:111122223333:failed"
	doneArn   = "arn:aws:sns:eu-west-1:111122223333:done"
	deadArn   = "arn:aws:sqs:eu-west-1:111122223333:dead"
)

// exact are dice that leave the delays after failures at their nominal length; those after throttling are so with 0.
const exact = 1.0 / 3

// life is the life of one event, in which tries take no time.
type life struct {
	target  policy.Target
	scale   float64
	dice    float64
	try     func(n int) (esm.Response, error) // the result of the nth try, from 1; ErrThrottled means that there was no permit
	ages    []time.Duration                   // at each try
	payload string
}

// run returns how the event has ended, and its notices.
func (l *life) run() (policy.EventStep, []esm.OwedNotice) {
	e := esm.Event{ID: "id", Function: "orders", Payload: []byte(l.payload), Accepted: began, Due: began}
	rules := policy.Async{Target: l.target, Scale: l.scale}
	for n := 1; ; n++ {
		step, decided := rules.Before(e, e.Due, l.dice)
		if !decided {
			resp, err := l.try(n)
			if errors.Is(err, esm.ErrThrottled) {
				step = rules.Throttled(e, e.Due, l.dice)
			} else {
				step = rules.After(e, resp, err, e.Due, l.dice)
			}
		}
		if step.Tried {
			l.ages = append(l.ages, e.Due.Sub(began))
		}
		if step.Condition != "" {
			return step, rules.Ends(step, e.Due)
		}
		e = step.Event
	}
}

func target(change func(*policy.Target)) policy.Target {
	t := policy.Target{Exists: true, Arn: ordersArn, DeadLetter: deadArn}
	t.Config.DestinationConfig.OnFailure.Destination = failedArn
	t.Config.DestinationConfig.OnSuccess.Destination = doneArn
	if change != nil {
		change(&t)
	}
	return t
}

func retries(n int) func(*policy.Target) {
	return func(t *policy.Target) { t.Config.MaximumRetryAttempts = &n }
}

func maxAge(seconds int) func(*policy.Target) {
	return func(t *policy.Target) { t.Config.MaximumEventAgeInSeconds = &seconds }
}

func throws(int) (esm.Response, error) {
	return faulted("Unhandled", `{"errorMessage":"stock service refused","errorType":"StockError"}`), nil
}

func throttled(int) (esm.Response, error) { return esm.Response{}, esm.ErrThrottled }

func seconds(s ...float64) (all []time.Duration) {
	for _, s := range s {
		all = append(all, time.Duration(s*float64(time.Second)))
	}
	return all
}

// The stories that were recorded on AWS.
var stories = []struct {
	name      string
	target    policy.Target
	try       func(int) (esm.Response, error)
	dice      float64
	ages      []time.Duration
	condition esm.Condition
	invokes   int
	response  string // of the record: status, version, fault, and the payload
	deadError string
}{
	{
		name: "default retries", target: target(nil), try: throws, dice: exact, ages: seconds(0, 60, 180),
		condition: esm.RetriesExhausted, invokes: 3, response: `200  Unhandled {"errorMessage":"stock service refused","errorType":"StockError"}`, deadError: "stock service refused",
	},
	{
		name: "no retries", target: target(retries(0)), try: throws, dice: exact, ages: seconds(0),
		condition: esm.RetriesExhausted, invokes: 1, response: `200  Unhandled {"errorMessage":"stock service refused","errorType":"StockError"}`, deadError: "stock service refused",
	},
	{
		name: "age 60", target: target(maxAge(60)), try: throws, dice: 0, ages: seconds(0),
		condition: esm.EventAgeExceeded, invokes: 1, response: `200  Unhandled {"errorMessage":"stock service refused","errorType":"StockError"}`, deadError: "stock service refused",
	},
	{
		name: "age 90", target: target(maxAge(90)), try: throws, dice: exact, ages: seconds(0, 60),
		condition: esm.EventAgeExceeded, invokes: 2, response: `200  Unhandled {"errorMessage":"stock service refused","errorType":"StockError"}`, deadError: "stock service refused",
	},
	{
		name: "age 90, no retries", target: target(func(t *policy.Target) { retries(0)(t); maxAge(90)(t) }), try: throws, dice: exact, ages: seconds(0),
		condition: esm.RetriesExhausted, invokes: 1, response: `200  Unhandled {"errorMessage":"stock service refused","errorType":"StockError"}`, deadError: "stock service refused",
	},
	{
		name: "throttled, age 60", target: target(maxAge(60)), try: throttled, ages: seconds(0, 1, 3, 7, 15, 31),
		condition: esm.EventAgeExceeded, invokes: 0, response: "429   ", deadError: "Rate Exceeded.",
	},
	{
		name: "switched off", target: target(func(t *policy.Target) { t.Reserved = new(int) }), try: nil,
		condition: esm.ZeroReservedConcurrency, invokes: 0, response: "none ",
		deadError: "Function not invoked. Function isconfigured with zero reserved concurrent executions",
	},
	{
		name: "deleted", target: target(func(t *policy.Target) { t.Exists = false; retries(1)(t) }), dice: exact, ages: seconds(0, 60),
		condition: esm.RetriesExhausted, invokes: 2, response: "404   ", deadError: "Function not found: " + ordersArn,
	},
	{
		name: "deleted, no retries", target: target(func(t *policy.Target) { t.Exists = false; retries(0)(t) }), ages: seconds(0),
		condition: esm.RetriesExhausted, invokes: 1, response: "404   ", deadError: "Function not found: " + ordersArn,
	},
	{
		name: "a success", target: target(nil), ages: seconds(0),
		try:       func(int) (esm.Response, error) { return answered(`{"accepted":true}`), nil },
		condition: esm.Success, invokes: 1, response: `200 $LATEST  {"accepted":true}`,
	},
	{
		name: "a success after failures", target: target(nil), dice: exact, ages: seconds(0, 60, 180),
		try: func(n int) (esm.Response, error) {
			if n < 3 {
				return throws(n)
			}
			return answered(`null`), nil
		},
		condition: esm.Success, invokes: 1, response: `200 $LATEST  null`,
	},
	{
		name: "a failure, then throttled", target: target(maxAge(100)), dice: 0, ages: seconds(0, 57, 58, 60, 64, 72, 88),
		try: func(n int) (esm.Response, error) {
			if n == 1 {
				return throws(n)
			}
			return throttled(n)
		},
		condition: esm.EventAgeExceeded, invokes: 1, response: "429   ", deadError: "Rate Exceeded.",
	},
	{
		name: "the function cannot be started", target: target(maxAge(60)), ages: seconds(0, 1, 3, 7, 15, 31),
		try:       func(int) (esm.Response, error) { return esm.Response{}, fmt.Errorf("no image: %w", esm.ErrNotRun) },
		condition: esm.EventAgeExceeded, invokes: 0, response: "500   ", deadError: "no image: the function was not run",
	},
	{
		name: "the result is unknown", target: target(maxAge(60)), ages: seconds(0, 1, 3, 7, 15, 31),
		try:       func(int) (esm.Response, error) { return esm.Response{}, errors.New("connection lost") },
		condition: esm.EventAgeExceeded, invokes: 0, response: "500   ", deadError: "connection lost",
	},
	{
		name: "too large for the function", target: target(nil), dice: exact, ages: seconds(0, 60, 180),
		try:       func(int) (esm.Response, error) { return esm.Response{}, esm.ErrTooLarge },
		condition: esm.RetriesExhausted, invokes: 3, response: "413   ", deadError: esm.ErrTooLarge.Error(),
	},
	{
		name: "access denied", target: target(retries(0)), ages: seconds(0),
		try:       func(int) (esm.Response, error) { return esm.Response{}, refusal(403) },
		condition: esm.RetriesExhausted, invokes: 1, response: "403   ", deadError: refusal(403).Error(),
	},
	{
		name: "not found elsewhere", target: target(retries(0)), ages: seconds(0),
		try:       func(int) (esm.Response, error) { return esm.Response{}, refusal(404) },
		condition: esm.RetriesExhausted, invokes: 1, response: "404   ", deadError: "Function not found: " + ordersArn,
	},
}

// refusal is an error of a remote function with an HTTP status.
type refusal int

func (r refusal) Error() string       { return fmt.Sprint("status ", int(r)) }
func (r refusal) HTTPStatusCode() int { return int(r) }
func (r refusal) Unwrap() error       { return esm.ErrRefused }

func TestRecordedStories(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			l := &life{target: s.target, try: s.try, dice: s.dice, payload: `{"orderId": 17}`}
			end, owed := l.run()
			if end.Condition != s.condition || !reflect.DeepEqual(l.ages, s.ages) {
				t.Errorf("%s after tries at %v, want %s, %v", end.Condition, l.ages, s.condition, s.ages)
			}
			if s.condition == esm.Success {
				wantNotice(t, owed[0], doneArn, s.condition, s.invokes, s.response)
				if len(owed) != 1 {
					t.Errorf("owed %+v", owed)
				}
				return
			}
			if len(owed) != 2 {
				t.Fatalf("owed %+v", owed)
			}
			wantNotice(t, owed[0], failedArn, s.condition, s.invokes, s.response)
			wantNotice(t, owed[1], deadArn, s.condition, s.invokes, s.response)
			if dead := owed[1].Notice.Event; !dead.DeadLetter || dead.Error != s.deadError || owed[0].Notice.Event.DeadLetter {
				t.Errorf("the dead letter says %q, want %q", dead.Error, s.deadError)
			}
		})
	}
}

func wantNotice(t *testing.T, o esm.OwedNotice, to string, why esm.Condition, invokes int, response string) {
	t.Helper()
	n, got := o.Notice, "none"
	if r := n.Response; r != nil {
		got = fmt.Sprintf("%d %s %s", r.Status, r.Version, r.Fault)
	}
	got += " " + string(n.Event.Response)
	if o.Destination != to || n.Condition != why || n.Invokes != invokes || got != response {
		t.Errorf("to %s: %s after %d, response %q; want to %s: %s after %d, %q", o.Destination, n.Condition, n.Invokes, got, to, why, invokes, response)
	}
	if n.RequestID != "id" || n.FunctionArn != ordersArn || string(n.Payload) != `{"orderId": 17}` || n.Mapping != "" || n.Stream != nil || n.Time.IsZero() {
		t.Errorf("notice %+v", n)
	}
}

// With a small scale the delays are short, and all else is the same.
func TestScaledStoriesHaveAsManyTries(t *testing.T) {
	for _, s := range stories {
		for _, scale := range []float64{0.001, 0.1, 3} {
			l := &life{target: s.target, try: s.try, dice: s.dice, scale: scale}
			end, _ := l.run()
			if end.Condition != s.condition || len(l.ages) != len(s.ages) && scale < 1 {
				t.Errorf("%s with a scale of %v: %s after tries at %v, want %s, %d tries", s.name, scale, end.Condition, l.ages, s.condition, len(s.ages))
			}
			for i, at := range l.ages {
				if want := time.Duration(scale * float64(s.ages[i])); (at - want).Abs() > time.Millisecond {
					t.Errorf("%s with a scale of %v: try %d at %v, want %v", s.name, scale, i, at, want)
				}
			}
		}
	}
}

// An event that is too old before a try ends with the last response there is.
func TestTooOldBeforeATry(t *testing.T) {
	rules := policy.Async{Target: target(maxAge(60))}
	e := esm.Event{Function: "orders", Accepted: began}
	if _, decided := rules.Before(e, began.Add(60*time.Second), 0); decided {
		t.Error("an event of just the maximum age ended")
	}
	if _, decided := rules.Before(e, began.Add(-time.Hour), 0); decided {
		t.Error("an event of the future ended")
	}
	late := began.Add(60*time.Second + 1)
	if at := rules.ExpiresAt(e).Add(1); !at.Equal(late) {
		t.Errorf("expires at %v", at)
	}
	step, _ := rules.Before(e, late, 0)
	owed := rules.Ends(step, late)
	if n := owed[1].Notice; step.Condition != esm.EventAgeExceeded || step.Tried || n.Response != nil || n.Invokes != 0 || n.Event.Error != "Event age exceeded." {
		t.Errorf("%+v", n)
	}
	resp, err := throws(1)
	e = (policy.Async{Target: target(nil)}).After(e, resp, err, began, 0).Event
	step, _ = rules.Before(e, late, 0)
	if n := rules.Ends(step, late)[1].Notice; n.Response.Status != 200 || n.Invokes != 1 || n.Event.Error != "stock service refused" || n.Event.Response == nil {
		t.Errorf("%+v", n)
	}
}

// An event during whose tries the engine ends again and again is delayed more and more, and runs in between.
func TestPoison(t *testing.T) {
	rules := policy.Async{Target: target(nil)}
	e := esm.Event{Function: "orders", Accepted: began}
	for crash := range 4 {
		e.Crashes = crash + 1
		if _, decided := rules.Before(e, began, 0); decided {
			t.Fatalf("delayed after %d crashes", e.Crashes)
		}
	}
	now := began
	var waits []time.Duration
	for {
		e.Crashes++ // as the store does at the next start
		step, decided := rules.Before(e, now, 0)
		if !decided || step.Verdict != trace.NotRun {
			t.Fatalf("not delayed: %+v", step)
		}
		if step.Condition != "" {
			if n := rules.Ends(step, now)[0].Notice; n.Condition != esm.EventAgeExceeded || n.Response.Status != 500 || n.Invokes != 0 {
				t.Errorf("%+v", n)
			}
			break
		}
		waits = append(waits, step.Event.Due.Sub(now))
		e, now = step.Event, step.Event.Due
		if _, decided := rules.Before(e, now, 0); decided {
			t.Fatal("not tried after its delay")
		}
	}
	if want := seconds(1, 2, 4, 8, 16, 32, 64, 128, 256, 300); !reflect.DeepEqual(waits[:10], want) || len(waits) != 79 {
		t.Errorf("%d waits of %v", len(waits), waits)
	}
	if e.Crashes = 4; rules.After(e, answered("1"), nil, now, 0).Event.Crashes != 0 {
		t.Error("a try with a result does not end the suspicion")
	}
}

func TestRecursionStops(t *testing.T) {
	e := esm.Event{Function: "orders:live", Accepted: began, TraceHeader: "Root=1-2-3"}
	for range policy.MaxPasses {
		e.TraceHeader = policy.Advance(e.TraceHeader, "orders")
	}
	rules := policy.Async{Target: target(nil)}
	step, _ := rules.Before(e, began, 0)
	n := rules.Ends(step, began)[0].Notice
	if n.Condition != esm.RecursiveInvocation || n.Response.Status != 400 || n.Invokes != 0 || step.Tried {
		t.Errorf("%+v", n)
	}
	rules.Target.AllowRecursion = true
	if step, decided := rules.Before(e, began, 0); decided {
		t.Errorf("%+v", step)
	}
}

// Lambda counts a handler that fails in the middle of a streamed response as a success.
func TestAStreamThatFailsIsASuccess(t *testing.T) {
	rules := policy.Async{Target: target(nil)}
	failure := esm.Response{Streamed: true, Fault: "Unhandled", Status: 200, Version: "$LATEST", Payload: []byte(`{"errorType":"Error"}`)}
	e := esm.Event{ID: "id", Function: "orders", Accepted: began, Payload: []byte(`{"orderId": 17}`)}
	step := rules.After(e, failure, nil, began, 0)
	if step.Condition != esm.Success || step.Verdict != trace.Done {
		t.Fatalf("got %+v", step)
	}
	wantNotice(t, rules.Ends(step, began)[0], doneArn, esm.Success, 1, "200 $LATEST  ")
	if step := rules.After(e, failure, errors.New("connection reset"), began, 0); step.Condition == esm.Success {
		t.Errorf("an unknown result is a success: %+v", step)
	}
}

// The failure of an event is not lost without a destination, and a success needs none.
func TestNoDestination(t *testing.T) {
	for _, exists := range []bool{true, false} {
		rules := policy.Async{Target: policy.Target{Exists: exists, Arn: ordersArn}}
		rules.Target.Config.MaximumRetryAttempts = new(int)
		step := rules.Refused(esm.Event{Function: "orders", Accepted: began}, "", began, 0)
		if owed := rules.Ends(step, began); len(owed) != 1 || owed[0].Destination != "" || owed[0].Notice.Condition != esm.RetriesExhausted {
			t.Errorf("owed %+v", owed)
		}
		step = rules.After(esm.Event{Function: "orders", Accepted: began}, answered("1"), nil, began, 0)
		if owed := rules.Ends(step, began); len(owed) != 0 {
			t.Errorf("owed %+v", owed)
		}
	}
}

func TestDeadLetterTexts(t *testing.T) {
	euros := strings.Repeat("€", 342) // 1026 bytes
	for _, test := range []struct{ payload, want string }{
		{`{"errorMessage":"no"}`, "no"},
		{`{"errorMessage":""}`, ""},
		{`{"errorMessage":7}`, `{"errorMessage":7}`},
		{`{"message":"no"}`, `{"message":"no"}`},
		{`not JSON`, `not JSON`},
		{``, ``},
		{`{"errorMessage":"` + euros + `"}`, euros[:1023] + "\uFFFD"},
		{`"` + euros + `"`, `"` + euros[:1023]},
	} {
		rules := policy.Async{Target: target(nil)}
		last := rules.After(esm.Event{Accepted: began}, faulted("Unhandled", test.payload), nil, began, 0).Event.Last
		if last.Error != test.want || !utf8.ValidString(last.Error) {
			t.Errorf("%.40s: %q, want %q", test.payload, last.Error, test.want)
		}
	}
}

func TestDelaysStayInTheirRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dice := rapid.Float64Range(0, 0.9999).Draw(t, "dice")
		n := rapid.IntRange(0, 100).Draw(t, "throttles")
		rules := policy.Async{Target: target(nil)}
		e := esm.Event{Accepted: began, Throttles: n}
		nominal := min(1<<min(n, 20), 300)
		due := rules.Throttled(e, began, dice).Event.Due
		if n < 70 { // 6 hours
			inRange(t, due.Sub(began).Seconds(), float64(nominal), 1, 1.1)
		}
		e = esm.Event{Accepted: began, Tries: rapid.IntRange(0, 1).Draw(t, "tries"), Throttles: n}
		step := rules.After(e, faulted("Unhandled", "{}"), nil, began, dice)
		inRange(t, step.Event.Due.Sub(began).Seconds(), 60*float64(e.Tries+1), 0.95, 1.1)
		if step.Event.Throttles != 0 || step.Event.Tries != e.Tries+1 {
			t.Fatalf("counters %+v", step.Event)
		}
		if rules.Overdue(began.Add(330*time.Second), began) || !rules.Overdue(began.Add(331*time.Second), began) || rules.Overdue(time.Time{}, began) {
			t.Fatal("Overdue")
		}
	})
}

func inRange(t *rapid.T, got, nominal, low, high float64) {
	t.Helper()
	if got < nominal*low-0.001 || got > nominal*high+0.001 {
		t.Fatalf("a delay of %v s, want %v to %v", got, nominal*low, nominal*high)
	}
}

// TestLivesEnd checks for random lives that they end in time, after the tries that the configuration allows, that waits only
// end events that would be too old, and that nothing else of an event changes.
func TestLivesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		to := target(nil)
		attempts, age := rapid.IntRange(0, 2).Draw(t, "retries"), rapid.IntRange(60, 21600).Draw(t, "age")
		to.Config = config.EventInvokeConfig{MaximumRetryAttempts: &attempts, MaximumEventAgeInSeconds: &age}
		rules := policy.Async{Target: to}
		e := esm.Event{Place: 7, ID: "id", Function: "orders", Payload: json.RawMessage(`1`), Accepted: began, Due: began, TraceHeader: "Root=1"}
		before := e
		now, failures := began, 0
		for n := 0; ; n++ {
			if n > 500 {
				t.Fatal("no end")
			}
			dice := rapid.Float64Range(0, 0.9999).Draw(t, "dice")
			step, decided := rules.Before(e, now, dice)
			if !decided {
				now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "took")) * time.Millisecond)
				switch rapid.IntRange(0, 9).Draw(t, "result") {
				case 0:
					step = rules.After(e, answered("1"), nil, now, dice)
				case 1, 2:
					failures++
					step = rules.After(e, faulted("Unhandled", "{}"), nil, now, dice)
				case 3:
					step = rules.After(e, esm.Response{}, errors.New("lost"), now, dice)
				default:
					step = rules.Throttled(e, now, dice)
				}
			}
			got := step.Event
			got.Due, got.Tries, got.Throttles, got.Last = before.Due, 0, 0, nil
			if !reflect.DeepEqual(got, before) {
				t.Fatalf("changed to %+v", got)
			}
			switch step.Condition {
			case "":
				if step.Event.Tries != failures || failures > attempts {
					t.Fatalf("%d failures, waits: %+v", failures, step)
				}
				if due := step.Event.Due.Sub(began); due > time.Duration(age)*time.Second || step.Event.Due.Before(now.Add(time.Second)) {
					t.Fatalf("due at the age of %v", due)
				}
				e, now = step.Event, step.Event.Due
				continue
			case esm.RetriesExhausted:
				if failures != attempts+1 {
					t.Fatalf("exhausted after %d failures", failures)
				}
			case esm.EventAgeExceeded:
				if left := time.Duration(age)*time.Second - now.Sub(began); left > 330*time.Second {
					t.Fatalf("too old %v before its time", left)
				}
			}
			owed := rules.Ends(step, now)
			if (step.Condition == esm.Success) != (len(owed) == 0) {
				t.Fatalf("%s owes %d", step.Condition, len(owed)) // there is a dead-letter queue only
			}
			return
		}
	})
}
