package sqs

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/sources/internal/awstest"
)

// fifo receives from a FIFO queue whose answers a test gives one by one. A broken connection counts as one call: the SDK
// retries it under the same id.
type fifo struct {
	t *testing.T
	s *awstest.Service
	q *Queue
}

func newFIFO(t *testing.T, visibility string) *fifo {
	s := newService()
	s.Answers["GetQueueAttributes"] = attributes(map[string]string{"VisibilityTimeout": visibility})
	return &fifo{t, s, queueOn(t, s, fifoARN, "")}
}

// receive makes one call, and returns the attempt id that it was made with.
func (f *fifo) receive(answer awstest.Handler) (id string, err error) {
	f.t.Helper()
	f.s.Answers["ReceiveMessage"] = answer
	_, err = f.q.Receive(f.t.Context(), 10, 0)
	calls := f.s.Calls("ReceiveMessage")
	if id = calls[len(calls)-1].Text("ReceiveRequestAttemptId"); id == "" || len(id) > 128 {
		f.t.Errorf("ReceiveRequestAttemptId is %q", id)
	}
	return id, err
}

var internalFailure = awstest.Refuse(http.StatusInternalServerError, "InternalFailure")

func TestLostAnswerIsRepeated(t *testing.T) {
	garbage := func(status int) awstest.Handler {
		return func(awstest.Call) *awstest.Answer { return &awstest.Answer{Status: status, Body: "oops"} }
	}
	for name, test := range map[string]struct {
		first awstest.Handler
		same  bool
	}{
		"the connection broke":  {awstest.Break, true},
		"the service failed":    {internalFailure, true},
		"a gateway failed":      {garbage(http.StatusBadGateway), true},
		"the answer is garbage": {garbage(http.StatusOK), true},
		"the call was refused":  {awstest.Refuse(http.StatusBadRequest, "RequestThrottled"), false},
		"the call went well":    {nothing, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFIFO(t, "30")
			first, _ := f.receive(test.first)
			second, err := f.receive(nothing)
			if err != nil {
				t.Fatal(err)
			}
			if got := first == second; got != test.same {
				t.Errorf("ids %s and %s, want the same: %t", first, second, test.same)
			}
			if third, _ := f.receive(nothing); third == second {
				t.Error("an answered attempt was made again")
			}
		})
	}
}

func TestAttemptExpires(t *testing.T) {
	for visibility, after := range map[string]time.Duration{"30": 30 * time.Second, "3600": 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFIFO(t, visibility)
			first, _ := f.receive(awstest.Break)
			time.Sleep(after / 2)
			second, _ := f.receive(awstest.Break)
			time.Sleep(after/2 - time.Second)
			third, _ := f.receive(awstest.Break)
			time.Sleep(time.Second)
			fourth, _ := f.receive(nothing)
			if first != second || second != third || third == fourth {
				t.Errorf("ids %s %s %s %s, want the same for less than %s after the first use", first, second, third, fourth, after)
			}
		})
	}
}

func TestAttemptFailsTwice(t *testing.T) {
	f := newFIFO(t, "30")
	first, _ := f.receive(awstest.Break)
	second, _ := f.receive(internalFailure)
	third, _ := f.receive(nothing)
	if first != second || second == third {
		t.Errorf("ids %s %s %s, want one repetition", first, second, third)
	}
}

func TestCanceledPollIsRepeated(t *testing.T) {
	f := newFIFO(t, "30")
	ctx, cancel := context.WithCancel(t.Context())
	f.s.Answers["ReceiveMessage"] = func(awstest.Call) *awstest.Answer { cancel(); return nil }
	if _, err := f.q.Receive(ctx, 10, 0); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	given := f.s.Calls("ReceiveMessage")[0].Text("ReceiveRequestAttemptId")
	if again, _ := f.receive(nothing); again != given {
		t.Errorf("id %s, want %v", again, given)
	}
}

func TestConcurrentAttempts(t *testing.T) {
	var a attempts
	now, lost := time.Now(), errors.New("lost")
	first, second := a.next(now, time.Minute), a.next(now, time.Minute)
	if first.id == second.id {
		t.Error("two receivers share an attempt")
	}
	a.failed(first, lost)
	a.failed(second, lost)
	if got := []string{a.next(now, time.Minute).id, a.next(now, time.Minute).id}; got[0] != first.id || got[1] != second.id {
		t.Errorf("got %v, want the lost ones, oldest first, one for each", got)
	}
}
