package handler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// An invokeAPI is Lambda's Invoke API with one function.
type invokeAPI struct {
	answer func(n int, c rig.Call) answer // to the nth call, from 0 on

	mu    sync.Mutex
	calls []rig.Call
	path  string // of the last call
}

// An answer of Invoke. The zero one is success.
type answer struct {
	status int    // 0 is 200; -1 breaks the connection
	code   string // of an exception
	fault  bool   // the function failed
}

// remoteFunction returns a function that engines reach at the API.
func (l *invokeAPI) remoteFunction(t *testing.T) *rig.Function {
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return &rig.Function{Name: "f", Description: fmt.Sprintf("{InvokeEndpoint: %q}", server.URL)}
}

func (l *invokeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, _ := io.ReadAll(r.Body)
	c := rig.ParseCall(event)
	l.mu.Lock()
	a := l.answer(len(l.calls), c)
	l.calls, l.path = append(l.calls, c), r.URL.RequestURI()
	l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case a.status < 0:
		panic(http.ErrAbortHandler)
	case a.status > 0:
		w.Header().Set("X-Amzn-ErrorType", a.code)
		w.WriteHeader(a.status)
		fmt.Fprint(w, `{"message":"as it happens"}`)
	default:
		w.Header().Set("X-Amz-Executed-Version", "7")
		if a.fault {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		fmt.Fprint(w, "null")
	}
}

func (l *invokeAPI) spans() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return rig.Spans(l.calls)
}

var throttled = answer{status: 429, code: "TooManyRequestsException"}

// No message is received twice while a function is throttled.
func TestThrottledRemoteFunction(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	dlq := e.Queue("remote-dead", nil)
	q := e.Queue("remote", rig.Attributes{"VisibilityTimeout": "60", "RedrivePolicy": dlq.Redrive(1)})
	l := &invokeAPI{answer: func(n int, _ rig.Call) (a answer) {
		if n < 10 {
			a = throttled
		}
		return a
	}}
	q.Send(rig.Numbers(5)...)
	mapping := l.remoteFunction(t).On(q.ARN)
	mapping.Qualifier = "prod"
	e.Run(mapping)
	q.WaitCount(0)
	if dead := dlq.Count(); dead > 0 {
		t.Errorf("%d messages died of throttling", dead)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path != "/2015-03-31/functions/f/invocations?Qualifier=prod" {
		t.Errorf("invoked %s", l.path)
	}
}

// What Invoke answers without running the function costs none of a record's tries. A notice names the version that an
// alias stands for.
func TestRemoteErrorsCostNoRetry(t *testing.T) {
	t.Parallel()
	answers := []answer{
		throttled, {status: 404, code: "ResourceNotFoundException"}, {status: 502, code: "KMSDisabledException"},
		{status: 410, code: "EFSIOException"}, {status: 500, code: "ServiceException"}, {status: 503, code: "not an exception"}, {status: -1},
	}
	e := rig.New(t)
	s, dlq := e.Stream("invoke", 1), e.Queue("invoke", nil)
	l := &invokeAPI{answer: func(n int, _ rig.Call) (a answer) {
		if n%2 == 0 && n/2 < len(answers) {
			return answers[n/2]
		}
		return answer{fault: n >= 2*len(answers)}
	}}
	records := rig.Numbers(len(answers) + 1)
	s.Put(records...)
	f := l.remoteFunction(t)
	mapping := f.On(s.ARN, rig.BatchSize(1), rig.Retries(0), rig.OnFailure(dlq.ARN))
	mapping.Qualifier = "live"
	engine := e.Run(mapping)
	notice := dlq.TakeNotices(1)[0]
	engine.Stop()
	var want []string
	for _, text := range records {
		want = append(want, text, text)
	}
	if want = want[:len(want)-1]; !slices.Equal(l.spans(), want) { // the last record fails at its only try
		t.Errorf("invocations %q, want %q", l.spans(), want)
	}
	f.Name = "f:live"
	rig.Notice{Records: records[len(answers)], Tries: 1, Fault: "Unhandled", Version: "7"}.Check(t, notice, s, f, rig.ParseNotice(t, notice).RequestID)
}

// An event that a remote function finds too large is halved, and given up when its tries are spent.
func TestRemoteEventTooLarge(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s, dlq := e.Stream("large", 1), e.Queue("large", nil)
	l := &invokeAPI{answer: func(_ int, c rig.Call) (a answer) {
		if slices.Contains(c.Texts(), "2") {
			a = answer{status: 413, code: "RequestEntityTooLargeException"}
		}
		return a
	}}
	s.Put(rig.Numbers(4)...)
	f := l.remoteFunction(t)
	engine := e.Run(f.On(s.ARN, rig.Retries(2), rig.OnFailure(dlq.ARN)))
	want := []string{"1-4", "1-2", "1", "2", "2", "2", "3-4"}
	rig.Eventually(t, "all records are handled", func() bool { return len(l.spans()) >= len(want) })
	engine.Stop()
	if got := l.spans(); !slices.Equal(got, want) {
		t.Errorf("invocations %q, want %q", got, want)
	}
	notice := dlq.TakeNotices(1)[0]
	rig.Notice{Records: "2", Tries: 3, NoResponse: true}.Check(t, notice, s, f, rig.ParseNotice(t, notice).RequestID)
}
