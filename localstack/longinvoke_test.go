package localstack_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What Lambda's Invoke may answer without having run the function.
var invokeFaults = []fault{
	{429, "TooManyRequestsException"}, {404, "ResourceNotFoundException"}, {409, "ResourceConflictException"},
	{409, "SnapStartNotReadyException"}, {403, "AccessDeniedException"}, {502, "KMSDisabledException"},
	{502, "KMSInvalidStateException"}, {502, "KMSAccessDeniedException"}, {502, "KMSNotFoundException"},
	{410, "EFSIOException"}, {408, "EFSMountConnectivityException"}, {403, "EFSMountFailureException"},
	{408, "EFSMountTimeoutException"}, {502, "EC2ThrottledException"}, {502, "EC2UnexpectedException"},
	{502, "EC2AccessDeniedException"}, {502, "ENILimitReachedException"}, {502, "SubnetIPAddressLimitReachedException"},
	{502, "InvalidRuntimeException"}, {502, "InvalidZipFileException"}, {502, "InvalidSecurityGroupIDException"},
	{502, "InvalidSubnetIDException"}, {415, "UnsupportedMediaTypeException"}, {500, "ServiceException"},
	{400, "RecursiveInvocationException"}, {400, "InvalidRequestContentException"}, {503, "nobody is there"},
	{504, "nobody answers"}, broken,
}

// lambdaAPI is a function behind Lambda's Invoke API, which answers as the test wants.
type lambdaAPI struct {
	answer func(texts []string) fault

	mu    sync.Mutex
	calls []string // the spans of records
}

func (l *lambdaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	texts := kinesisOf(event{Raw: raw}).texts()
	l.mu.Lock()
	l.calls = append(l.calls, span(texts))
	f := l.answer(texts)
	l.mu.Unlock()
	if f != (fault{}) {
		f.answer(w)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	fmt.Fprint(w, "null")
}

func (l *lambdaAPI) made() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// runLambda starts an engine that invokes l for the records of a stream.
func (s *stream) runLambda(l *lambdaAPI, keys ...string) *engine {
	s.Helper()
	server := httptest.NewServer(l)
	s.Cleanup(server.Close)
	f := s.follow("f", s.arn, nil, keys...)
	return s.run(strings.Replace(fileOf(f), "f: "+f.fn.yaml(), fmt.Sprintf("f: {InvokeEndpoint: %q}", server.URL), 1))
}

// TestErrorsOfInvokeCostNoRetry lets each error come once, for a record each, where no retry is allowed.
func TestErrorsOfInvokeCostNoRetry(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		s := c.stream("invoke", 1)
		dlq, arn := c.queue("invoke", map[string]string{})
		n := 0
		l := &lambdaAPI{answer: func([]string) (f fault) {
			if n%2 == 0 {
				f = invokeFaults[n/2]
			}
			n++
			return f
		}}
		s.put(numbers(len(invokeFaults))...)
		e := s.runLambda(l, "BatchSize: 1", "MaximumRetryAttempts: 0", onFailure(arn))
		var want []string
		for _, text := range numbers(len(invokeFaults)) {
			want = append(want, text, text)
		}
		eventually(t, "all records are handled", func() bool { return len(l.made()) >= len(want) })
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if got := l.made(); !slices.Equal(got, want) {
			t.Errorf("invocations %q, want %q", got, want)
		}
		if notices := c.collect(dlq); len(notices) > 0 {
			t.Errorf("notices %q", notices)
		}
	})
}

// What a function elsewhere finds too large is halved, and given up when all its tries are spent.
func TestAnEventThatIsTooLarge(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		s := c.stream("large", 1)
		dlq, arn := c.queue("large", map[string]string{})
		l := &lambdaAPI{answer: func(texts []string) (f fault) {
			if slices.Contains(texts, "2") {
				f = fault{413, "RequestEntityTooLargeException"}
			}
			return f
		}}
		s.put(numbers(4)...)
		e := s.runLambda(l, "MaximumRetryAttempts: 2", onFailure(arn))
		want := []string{"1-4", "1-2", "1", "2", "2", "2", "3-4"}
		eventually(t, "all records are handled", func() bool { return len(l.made()) >= len(want) })
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if got := l.made(); !slices.Equal(got, want) {
			t.Errorf("invocations %q, want %q", got, want)
		}
		f := follower{name: "f"}
		notices := c.notices(dlq, 1)
		wantNotice(t, notices[0], s.notice(told{records: "2", count: 3, unasked: true}, f, readNotice(t, notices[0]).ID))
	})
}
