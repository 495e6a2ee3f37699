package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// aged are records of these ages, in seconds, at began.
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
		{"rule 1: at the very moment", minute, aged(60), 0, "1", 1, ""},
		{"rule 1: never invoked", minute, aged(61, 60, 60), 0, "1-3", 1, ""},
		{"rule 1: after eight tries", minute, aged(61), 8, "1", 9, ""},
		{"rule 1: the head alone", minute, aged(70, 65, 5, 1), 3, "1-2", 4, "3-4 0 2"},
		{"rule 1: an old one behind a young one", minute, aged(70, 5, 65, 1), 0, "1", 1, "2-4 0 2"},
		{"rule 1: a young head", minute, aged(5, 70), 0, "", 0, ""},
		{"for ever", policy.Stream{}, aged(1e9), 0, "", 0, ""},
		{"for ever, as AWS writes it", policy.Stream{MaxAge: -time.Second}, aged(1e9), 0, "", 0, ""},
		{"rule 2: past what the stream keeps", policy.Stream{Retention: time.Hour}, aged(3600, 3599), 0, "1", 1, "2 0 2"},
		{"rule 2: kept for longer than they may live", policy.Stream{MaxAge: time.Minute, Retention: time.Hour}, aged(61), 0, "1", 1, ""},
		{"rule 2: kept for less", policy.Stream{MaxAge: time.Hour, Retention: time.Minute}, aged(61), 0, "1", 1, ""},
		{"untried: past what the stream keeps", policy.Stream{Retention: time.Hour}, aged(3600), 0, "", 0, ""},
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

// A record that fails for as long as it may live: pauses double, and the last one ends at the moment when it is too old.
func TestExpireWhileRetrying(t *testing.T) {
	s := shard{
		policy: policy.Stream{MaxRetries: -1, MaxAge: time.Minute}, handler: poison(false, "1"), now: began,
	}
	s.play(records(1, 1))
	want := []time.Duration{0, 200 * ms, 600 * ms, 1400 * ms, 3 * time.Second, 6200 * ms, 12600 * ms, 25400 * ms, 51 * time.Second}
	if !slices.Equal(s.starts, want) {
		t.Errorf("started after %v, want %v", s.starts, want)
	}
	if want := []string{"1 dropped: RecordAgeExceeded after 10"}; !slices.Equal(s.ended, want) {
		t.Errorf("ended %q, want %q", s.ended, want)
	}
	if took := s.now.Sub(began); took != time.Minute {
		t.Errorf("took %v, want 1m0s", took)
	}
}

// A record that was put 20 s before the mapping came: AWS's notice counts 8 tries.
func TestExpireAsRecorded(t *testing.T) {
	s := shard{
		policy: policy.Stream{MaxRetries: -1, MaxAge: time.Minute}, handler: poison(false, "1"), now: began.Add(40 * time.Second),
	}
	s.play(records(1, 1))
	if want := []string{"1 dropped: RecordAgeExceeded after 8"}; !slices.Equal(s.ended, want) {
		t.Errorf("ended %q, want %q", s.ended, want)
	}
}

// Whichever limit is met first counts.
func TestAgeAndRetries(t *testing.T) {
	for _, test := range []struct {
		retries int
		want    string
	}{
		{2, "1-4 dropped: RetryAttemptsExhausted after 3"},
		{100, "1-4 dropped: RecordAgeExceeded after 10"},
	} {
		s := shard{policy: policy.Stream{MaxRetries: test.retries, MaxAge: time.Minute}, handler: poison(false, "3"), now: began}
		s.play(records(1, 4))
		if !slices.Equal(s.ended, []string{test.want}) {
			t.Errorf("%d retries: ended %q, want %q", test.retries, s.ended, test.want)
		}
	}
}

// A function that nobody can reach keeps nothing back: the head is given up in time, and what is younger is tried at
// once.
func TestExpireWhileThrottled(t *testing.T) {
	recs := records(1, 3)
	recs[2].Arrived = began.Add(10 * time.Second)
	s := shard{policy: policy.Stream{MaxAge: time.Minute}, now: began}
	s.handler = func([]esm.Record) (esm.Response, error) { return esm.Response{}, esm.ErrThrottled }
	s.play(recs)
	if want := []string{"1-2 dropped: RecordAgeExceeded after 1", "3 dropped: RecordAgeExceeded after 1"}; !slices.Equal(s.ended, want) {
		t.Errorf("ended %q, want %q", s.ended, want)
	}
	if took := s.now.Sub(began); took != 70*time.Second {
		t.Errorf("took %v, want 1m10s", took)
	}
}

// The wait ends when the head is too old, and is never below zero.
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
