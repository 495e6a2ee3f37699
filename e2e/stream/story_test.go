// Package stream_test shows what holds for mappings of every kind of stream: each test runs for Kinesis and for DynamoDB.
package stream_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// A story is how AWS handles some records under a mapping and a handler. The records are 1, 2, 3 and so on, and one more
// follows them.
type story struct {
	name    string
	keys    []string // of the mapping
	size    int      // of the first batch; 0 is ten
	batch   int      // BatchSize; 0 is size
	handler rig.Handler

	// The batches in their order: the records, and how many times they are sent under one request id. A batch that is
	// retried without end blocks its shard, and the record that follows does not come.
	runs    []string
	notices []rig.Notice
}

const endless = " ×∞"

func (st story) blocks() bool { return strings.HasSuffix(st.runs[len(st.runs)-1], endless) }

// invocations returns how many the story has, at the least if it blocks.
func (st story) invocations() (n int) {
	for _, run := range st.runs {
		_, times, _ := strings.Cut(run, " ×")
		one, err := strconv.Atoi(times)
		if times == "∞" {
			one = 5
		} else if err != nil {
			one = 1
		}
		n += one
	}
	return n
}

// A run is invocations under one request id, one after the other, with the same records.
type run struct {
	span, id string
	times    int
}

func (r run) String() string {
	if r.times > 1 {
		return fmt.Sprint(r.span, " ×", r.times)
	}
	return r.span
}

// runsOf returns the runs of calls. It is a mistake when an id comes again later.
func runsOf(t *testing.T, calls []rig.Call) (runs []run) {
	t.Helper()
	for _, c := range calls {
		if n := len(runs); n > 0 && runs[n-1].span == c.Span() && runs[n-1].id == c.RequestID {
			runs[n-1].times++
			continue
		}
		if slices.ContainsFunc(runs, func(r run) bool { return r.id == c.RequestID }) {
			t.Errorf("request %s with %s was used before, in %v", c.RequestID, c.Span(), runs)
		}
		if !rig.UUID.MatchString(c.RequestID) {
			t.Errorf("the request id is %q", c.RequestID)
		}
		runs = append(runs, run{c.Span(), c.RequestID, 1})
	}
	return runs
}

func texts(runs []run) (texts []string) {
	for _, r := range runs {
		texts = append(texts, r.String())
	}
	return texts
}

// staged is a story that is being played.
type staged struct {
	story
	source rig.Source
	f      *rig.Function
	dlq    *rig.Queue
}

// The stories of one size share a source.
func TestRecordedStories(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		var all []*staged
		var entries []rig.Entry
		sources := map[int]rig.Source{}
		for i, st := range slices.Concat(workedExamples, recordedOnAWS) {
			if st.size == 0 {
				st.size = 10
			}
			if st.batch == 0 {
				st.batch = st.size
			}
			if sources[st.size] == nil {
				sources[st.size] = source(fmt.Sprint("size", st.size, "x"))
				sources[st.size].Put(rig.Numbers(st.size + 1)...)
			}
			name := fmt.Sprint("s", i)
			p := &staged{st, sources[st.size], e.Function(name, st.handler), e.Queue(name, nil)}
			all = append(all, p)
			entries = append(entries, p.f.On(p.source.StreamARN(), append(slices.Clone(st.keys), rig.BatchSize(st.batch), rig.OnFailure(p.dlq.ARN))...))
		}
		engine := e.Run(entries...)
		for _, p := range all {
			t.Run(p.name, p.watch)
		}
		engine.Stop()
		for _, p := range all {
			if got := texts(runsOf(t, p.f.Calls())); !p.blocks() && len(got) != len(p.runs)+1 {
				t.Errorf("%s: invocations %q after its end", p.name, got)
			}
		}
	})
}

// watch follows a story to its end, and checks it.
func (p *staged) watch(t *testing.T) {
	want, calls := slices.Clone(p.runs), p.invocations()
	if !p.blocks() {
		want, calls = append(want, strconv.Itoa(p.size+1)), calls+1
	}
	rig.Eventually(t, fmt.Sprintf("there are %d invocations", calls), func() bool { return len(p.f.Calls()) >= calls })
	got := runsOf(t, p.f.Calls())
	shown := texts(got)
	if last := len(shown) - 1; p.blocks() {
		again, _, _ := strings.Cut(shown[last], " ×")
		shown[last] = again + endless
	}
	if !slices.Equal(shown, want) {
		t.Fatalf("invocations %q, want %q", got, want)
	}
	if n := p.f.Peak(); n != 1 {
		t.Errorf("%d batches of the shard were invoked at a time", n)
	}
	notices := p.dlq.TakeNotices(len(p.notices))
	for i, n := range p.notices {
		at := slices.IndexFunc(got, func(r run) bool { return r.span == n.Records })
		n.Check(t, notices[i], p.source, p.f, got[at].id)
	}
}
