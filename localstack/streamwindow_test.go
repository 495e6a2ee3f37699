package localstack_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// counting is a function with tumbling windows: its state is how many records the window has had. The first so many tries
// of final invocations fail.
func counting(bad int) func(event) (string, error) {
	var mu sync.Mutex
	return func(e event) (string, error) {
		k := kinesisOf(e)
		mu.Lock()
		defer mu.Unlock()
		if k.IsFinalInvokeForWindow && bad > 0 {
			bad--
			return throw(e)
		}
		var state struct{ N int }
		_ = json.Unmarshal(k.State, &state)
		return fmt.Sprintf(`{"state":{"n":%d}}`, state.N+len(k.Records)), nil
	}
}

// putUntil puts records 1, 2, 3 and so on until the function has had so many final invocations, and tells how many.
func (s *stream) putUntil(f follower, finals int) (n int) {
	s.Helper()
	var last time.Time
	eventually(s.T, "windows have ended", func() bool {
		if time.Since(last) > 300*time.Millisecond {
			n++
			s.put(strconv.Itoa(n))
			last = time.Now()
		}
		return len(finalsOf(f.fn.seen())) >= finals
	})
	return n
}

func finalsOf(calls []event) (finals []event) {
	for _, e := range calls {
		if kinesisOf(e).IsFinalInvokeForWindow {
			finals = append(finals, e)
		}
	}
	return finals
}

// The whole of an event with a window but its records and state, in AWS's order.
var windowedEvent = regexp.MustCompile(`^\{"Records":\[.*\],"shardId":"shardId-000000000000","eventSourceARN":"([^"]+)",` +
	`"window":\{"start":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","end":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\},"state":\{("n":\d+)?\},` +
	`"isFinalInvokeForWindow":(true|false),"isWindowTerminatedEarly":false\}$`)

// A window's state goes from one invocation to the next, the final one has it and no records, and the next window begins
// with none. Windows end when a later record comes, and at the end of their shard.
func TestTumblingWindows(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("window", 1)
		f := c.follow("f", s.arn, counting(0), "TumblingWindowInSeconds: 3", "BatchSize: 2")
		c.run(fileOf(f))
		n := s.putUntil(f, 2)
		eventually(t, "all records are handled", func() bool { return f.fn.records() == n })
		before := len(finalsOf(f.fn.seen()))
		s.split("shardId-000000000000")
		eventually(t, "the end of the shard ends the window", func() bool { return len(finalsOf(f.fn.seen())) > before })
		wantWindows(t, s, f.fn.seen(), 3*time.Second)
	})
}

// wantWindows follows the states of one shard through all of its invocations.
func wantWindows(t *testing.T, s *stream, calls []event, length time.Duration) {
	t.Helper()
	records := s.records()
	var window time.Time
	var done []time.Time
	n := 0 // records of the window so far
	for _, e := range calls {
		k := kinesisOf(e)
		if parts := windowedEvent.FindSubmatch(e.Raw); parts == nil || string(parts[1]) != s.arn {
			t.Fatalf("event %s", e.Raw)
		}
		if k.Window.End.Sub(k.Window.Start) != length || k.Window.Start.Unix()%int64(length.Seconds()) != 0 {
			t.Errorf("window %+v", k.Window)
		}
		if window.IsZero() {
			window, n = k.Window.Start, 0
		}
		want := `{}`
		if n > 0 {
			want = fmt.Sprintf(`{"n":%d}`, n)
		}
		if string(k.State) != want || !k.Window.Start.Equal(window) {
			t.Errorf("window %v has state %s, want %v with %s", k.Window.Start, k.State, window, want)
		}
		for _, text := range k.texts() {
			at := *records[text].ApproximateArrivalTimestamp
			if at.Before(k.Window.Start) || !at.Before(k.Window.End) {
				t.Errorf("record %s of %v is in window %+v", text, at, k.Window)
			}
		}
		n += len(k.Records)
		if k.IsFinalInvokeForWindow {
			if len(k.Records) > 0 || n == 0 {
				t.Errorf("final event %s", e.Raw)
			}
			done = append(done, window)
			window = time.Time{}
		}
	}
	for i := 1; i < len(done); i++ {
		if !done[i].After(done[i-1]) {
			t.Errorf("window %v ended behind %v", done[i], done[i-1])
		}
	}
}

