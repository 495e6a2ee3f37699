package policy_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

var (
	half  = policy.Tumbling{Length: 30 * time.Second}
	start = time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
)

// arrived are records that arrived so many seconds after start.
func arrived(seconds ...int) []esm.Record {
	recs := records(1, len(seconds))
	for i, s := range seconds {
		recs[i].Arrived = start.Add(time.Duration(s) * time.Second)
	}
	return recs
}

func window(after int, state string) esm.Window {
	w := esm.Window{Start: start.Add(time.Duration(after) * time.Second)}
	if state != "" {
		w.State = json.RawMessage(state)
	}
	return w
}

func TestWindowBounds(t *testing.T) {
	for _, test := range []struct {
		length int
		at     time.Time
		want   time.Time
	}{
		{30, start, start},
		{30, start.Add(29999 * ms), start},
		{30, start.Add(30 * time.Second), start.Add(30 * time.Second)},
		{900, time.Unix(1, 0), time.Unix(0, 0)},
		{7, time.Unix(-1, 0), time.Unix(-7, 0)},
		{7, time.Unix(-7, 0), time.Unix(-7, 0)},
		{1, start.Add(999 * ms), start},
		{30, start.In(time.FixedZone("", 5*3600+1800)).Add(time.Second), start},
	} {
		tumbling := policy.Tumbling{Length: time.Duration(test.length) * time.Second}
		got := tumbling.Start(test.at)
		if !got.Equal(test.want) || got.Location() != time.UTC {
			t.Errorf("%d s at %v: got %v, want %v", test.length, test.at, got, test.want)
		}
		if end := tumbling.End(esm.Window{Start: got}); end.Sub(got) != tumbling.Length || !end.After(test.at) {
			t.Errorf("%d s at %v: ends at %v", test.length, test.at, end)
		}
	}
}

func TestCut(t *testing.T) {
	open, empty, final := window(30, `{"n":1}`), window(30, ""), window(30, `{}`)
	final.Final = true
	for _, test := range []struct {
		name  string
		w     *esm.Window
		recs  []esm.Record
		start int // of the window
		n     int
	}{
		{"the first of a shard", nil, arrived(35, 40, 59), 30, 3},
		{"a boundary", nil, arrived(35, 59, 60, 61), 30, 2},
		{"a boundary at the head", &open, arrived(60), 30, 0},
		{"more of the window", &open, arrived(31, 59), 30, 2},
		{"late ones", &open, arrived(29, 0, -500, 31), 30, 4},
		{"a late one behind the boundary", &open, arrived(31, 61, 31), 30, 1},
		{"an empty window has no end", &empty, arrived(95, 119, 120), 90, 2},
		{"an empty window takes late ones", &empty, arrived(5, 31), 30, 2},
		{"the final invocation is owed", &final, arrived(31), 30, 0},
		{"no records", &open, nil, 30, 0},
	} {
		w, n := half.Cut(test.w, test.recs)
		if want := start.Add(time.Duration(test.start) * time.Second); n != test.n || !w.Start.Equal(want) {
			t.Errorf("%s: %d records of %v, want %d of %v", test.name, n, w.Start, test.n, want)
		}
	}
	if n := half.Fit(empty, arrived(5, 59, 60, 31)); n != 2 {
		t.Errorf("%d records may join a batch of an empty window, want 2", n)
	}
	if w, n := half.Cut(nil, nil); n != 0 || !w.Start.IsZero() {
		t.Errorf("nothing at all: %+v, %d", w, n)
	}
}

