package sqs

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// fifo receives from a FIFO queue that answers as told, once for each answer, and returns the attempt ids it saw. A call
// that gets no answer is one attempt of the SDK's: with retries its own attempts keep the id as well.
type fifo struct {
	t    *testing.T
	s    *service
	q    *Queue
	next *answer
}

func newFIFO(t *testing.T, visibility string) *fifo {
	f := &fifo{t: t}
	f.s = &service{
		receive: func(call) *answer { return f.next },
		attributes: func() *answer {
			return ok(map[string]any{"Attributes": map[string]string{"VisibilityTimeout": visibility}})
		},
	}
	f.q = f.s.queue(t, fifoARN)
	return f
}

// receive makes one call that is answered so, and returns the id of its last attempt.
func (f *fifo) receive(a *answer) (string, error) {
	f.t.Helper()
	f.next = a
	_, err := f.q.Receive(f.t.Context(), 10, 0)
	made := f.s.made("ReceiveMessage")
	id, _ := made[len(made)-1].in["ReceiveRequestAttemptId"].(string)
	if id == "" || len(id) > 128 {
		f.t.Errorf("ReceiveRequestAttemptId is %q", id)
	}
	return id, err
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	tests := []struct {
		name string
		lost *answer
		same bool
	}{
		{"the connection broke", nil, true},
		{"the service failed", refused(http.StatusInternalServerError, "InternalFailure"), true},
		{"a gateway failed", &answer{status: http.StatusBadGateway, body: "oops"}, true},
		{"the answer is garbage", &answer{status: http.StatusOK, body: "oops"}, true},
		{"the call was refused", refused(http.StatusBadRequest, "RequestThrottled"), false},
		{"the call went well", ok(map[string]any{}), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFIFO(t, "30")
			first, _ := f.receive(test.lost)
			second, err := f.receive(ok(map[string]any{}))
			if err != nil {
				t.Fatal(err)
			}
			if got := first == second; got != test.same {
				t.Errorf("ids %s and %s, want the same: %t", first, second, test.same)
			}
			if third, _ := f.receive(ok(map[string]any{})); third == second {
				t.Error("an answered attempt was made again")
			}
		})
	}
}

func TestALostAnswerIsForgottenInTime(t *testing.T) {
	for visibility, after := range map[string]time.Duration{"30": 30 * time.Second, "3600": 5 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFIFO(t, visibility)
			first, _ := f.receive(nil)
			time.Sleep(after / 2)
			second, _ := f.receive(nil)
			time.Sleep(after/2 - time.Second)
			third, _ := f.receive(nil)
			time.Sleep(time.Second)
			fourth, _ := f.receive(ok(map[string]any{}))
			if first != second || second != third || third == fourth {
				t.Errorf("ids %s %s %s %s, want the same for less than %s after the first use", first, second, third, fourth, after)
			}
		})
	}
}

func TestARepeatedAttemptThatTheServiceFailsOnIsGivenUp(t *testing.T) {
	f := newFIFO(t, "30")
	failure := refused(http.StatusInternalServerError, "InternalFailure")
	first, _ := f.receive(nil)
	second, _ := f.receive(failure)
	third, _ := f.receive(ok(map[string]any{}))
	if first != second || second == third {
		t.Errorf("ids %s %s %s, want one repetition", first, second, third)
	}
}

func TestAPollThatIsGivenUpIsAskedForAgain(t *testing.T) {
	f := newFIFO(t, "30")
	ctx, cancel := context.WithCancel(t.Context())
	f.s.receive = func(call) *answer { cancel(); return nil }
	if _, err := f.q.Receive(ctx, 10, 0); err == nil {
		t.Fatal("no error")
	}
	f.s.receive = func(call) *answer { return f.next }
	given := f.s.made("ReceiveMessage")[0].in["ReceiveRequestAttemptId"]
	if again, _ := f.receive(ok(map[string]any{})); again != given {
		t.Errorf("id %s, want %v", again, given)
	}
}

func TestReceiversSideBySideHaveTheirOwnAttempts(t *testing.T) {
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

func TestTheAnswersOfALostReceiveArriveAfterAll(t *testing.T) {
	// A queue that keeps to its rules: the same id gets the same messages.
	taken := map[any]bool{}
	lose := true
	s := &service{receive: func(c call) *answer {
		id := c.in["ReceiveRequestAttemptId"]
		if len(taken) > 0 && !taken[id] {
			return ok(map[string]any{}) // the group is in flight
		}
		taken[id] = true
		if lose {
			return nil
		}
		return messages(message("m", "x", md5OfX))
	}}
	q := s.queue(t, fifoARN)
	if _, err := q.Receive(t.Context(), 10, 0); err == nil {
		t.Fatal("no error")
	}
	lose = false
	recs, err := q.Receive(t.Context(), 10, 0)
	if err != nil || len(recs) != 1 {
		t.Errorf("got %v, %v, want the message", recs, err)
	}
}