// split halves a shard.
func (s *stream) split(shard string) {
	s.Helper()
	_, err := s.kinesis.SplitShard(s.Context(), &kinesis.SplitShardInput{
		StreamName: &s.name, ShardToSplit: &shard, NewStartingHashKey: aws.String("170141183460469231731687303715884105728"),
	})
	if err != nil {
		s.Fatal(err)
	}
	s.active()
}

// A final invocation that fails is made again, then its window is given up: its notice tells no records.
func TestAFinalInvocationIsGivenUp(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("final", 1)
		dlq, arn := c.queue("final", map[string]string{})
		f := c.follow("f", s.arn, counting(2), "TumblingWindowInSeconds: 2", tries(1), onFailure(arn))
		c.run(fileOf(f))
		s.putUntil(f, 3)
		finals := finalsOf(f.fn.seen())
		first := kinesisOf(finals[0])
		if finals[0].ID != finals[1].ID || string(finals[0].Raw) != string(finals[1].Raw) || finals[2].ID == finals[0].ID {
			t.Errorf("the final invocations %s %s, %s %s, %s %s", finals[0].ID, finals[0].Raw, finals[1].ID, finals[1].Raw, finals[2].ID, finals[2].Raw)
		}
		want := fmt.Sprintf(`{"requestContext":{"requestId":%q,"functionArn":%q,"condition":"RetryAttemptsExhausted","approximateInvokeCount":2},`+
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"NOW",`+
			`"KinesisBatchInfo":{"shardId":"shardId-000000000000","streamArn":%q},`+
			`"timeWindowInfo":{"window":{"start":%q,"end":%q},"isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false}}`,
			finals[0].ID, f.functionARN(), s.arn, first.Window.Start.Format(time.RFC3339), first.Window.End.Format(time.RFC3339))
		wantNotice(t, c.notices(dlq, 1)[0], want)
		for i, e := range f.fn.seen() {
			if e.ID != finals[1].ID || e.At != finals[1].At {
				continue
			}
			if next := kinesisOf(f.fn.seen()[i+1]); string(next.State) != "{}" {
				t.Errorf("the next window begins with %s", next.State)
			}
		}
	})
}

// A state of more than a megabyte ends its window early; what is left of the interval begins without one.
func TestAStateThatGrowsTooLarge(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("state", 1)
		s.put("1", "2")
		large := `"` + strings.Repeat("x", 1_048_638) + `"`
		f := c.follow("f", s.arn, func(e event) (string, error) {
			if span(kinesisOf(e).texts()) == "1" {
				return `{"state":` + large + `}`, nil
			}
			return `{"state":{}}`, nil
		}, "TumblingWindowInSeconds: 900", "BatchSize: 1")
		c.run(fileOf(f))
		eventually(t, "both are handled", func() bool { return f.fn.records() == 2 })
		for i, want := range []struct {
			span, state string
			ends        bool
		}{{"1", "{}", false}, {"none", large, true}, {"2", "{}", false}} {
			got := kinesisOf(f.fn.seen()[i])
			if span(got.texts()) != want.span || string(got.State) != want.state || got.IsFinalInvokeForWindow != want.ends || got.IsWindowTerminatedEarly != want.ends {
				t.Errorf("invocation %d has %s, a state of %d bytes, %v and %v; want %s, %d and %v", i+1, span(got.texts()), len(got.State),
					got.IsFinalInvokeForWindow, got.IsWindowTerminatedEarly, want.span, len(want.state), want.ends)
			}
		}
	})
}
