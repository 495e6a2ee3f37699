package localstack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Full batches do not wait for the window. What is left does, from the end of the batch before it on.
func TestBatchingWindowOfAStream(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("batch", 1)
		s.put(numbers(5)...)
		const window = 4 * time.Second
		f := c.follow("f", s.arn, succeed, "BatchSize: 2", "MaximumBatchingWindowInSeconds: 4")
		c.run(fileOf(f))
		f.handles(t, numbers(5)...)
		calls := f.fn.seen()
		if got := asTexts(runsOf(t, calls, 0)); !slices.Equal(got, []string{"1-2", "3-4", "5"}) {
			t.Fatalf("invocations %q", got)
		}
		if gap := calls[1].At.Sub(calls[0].At); gap >= window {
			t.Errorf("the second full batch came after %v", gap)
		}
		if gap := calls[2].At.Sub(calls[1].At); gap < window-100*time.Millisecond {
			t.Errorf("the rest came after %v, want %v", gap, window)
		}
	})
}

// A record that alone is larger than an invocation takes spends its tries without one, and is given up; others go on. The
// emulators take no record that large.
func TestARecordThatFitsNoInvocation(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		large := "2" + strings.Repeat("x", 5<<20) // more than 6 MB as base64
		for retries, count := range map[int]int{0: 1, 2: 3} {
			s := c.stream(fmt.Sprint("large", retries), 1)
			s.put("1", large, "3")
			dlq, arn := c.queue(fmt.Sprint("large", retries), map[string]string{})
			f := c.follow("f", s.arn, succeed, tries(retries), "BatchSize: 3", onFailure(arn))
			e := c.run(fileOf(f))
			s.handlesRuns(t, f, "1", "3")
			n := c.notices(dlq, 1)[0]
			wantNotice(t, n, s.notice(told{records: large, count: count, unasked: true}, f, readNotice(t, n).ID))
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		}
	})
}

// consumer registers a consumer of the stream, with a throughput of its own.
func (s *stream) consumer(name string) (arn string) {
	s.Helper()
	made, err := s.kinesis.RegisterStreamConsumer(s.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: &s.arn, ConsumerName: &name})
	if err != nil {
		s.Fatal(err)
	}
	arn = *made.Consumer.ConsumerARN
	eventually(s.T, "the consumer is active", func() bool {
		got, err := s.kinesis.DescribeStreamConsumer(s.Context(), &kinesis.DescribeStreamConsumerInput{ConsumerARN: &arn})
		return err == nil && got.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive
	})
	return arn
}

// Enhanced fan-out: events and notices name the consumer, and all else is as without it. No SDK can subscribe at kinesis-mock.
func TestAConsumerOfAStream(t *testing.T) {
	services := slices.DeleteFunc(slices.Clone(kinesisServices), func(s streamService) bool { return s.name == "kinesis-mock" })
	overStreams(t, services, func(t *testing.T, c *corner) {
		s := c.stream("fan", 1)
		s.put("1", "2", "3", "4")
		dlq, arn := c.queue("fan", map[string]string{})
		s.arn = s.consumer("orders")
		f := c.follow("f", s.arn, reportRecord("2"), tries(1), bisect, reporting, "BatchSize: 4", onFailure(arn))
		e := c.run(fileOf(f))
		s.handlesRuns(t, f, "1-4", "2-4", "2 ×2", "3-4")
		got := runsOf(t, f.fn.seen(), 0)
		wantNotice(t, c.notices(dlq, 1)[0], s.notice(told{records: "2", count: 2}, f, got[2].id))
		for _, text := range []string{s.arn, "shardId-000000000000:"} {
			if n := strings.Count(string(f.fn.seen()[0].Raw), text); n != 4 {
				t.Errorf("%s is %d times in the event %s", text, n, f.fn.seen()[0].Raw)
			}
		}
		s.put("5")
		s.handlesRuns(t, f, "1-4", "2-4", "2 ×2", "3-4", "5")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.put("6")
		c.run(fileOf(f))
		s.handlesRuns(t, f, "1-4", "2-4", "2 ×2", "3-4", "5", "6")
	})
}

// handlesRuns waits for runs of the first shard, and checks that there are no others.
func (s *stream) handlesRuns(t *testing.T, f follower, want ...string) {
	t.Helper()
	n := story{runs: want}.invocations()
	eventually(t, fmt.Sprintf("there are %d invocations", n), func() bool { return len(f.fn.seen()) >= n })
	if got := asTexts(runsOf(t, f.fn.seen(), 0)); !slices.Equal(got, want) {
		t.Fatalf("invocations %q, want %q", got, want)
	}
}

// remote is Lambda's Invoke API with a function that is throttled for some calls, and fails from then on when record 1 is in
// the event.
type remote struct {
	mu        sync.Mutex
	throttles int
	failed    int
}

func (r *remote) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var e kinesisEvent
	_ = json.NewDecoder(req.Body).Decode(&e)
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.throttles > 0:
		r.throttles--
		w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`)
	case slices.Contains(e.texts(), "1"):
		r.failed++
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		w.Header().Set("X-Amz-Executed-Version", "7")
		fmt.Fprint(w, `{"errorMessage":"out of beans","errorType":"errorString"}`)
	default:
		fmt.Fprint(w, "null")
	}
}

// Throttling costs no retries, and notices name the version that an alias stood for.
func TestThrottlesCostNoRetries(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("throttle", 1)
		s.put("1", "2")
		dlq, arn := c.queue("throttle", map[string]string{})
		function := &remote{throttles: 5}
		server := httptest.NewServer(function)
		t.Cleanup(server.Close)
		f := c.follow("f:live", s.arn, nil, tries(1), "BatchSize: 1", onFailure(arn))
		file := strings.Replace(fileOf(f), "f:live: "+f.fn.yaml(), fmt.Sprintf("f: {InvokeEndpoint: %q}", server.URL), 1)
		c.run(file)
		notice := c.notices(dlq, 1)[0]
		want := s.notice(told{records: "1", count: 2, fault: "Unhandled"}, f, readNotice(t, notice).ID)
		wantNotice(t, notice, strings.Replace(want, "$LATEST", "7", 1))
		if function.mu.Lock(); function.failed != 2 || function.throttles > 0 {
			t.Errorf("%d tries, want 2 and five that were throttled", function.failed)
		}
		function.mu.Unlock()
	})
}
