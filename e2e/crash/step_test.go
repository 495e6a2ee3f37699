package crash_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// A killTest has a stream of six records, of which the third always fails, and batches of three. Engines are killed at one
// step between receiving, invoking, sending a notice and saving.
type killTest struct {
	*rig.Env
	stream       *rig.Stream
	kinesis, sqs *proxy
	reached      chan string // gets a value when the engine is at the step
	hold         func(invocation int, span string) bool
	keys         []string // of the mapping, for engines that are to be killed

	mu    sync.Mutex
	spans []string // invoked by all engines
}

var steps = []struct {
	name    string
	set     func(*killTest)
	notices int // further ones that each kill may cost
	repeats int // of the first batch, that each kill may cost
}{
	{name: "during a read", set: func(s *killTest) {
		s.kinesis.follow(only("GetRecords", action{after: s.reached}))
	}},
	{name: "while a batch waits for more", set: func(s *killTest) {
		s.keys = []string{rig.BatchSize(100), "MaximumBatchingWindowInSeconds: 300"}
		reads := 0
		s.kinesis.follow(func(operation string) (t action) {
			if operation == "GetRecords" {
				if reads++; reads > 1 {
					t.before = s.reached
				}
			}
			return t
		})
	}},
	{name: "during the first try", repeats: 1, set: func(s *killTest) {
		s.hold = func(n int, _ string) bool { return n == 1 }
	}},
	{name: "during the second try of an engine", repeats: 1, set: func(s *killTest) {
		s.hold = func(n int, span string) bool { return n == 2 || span != "1-3" }
	}},
	{name: "before the notice", set: func(s *killTest) {
		s.sqs.follow(only("SendMessage", action{before: s.reached}))
	}},
	{name: "between notice and save", notices: 1, set: func(s *killTest) {
		s.sqs.follow(only("SendMessage", action{after: s.reached}))
	}},
	{name: "during the next batch", set: func(s *killTest) {
		s.hold = func(_ int, span string) bool { return span == "4-6" }
	}},
}

// Two engines are killed at the same step, and a third goes on.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	const kills = 2
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			s := &killTest{Env: e, stream: e.Stream("steps", 1), reached: make(chan string, 1)}
			s.kinesis, s.sqs = newProxy(t, e.StreamsEndpoint), newProxy(t, e.Endpoint)
			e.Endpoints["kinesis"], e.Endpoints["sqs"] = s.kinesis.url, s.sqs.url
			dlq := e.Queue("steps", nil)
			s.stream.Put(rig.Numbers(6)...)
			for range kills {
				step.set(s)
				s.run(dlq, s.keys, func(engine *rig.Engine) {
					select {
					case <-s.reached:
					case <-engine.Ended:
						t.Error("the engine ended by itself")
					case <-time.After(time.Minute):
						t.Error("the engine was never at the step")
					}
					engine.Kill()
				})
			}
			s.kinesis.follow(passAll)
			s.sqs.follow(passAll)
			s.hold = nil
			s.run(dlq, nil, func(engine *rig.Engine) {
				rig.Eventually(t, "all is handled", func() bool { return slices.Contains(s.invoked(), "4-6") })
				s.stream.Put("7")
				rig.Eventually(t, "what comes later is handled", func() bool { return slices.Contains(s.invoked(), "7") })
				engine.Stop()
			})
			s.checkInvocations(kills*step.repeats, kills)
			s.checkNotices(dlq.Take(), 1+kills*step.notices)
		})
	}
}

// run runs an engine until end returns. Invocations that hold selects wait until then.
func (s *killTest) run(dlq *rig.Queue, keys []string, end func(*rig.Engine)) {
	ended := make(chan bool)
	defer close(ended)
	if keys == nil {
		keys = []string{rig.BatchSize(3)}
	}
	n := 0
	f := s.Function("f", func(c rig.Call) (string, error) {
		s.mu.Lock()
		s.spans = append(s.spans, c.Span())
		n++
		held := s.hold != nil && s.hold(n, c.Span())
		s.mu.Unlock()
		if held {
			select {
			case s.reached <- c.Span():
			default:
			}
			<-ended
		}
		return rig.FailOn("3")(c)
	})
	end(s.Start(f.On(s.stream.ARN, append(slices.Clone(keys), rig.Retries(2), rig.OnFailure(dlq.ARN))...)))
}

func (s *killTest) invoked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}

// checkInvocations checks that the first batch was tried three times, and a few more that could not be counted, before the
// next ones came.
func (s *killTest) checkInvocations(repeats, kills int) {
	s.Helper()
	all := s.invoked()
	tries := max(slices.Index(all, "4-6"), 0)
	if tries < 3 || tries > 3+repeats || slices.ContainsFunc(all[:tries], func(span string) bool { return span != "1-3" }) {
		s.Errorf("%d tries of the first batch, want 3 to %d: %q", tries, 3+repeats, all)
	}
	if rest := slices.Compact(all[tries:]); !slices.Equal(rest, []string{"4-6", "7"}) || len(all)-tries > 2+kills {
		s.Errorf("invocations %q", all)
	}
}

// checkNotices checks that the first batch has that many notices, which differ in their time only.
func (s *killTest) checkNotices(texts []string, want int) {
	s.Helper()
	if len(texts) != want {
		s.Errorf("%d notices, want %d: %q", len(texts), want, texts)
	}
	var last map[string]any
	for _, text := range texts {
		var n map[string]any
		s.Must(json.Unmarshal([]byte(text), &n))
		delete(n, "timestamp")
		if last != nil && fmt.Sprint(n) != fmt.Sprint(last) {
			s.Errorf("the notice %v is repeated as %v", last, n)
		}
		last = n
		request, _ := n["requestContext"].(map[string]any)
		batch, _ := n["KinesisBatchInfo"].(map[string]any)
		if request["approximateInvokeCount"] != 3.0 || batch["batchSize"] != 3.0 {
			s.Errorf("the notice is %s, want 3 records after 3 tries", text)
		}
	}
}