func TestFinalInvocationIsDue(t *testing.T) {
	open, empty := window(0, `{}`), window(0, "")
	sec := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for _, test := range []struct {
		name string
		w    esm.Window
		seen policy.Seen
		want bool
	}{
		{"nothing has happened", open, policy.Seen{}, false},
		{"a record of the window", open, policy.Seen{Next: sec(29), Tip: sec(500)}, false},
		{"a late one", open, policy.Seen{Next: sec(-29), Drained: true}, false},
		{"a record of the next window", open, policy.Seen{Next: sec(30)}, true},
		{"the shard has ended", open, policy.Seen{Drained: true}, true},
		{"the shard has ended, with a record left", open, policy.Seen{Next: sec(1), Drained: true}, false},
		{"idle, within the window", open, policy.Seen{Tip: sec(29)}, false},
		{"idle, 59 s after it", open, policy.Seen{Tip: sec(89)}, false},
		{"idle, 60 s after it", open, policy.Seen{Idle: sec(30), Tip: sec(90)}, true},
		{"idle for 59 s, long after it", open, policy.Seen{Idle: sec(441), Tip: sec(500)}, false},
		{"one read that found nothing, long after it", open, policy.Seen{Idle: sec(500), Tip: sec(500)}, false},
		{"an empty one at the end of the shard", empty, policy.Seen{Drained: true}, false},
		{"an empty one, idle", empty, policy.Seen{Tip: sec(9999)}, false},
		{"an empty one, and a newer record", empty, policy.Seen{Next: sec(30)}, false},
		{"owed since before a restart", final(open), policy.Seen{}, true},
		{"owed without a state", final(empty), policy.Seen{Next: sec(1)}, true},
	} {
		if got := half.Due(test.w, test.seen); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestWindowAnswers(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		report       bool
		verdict      trace.Verdict
		state        string
	}{
		{"a state", `{"state":{"n":1}}`, false, trace.Done, `{"n":1}`},
		{"a state as it is written", "{ \"state\" : {\"n\" :1.0} }\n", false, trace.Done, `{"n" :1.0}`},
		{"an empty state", `{"state":{}}`, true, trace.Done, `{}`},
		{"a state that is no object", `{"state":[7]}`, true, trace.Done, `[7]`},
		{"a state and no failures", `{"state":{"n":1},"batchItemFailures":[]}`, true, trace.Done, `{"n":1}`},
		{"a state and a failure", `{"batchItemFailures":[{"itemIdentifier":"2"}],"state":{"n":1}}`, true, trace.Partial, `{"n":1}`},
		{"a state and a failure that nobody asked for", `{"batchItemFailures":[{"itemIdentifier":"2"}],"state":{"n":1}}`, false, trace.Done, `{"n":1}`},
		{"a state and a bad report", `{"batchItemFailures":[{"itemIdentifier":"9"}],"state":{"n":1}}`, true, trace.Failed, ""},
		{"no state", `{"batchItemFailures":[]}`, true, trace.Failed, ""},
		{"a failure, no state", `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, true, trace.Failed, ""},
		{"null as state", `{"state":null}`, false, trace.Failed, ""},
		{"two states", `{"state":{},"state":{}}`, false, trace.Failed, ""},
		{"a state in another case", `{"State":{}}`, false, trace.Failed, ""},
		{"a state further down", `{"body":{"state":{}}}`, false, trace.Failed, ""},
		{"nothing", ``, false, trace.Failed, ""},
		{"null", `null`, true, trace.Failed, ""},
		{"a list", `[]`, true, trace.Failed, ""},
		{"no JSON", `state`, false, trace.Failed, ""},
		{"half a state", `{"state":{"n":`, false, trace.Failed, ""},
	} {
		o, state := policy.ReadWindowOutcome(records(1, 3), answered(test.answer), nil, test.report)
		if o.Verdict != test.verdict || string(state) != test.state {
			t.Errorf("%s: got %v (%s) with state %q, want %v with %q", test.name, o.Verdict, o.Detail, state, test.verdict, test.state)
		}
	}
	o, state := policy.ReadWindowOutcome(records(1, 3), faulted("Unhandled", `{"state":{}}`), nil, false)
	if o.Reason != trace.ReasonFunctionError || state != nil {
		t.Errorf("an exception: got %v with state %q", o.Reason, state)
	}
}

func TestWindowAfterRecords(t *testing.T) {
	large := json.RawMessage(`"` + strings.Repeat("x", policy.MaxState-1) + `"`)
	fits := json.RawMessage(`"` + strings.Repeat("x", policy.MaxState-2) + `"`)
	again := []policy.Run{{Records: records(1, 3)}}
	rest := policy.Step{Settled: records(1, 1), Next: []policy.Run{{Records: records(2, 3)}}}
	givenUp := policy.Step{Settled: records(1, 3), Dropped: records(1, 3), Why: esm.RetryAttemptsExhausted, Response: &esm.NoticeResponse{}}
	for _, test := range []struct {
		name   string
		before string
		step   policy.Step
		state  json.RawMessage
		want   string
		next   string
	}{
		{"success", `{"n":1}`, policy.Step{Settled: records(1, 2)}, json.RawMessage(`{"n":3}`), `{"n":3}`, ""},
		{"the first success", "", policy.Step{Settled: records(1, 2)}, json.RawMessage(`{"n":2}`), `{"n":2}`, ""},
		{"progress", `{"n":1}`, rest, json.RawMessage(`{"n":2}`), `{"n":2}`, "2-3 0 0"},
		{"a retry", `{"n":1}`, policy.Step{Next: again}, json.RawMessage(`{"n":2}`), `{"n":1}`, "1-3 0 0"},
		{"the first try fails", "", policy.Step{Next: again}, nil, "", "1-3 0 0"},
		{"given up", `{"n":1}`, givenUp, json.RawMessage(`{"n":2}`), `{"n":1}`, ""},
		{"given up, the first of the window", "", givenUp, nil, `{}`, ""},
		{"expired, never invoked", "", policy.Step{Settled: records(1, 3), Dropped: records(1, 3), Why: esm.RecordAgeExceeded}, nil, "", ""},
		{"a state of 1 MB", `{}`, policy.Step{Settled: records(1, 2)}, fits, string(fits), ""},
		{"a state of one byte more", `{}`, rest, large, string(large), "nothing 0 0; 2-3 0 0"},
	} {
		step := half.After(window(0, test.before), test.step, test.state)
		w, early := step.Window, strings.HasPrefix(test.next, "nothing")
		if string(w.State) != test.want || w.Terminated != early || w.Final != early || !w.Start.Equal(start) || nextOf(step) != test.next {
			t.Errorf("%s: got final %v, terminated %v, state %.30q, next %q", test.name, w.Final, w.Terminated, w.State, nextOf(step))
		}
	}
}

// The final invocation is retried like a batch. However it ends, the next window is empty.
func TestFinalInvocation(t *testing.T) {
	s := policy.Stream{MaxRetries: 2, Bisect: true, MaxAge: time.Minute}
	late := start.Add(time.Hour)
	w, r := final(window(0, `{"n":1}`)), policy.Run{}
	for try := 1; try <= 3; try++ {
		r = policy.FinalRun(w)
		if r.ID != "final" || r.Tries != try-1 {
			t.Fatalf("try %d is %+v", try, r)
		}
		if _, expired := s.Expire(r, late); expired {
			t.Fatal("it expires")
		}
		step := half.After(w, s.After(r, functionError, faulted("Unhandled", `{}`), late), nil)
		w = *step.Window
		switch {
		case try < 3 && (!w.Final || string(w.State) != `{"n":1}` || w.Tries != try || step.Wait != time.Duration(try)*200*ms):
			t.Errorf("after try %d: %+v, waits %v", try, w, step.Wait)
		case try == 3 && (step.Why != esm.RetryAttemptsExhausted || step.Count != 3 || !reflect.DeepEqual(w, window(30, ""))):
			t.Errorf("in the end %+v, given up because of %q after %d", w, step.Why, step.Count)
		}
	}

	success := s.After(r, policy.Outcome{Verdict: trace.Done}, answered(`{"state":{}}`), late)
	if got, want := *half.After(final(window(60, `{}`)), success, nil).Window, window(90, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("after a success: %+v, want %+v", got, want)
	}
	early := final(window(60, `{}`))
	early.Terminated = true
	if got, want := *half.After(early, success, nil).Window, window(60, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("after one that ended early: %+v, want %+v", got, want)
	}
}

// final returns w with its final invocation due.
func final(w esm.Window) esm.Window { return half.Close(w, "final") }

var origin = policy.Origin{
	Mapping: "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88", FunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:orders-fn:live",
	Source: "arn:aws:kinesis:eu-west-1:111122223333:stream/orders", Shard: "shardId-000000000002",
}

func TestWindowEvent(t *testing.T) {
	ended := final(window(0, `{"cust-9":3}`))
	ended.Terminated = true
	head := `,"shardId":"shardId-000000000002","eventSourceARN":"arn:aws:kinesis:eu-west-1:111122223333:stream/orders","window":{"start":"2026-03-04T05:06:00Z","end":"2026-03-04T05:06:30Z"},"state":`
	for _, test := range []struct {
		name string
		w    esm.Window
		recs []esm.Record
		want string
	}{
		{"the first", window(0, ""), records(1, 2), `{"Records":[{"n":1},{"n":2}]` + head + `{},"isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false}`},
		{"a later one", window(0, `{"cust-9":3}`), records(1, 1), `{"Records":[{"n":1}]` + head + `{"cust-9":3},"isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false}`},
		{"the final one", final(window(0, `{"cust-9":3}`)), nil, `{"Records":[]` + head + `{"cust-9":3},"isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false}`},
		{"ended early", ended, nil, `{"Records":[]` + head + `{"cust-9":3},"isFinalInvokeForWindow":true,"isWindowTerminatedEarly":true}`},
	} {
		g := policy.Batching{Size: 9, Envelope: half.Envelope(origin, test.w)}
		got := g.Event(test.recs)
		if string(got) != test.want {
			t.Errorf("%s: got\n%s, want\n%s", test.name, got, test.want)
		}
		if b, _, _ := g.Add(policy.Batch{}, test.recs, start); len(test.recs) > 0 && b.Bytes != len(got) {
			t.Errorf("%s: %d bytes, want %d", test.name, b.Bytes, len(got))
		}
	}
}

// Records arrive in any order, and batches succeed, expire or end their window early: every record is in one window,
// windows follow each other, and each has at most one final invocation, after its records, unless it ended early.
func TestWindowsFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rest := arrived(rapid.SliceOfN(rapid.IntRange(0, 200), 1, 30).Draw(t, "arrived")...)
		var w *esm.Window
		finals := map[time.Time]bool{}
		last := time.Time{}
		for len(rest) > 0 {
			next, n := half.Cut(w, rest)
			if next.Start.Before(last) {
				t.Fatalf("window %v after %v", next.Start, last)
			}
			last = next.Start
			if due := half.Due(next, policy.Seen{Next: rest[0].Arrived}); due != (n == 0) {
				t.Fatalf("final invocation due %v, and %d records belong to the window %+v", due, n, next)
			}
			state, step := json.RawMessage(`{}`), policy.Step{Settled: rest[:n]}
			switch rapid.IntRange(0, 3).Draw(t, "outcome") {
			case 0:
				step = policy.Step{Settled: rest[:n], Dropped: rest[:n], Why: esm.RecordAgeExceeded, Count: 1}
			case 1:
				state = json.RawMessage(`"` + strings.Repeat("x", policy.MaxState) + `"`)
			}
			if n > 0 {
				w = half.After(next, step, state).Window
			} else if next = final(next); finals[next.Start] {
				t.Errorf("a second final invocation of %v", next.Start)
			} else {
				w, finals[next.Start] = &next, true
			}
			if w.Final {
				w = half.After(*w, policy.Step{}, nil).Window
			}
			rest = rest[n:]
		}
	})
}
