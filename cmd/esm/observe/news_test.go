package observe

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm/trace"
)

func TestNews(t *testing.T) {
	var n news[string]
	failing := func(shard string) trace.Event {
		return trace.Failing{Mapping: "m", Shard: shard, Err: errors.New("no")}
	}
	waiting := func(shard string, tries int) trace.Event {
		return trace.Invoked{Mapping: "m", Shard: shard, Verdict: trace.NotRun, Tries: tries, Reason: trace.ReasonThrottled}
	}
	suspicious := trace.Invoked{Mapping: "m", Verdict: trace.Done, Detail: "odd"}
	start := time.Unix(0, 0)
	for i, step := range []struct {
		after            time.Duration
		event            trace.Event
		fresh, recovered bool
	}{
		{0, failing(one), true, false},
		{0, failing(two), false, false},
		{time.Second, trace.Received{Mapping: "m", Shard: one}, true, false}, // the other shard still fails
		{20 * time.Second, trace.Received{Mapping: "m", Shard: two}, true, true},
		{20 * time.Second, trace.Received{Mapping: "m", Shard: two}, true, false},
		{21 * time.Second, failing(one), true, false},
		{22 * time.Second, trace.Reading{Mapping: "m"}, true, false}, // recreated: no shard fails
		{30 * time.Second, trace.Listed{Mapping: "m"}, true, true},
		{30 * time.Second, suspicious, true, false},
		{89 * time.Second, suspicious, false, false},
		{90 * time.Second, suspicious, true, false},
		{90 * time.Second, waiting("", 1), true, false},
		{90 * time.Second, waiting("", 2), false, false},
		{90 * time.Second, waiting("", 1), true, false},
		{90 * time.Second, waiting(one, 1), true, false},
		{90 * time.Second, waiting(two, 1), false, false},
		{90 * time.Second, trace.Invoked{Mapping: "m", Verdict: trace.Failed}, true, false},
		{90 * time.Second, trace.Started{Function: "f", Err: errors.New("no")}, true, false},
		{91 * time.Second, trace.Started{Function: "f", Err: errors.New("no")}, false, false},
		{100 * time.Second, trace.Started{Function: "f"}, true, false},
		{100 * time.Second, trace.Started{Function: "f", Err: errors.New("no")}, true, false},
	} {
		got := n.of(start.Add(step.after), step.event, everyMinute)
		if got.fresh != step.fresh || got.recovered != step.recovered {
			t.Errorf("%d: after %v %+v is fresh: %v, recovered: %v", i, step.after, step.event, got.fresh, got.recovered)
		}
	}
}

func TestNewsCountsLines(t *testing.T) {
	var n news[string]
	start := time.Unix(0, 0)
	n.of(start, trace.Filtered{Mapping: "m", Shard: one}, onlyOnce)
	for range maxLines + 3 {
		n.line("m", "a")
	}
	if ok, _ := n.line("m", "b"); !ok {
		t.Error("a line of another kind is held back")
	}
	want := []backlog[string]{{"a", 3}}
	if got := n.of(start.Add(burstTime), trace.Received{Mapping: "m", Shard: one}, onlyOnce); !slices.Equal(got.more, want) || got.mapping != "m" {
		t.Errorf("got %+v, want %v more", got, want)
	}
}
