package sqs

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestAttributes(t *testing.T) {
	const dead = "arn:aws:sqs:eu-west-1:123456789012:dead"
	tests := []struct {
		name  string
		given map[string]string
		want  Attributes
		ok    bool
	}{
		{"plain", map[string]string{"VisibilityTimeout": "43200", "DelaySeconds": "3"}, Attributes{VisibilityTimeout: 12 * time.Hour}, true},
		{"zero", map[string]string{"VisibilityTimeout": "0"}, Attributes{}, true},
		{"redrive", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": `{"deadLetterTargetArn":"` + dead + `","maxReceiveCount":5}`}, Attributes{30 * time.Second, 5}, true},
		{"count in quotes", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": `{"deadLetterTargetArn":"` + dead + `","maxReceiveCount":"5"}`}, Attributes{30 * time.Second, 5}, true},
		{"no policy", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": ""}, Attributes{VisibilityTimeout: 30 * time.Second}, true},
		{"no timeout", map[string]string{}, Attributes{}, false},
		{"no count", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": `{}`}, Attributes{}, false},
		{"count is text", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": `{"maxReceiveCount":"many"}`}, Attributes{}, false},
		{"half a count", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": `{"maxReceiveCount":1.5}`}, Attributes{}, false},
		{"not JSON", map[string]string{"VisibilityTimeout": "30", "RedrivePolicy": "x"}, Attributes{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newService()
			s.Answers["GetQueueAttributes"] = attributes(test.given)
			got, err := queueOn(t, s, standardARN, "").Attributes(t.Context())
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestAttributesDenied(t *testing.T) {
	s := newService()
	s.Answers["GetQueueAttributes"] = awstest.Refuse(http.StatusForbidden, "AccessDenied")
	q := queueOn(t, s, standardARN, "")
	if _, err := q.Attributes(t.Context()); !errors.Is(err, ErrDenied) {
		t.Errorf("attributes: got %v, want %v", err, ErrDenied)
	}
	if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrDenied) || len(s.Calls("ReceiveMessage")) != 0 {
		t.Errorf("receive: got %v after %d receives, want %v before any", err, len(s.Calls("ReceiveMessage")), ErrDenied)
	}
}

// The visibility timeout of a queue that is received from without a break changes, and is out of reach for a while.
func TestVisibilityIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seconds, reachable := "30", true
		s := receiving(func(awstest.Call) *awstest.Answer {
			time.Sleep(time.Second)
			return messages(message("m", "x", md5OfX))
		})
		s.Answers["GetQueueAttributes"] = func(c awstest.Call) *awstest.Answer {
			if !reachable {
				return awstest.Refusal(http.StatusBadRequest, "Whatever")
			}
			return attributes(map[string]string{"VisibilityTimeout": seconds})(c)
		}
		q := queueOn(t, s, standardARN, "")
		until := func() time.Duration {
			recs, err := q.Receive(t.Context(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			return time.Until(recs[0].Until)
		}
		for minute, want := range []time.Duration{30 * time.Second, 30 * time.Second, 90 * time.Second, 90 * time.Second} {
			for range 60 {
				if got := until(); minute != 1 && got != want {
					t.Fatalf("minute %d: comes back after %s, want %s", minute, got, want)
				}
			}
			seconds = "90"
			reachable = minute != 2
		}
		if got := len(s.Calls("GetQueueAttributes")); got < 4 || got > 5 {
			t.Errorf("asked %d times in 4 minutes", got)
		}
	})
}

func TestRefreshDoesNotDelayReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		q := queueOn(t, s, standardARN, "")
		if _, err := q.Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(refreshEvery)
		usual := s.Answers["GetQueueAttributes"]
		s.Answers["GetQueueAttributes"] = func(c awstest.Call) *awstest.Answer {
			time.Sleep(500 * time.Millisecond)
			return usual(c)
		}
		s.Answers["ReceiveMessage"] = func(awstest.Call) *awstest.Answer { time.Sleep(10 * time.Second); return awstest.OK(map[string]any{}) }
		start := time.Now()
		if _, err := q.Receive(t.Context(), 1, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("took %s, want the 10s of the poll", got)
		}
		if got := len(s.Calls("GetQueueAttributes")); got != 2 {
			t.Errorf("asked %d times, want 2", got)
		}
	})
}

func FuzzRedrivePolicy(f *testing.F) {
	for _, policy := range []string{`{"deadLetterTargetArn":"arn","maxReceiveCount":5}`, `{"maxReceiveCount":"5"}`, `{"maxReceiveCount":null}`, `null`, `{}`, `[]`} {
		f.Add(policy)
	}
	f.Fuzz(func(t *testing.T, policy string) {
		var a Attributes
		if err := a.readRedrive(policy); err != nil && a != (Attributes{}) {
			t.Errorf("%q: %v, yet %+v", policy, err, a)
		}
	})
}
