package queue

import (
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

const root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// passed returns root after n invocations of f.
func passed(n int) string {
	header := root
	for range n {
		header = policy.Advance(header, "f")
	}
	return header
}

func TestABatchPassesOnTheTraceHeaderOfMostPasses(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		want    string // empty for a new one
	}{
		{"none", []string{"", ""}, ""},
		{"one", []string{"", root, ""}, passed(1)},
		{"several", []string{passed(2), passed(5), root}, passed(6)},
		{"of a new form", []string{"something else", passed(1)}, passed(2)},
		{"with a line break", []string{root + ";a=\nb"}, ""},
	} {
		bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
			r.feed.Batching = policy.Batching{Size: 10, Window: 5 * time.Second}
			for _, header := range test.headers {
				r.queue.SendTraced("m", "", header)
			}
			r.runFor(time.Minute)
			calls := r.Function.Calls()
			if len(calls) != 1 {
				t.Fatalf("%s: %d calls", test.name, len(calls))
			}
			got := calls[0].TraceHeader
			if test.want != "" && got != test.want || test.want == "" && (!esm.IsTraceHeader(got) || policy.Passes(got, "f") != 1) {
				t.Errorf("%s: the trace header is %s, want %s", test.name, got, test.want)
			}
		})
	}
}

// A message that a function has caused itself too often returns to its queue, and then to the dead-letter queue. Others of the
// same batch run.
func TestMessagesOfALoopReturn(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		bubble(t, sourcetest.QueueConfig{Visibility: 10 * time.Second, MaxReceives: 3}, enginetest.Succeed, func(r *rig) {
			r.feed.AllowsRecursion = func() bool { return allowed }
			r.queue.SendTraced("loop", "", passed(policy.MaxPasses))
			r.queue.SendTraced("last", "", passed(policy.MaxPasses-1))
			r.send(1, "")
			r.runFor(5 * time.Minute)
			if allowed {
				r.wantQueue(3, 0, 0)
				return
			}
			r.wantQueue(2, 0, 1)
			r.wantLeft(3, trace.ReasonRecursive)
			for _, call := range r.Function.Calls() {
				for _, text := range call.Texts() {
					if text == "loop" {
						t.Error("the function ran for a message of a loop")
					}
				}
			}
			if stopped := enginetest.Events[trace.RecursionStopped](r.Rig); len(stopped) != 3 || stopped[0].Count != 1 || stopped[0].Function != "f" {
				t.Errorf("got %+v", stopped)
			}
		})
	}
}

func TestALoopKeepsTheOrderOfItsGroup(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: 10 * time.Second, FIFO: true}, enginetest.Succeed, func(r *rig) {
		r.queue.SendTraced("a0", "a", "")
		r.queue.SendTraced("a1", "a", passed(policy.MaxPasses))
		r.queue.SendTraced("a2", "a", "")
		r.queue.SendTraced("b0", "b", "")
		r.runFor(5 * time.Second)
		for _, call := range r.Function.Calls() {
			for _, text := range call.Texts() {
				if text == "a1" || text == "a2" {
					t.Errorf("%s ran", text)
				}
			}
		}
		r.wantQueue(2, 2, 0)
	})
}
