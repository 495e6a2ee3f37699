package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// aged returns records of these ages, in seconds, at began.
func aged(seconds ...int) []esm.Record {
	recs := records(1, len(seconds))
	for i, age := range seconds {
		recs[i].Arrived = began.Add(-time.Duration(age) * time.Second)
	}
	return recs
}

func TestExpire(t *testing.T) {
	minute := policy.Stream{MaxAge: time.Minute}
	for _, test := range []struct {
		name    string
		policy  policy.Stream
		recs    []esm.Record
		tries   int
		dropped string // "" if nothing is too old
		count   int
		next    string
	}{
		{"rule 1: none is too old", minute, aged(59, 5, 1), 0, "", 0, ""},
		{"rule 1: exactly as old", minute, aged(60), 0, "1", 1, ""},
		{"rule 1: never invoked", minute, aged(61, 60, 60), 0, "1-3", 1, ""},
		{"rule 1: after eight tries", minute, aged(61), 8, "1", 9, ""},
		{"rule 1: the head only", minute, aged(70, 65, 5, 1), 3, "1-2", 4, "3-4 0 2"},
		{"rule 1: an old one behind a young one", minute, aged(70, 5, 65, 1), 0, "1", 1, "2-4 0 2"},
		{"rule 1: a young head", minute, aged(5, 70), 0, "", 0, ""},
		{"rule 1: from the future", minute, aged(-3600), 0, "", 0, ""},
		{"no limit", policy.Stream{}, aged(1e9), 0, "", 0, ""},
		{"no limit, as AWS writes it", policy.Stream{MaxAge: -time.Second}, aged(1e9), 0, "", 0, ""},
		{"rule 2: past the retention", policy.Stream{Retention: time.Hour}, aged(3600, 3599), 0, "1", 1, "2 0 2"},
		{"rule 2: retention above the maximum age", policy.Stream{MaxAge: time.Minute, Retention: time.Hour}, aged(61), 0, "1", 1, ""},
		{"rule 2: retention below the maximum age", policy.Stream{MaxAge: time.Hour, Retention: time.Minute}, aged(61), 0, "1", 1, ""},
		{"untried: past the retention", policy.Stream{Retention: time.Hour}, aged(3600), 0, "", 0, ""},
		{"untried: past both", policy.Stream{MaxAge: time.Minute, Retention: time.Hour}, aged(3600), 0, "1", 1, ""},
		{"no arrival", minute, []esm.Record{{ID: "1"}}, 0, "", 0, ""},
		{"a final invocation", minute, nil, 5, "", 0, ""},
	} {
		r := policy.Run{ID: "id", Records: test.recs, Tries: test.tries, Stalls: 2}
		if strings.HasPrefix(test.name, "untried") {
			r.Stalls = 0
		}
		step, expired := test.policy.Expire(r, began)
		if expired != (test.dropped != "") {
			t.Errorf("%s: expired %v", test.name, expired)
		}
		if !expired {
			continue
		}
		if got := span(step.Dropped); got != test.dropped || span(step.Settled) != got || step.Count != test.count {
			t.Errorf("%s: drops %s, settles %s, after %d; want %s after %d", test.name, got, span(step.Settled), step.Count, test.dropped, test.count)
		}
		if step.Why != esm.RecordAgeExceeded || step.Response != nil || step.Wait != 0 {
			t.Errorf("%s: got %q, response %v, wait %v", test.name, step.Why, step.Response, step.Wait)
		}
		if got := nextOf(step); got != test.next {
			t.Errorf("%s: next %q, want %q", test.name, got, test.next)
		}
	}
}

// Records that fail, or cannot be tried, until they are too old. Pauses double, and the last one ends at that moment.
func TestExpireWhileRetrying(t *testing.T) {
	throttled := func([]esm.Record) (esm.Response, error) { return esm.Response{}, esm.ErrThrottled }
	for _, test := range []struct {
		name    string
		retries int
		handler func([]esm.Record) (esm.Response, error)
		recs    []esm.Record
		want    []string
		took    time.Duration
	}{
		{"one record", -1, poison(false, "1"), records(1, 1), []string{"1 dropped: RecordAgeExceeded after 10"}, time.Minute},
		{"recorded on AWS: put 40 s before the mapping", -1, poison(false, "1"), aged(40), []string{"1 dropped: RecordAgeExceeded after 8"}, 20 * time.Second},
		{"retries end first", 2, poison(false, "3"), records(1, 4), []string{"1-4 dropped: RetryAttemptsExhausted after 3"}, 600 * ms},
		{"the age ends first", 100, poison(false, "3"), records(1, 4), []string{"1-4 dropped: RecordAgeExceeded after 10"}, time.Minute},
		{"throttled", 0, throttled, aged(0, 0, -10), []string{"1-2 dropped: RecordAgeExceeded after 1", "3 dropped: RecordAgeExceeded after 1"}, 70 * time.Second},
	} {
		s := shard{policy: policy.Stream{MaxRetries: test.retries, MaxAge: time.Minute}, handler: test.handler, now: began}
		s.play(test.recs)
		if !slices.Equal(s.ended, test.want) || s.now.Sub(began) != test.took {
			t.Errorf("%s: ended %q after %v, want %q after %v", test.name, s.ended, s.now.Sub(began), test.want, test.took)
		}
	}
}

// The wait is capped at the expiry of the first record and is never negative.
func TestWaitEndsWithTheHead(t *testing.T) {
	for _, test := range []struct {
		age  time.Duration
		want time.Duration
	}{
		{0, 200 * ms}, {time.Minute - 150*ms, 150 * ms}, {time.Minute, 0}, {time.Hour, 0}, {-time.Hour, 200 * ms},
	} {
		recs := records(1, 2)
		recs[0].Arrived = began.Add(-test.age)
		step := policy.Stream{MaxRetries: -1, MaxAge: time.Minute}.After(policy.Run{Records: recs}, functionError, esm.Response{}, began)
		if step.Wait != test.want {
			t.Errorf("age %v: waits %v, want %v", test.age, step.Wait, test.want)
		}
	}
}
