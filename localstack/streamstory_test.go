package localstack_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A story is what AWS does with some records, a mapping and a handler. The records are 1, 2, 3 and so on, and one more
// comes behind them.
type story struct {
	name    string
	keys    []string // of the mapping
	size    int      // of the first batch
	batch   int      // BatchSize, where it is not that
	handler func(event) (string, error)

	// The batches of the story in their order: the records, and how many times they are sent by one request id. A batch
	// that is sent for ever stops its shard; then nothing else is to come, and another shard goes on.
	runs []string
	told []told
}

const forever = " ×∞"

// numbers are the texts from 1 to n.
func numbers(n int) (texts []string) {
	for i := range n {
		texts = append(texts, strconv.Itoa(i+1))
	}
	return texts
}

// span names texts as "2-4", if they are numbers that follow each other.
func span(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	first, _ := strconv.Atoi(texts[0])
	for i, text := range texts {
		if text != strconv.Itoa(first+i) {
			return strings.Join(texts, ",")
		}
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return texts[0] + "-" + texts[len(texts)-1]
}

// ends takes a span apart.
func ends(span string) (first, last string, count int) {
	first, last, several := strings.Cut(span, "-")
	if !several {
		return first, first, 1
	}
	a, _ := strconv.Atoi(first)
	z, _ := strconv.Atoi(last)
	return first, last, z - a + 1
}

// A run is invocations by one request id, one after the other, with the same records.
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

// runsOf are the runs of a shard. It is a mistake when an id comes again later.
func runsOf(t *testing.T, calls []event, shard int) (runs []run) {
	t.Helper()
	for _, e := range calls {
		k := kinesisOf(e)
		if k.shard() != shard {
			continue
		}
		span := span(k.texts())
		if n := len(runs); n > 0 && runs[n-1].span == span && runs[n-1].id == e.ID {
			runs[n-1].times++
			continue
		}
		if slices.ContainsFunc(runs, func(r run) bool { return r.id == e.ID }) {
			t.Errorf("request %s with %s was used before, in %v", e.ID, span, runs)
		}
		if !uuidText.MatchString(e.ID) {
			t.Errorf("the request id is %q", e.ID)
		}
		runs = append(runs, run{span, e.ID, 1})
	}
	return runs
}

func asTexts(runs []run) (texts []string) {
	for _, r := range runs {
		texts = append(texts, r.String())
	}
	return texts
}

// staged is a story that is being played.
type staged struct {
	story
	*stream
	follower
	overlaps *overlap
	dlq      string
}

// stage makes what a story needs, with its records, and nothing that moves yet.
func (c *corner) stage(st story, n int) *staged {
	c.Helper()
	shards := 1
	if st.endless() {
		shards = 2
	}
	name := fmt.Sprint("s", n)
	p := &staged{story: st, stream: c.stream(name, shards), overlaps: new(overlap)}
	dlq, arn := c.queue(name, map[string]string{})
	if st.batch == 0 {
		st.batch = st.size
	}
	p.dlq = dlq
	keys := append(slices.Clone(st.keys), fmt.Sprint("BatchSize: ", st.batch), onFailure(arn))
	p.follower = c.follow(name, p.stream.arn, inTurn(p.overlaps, st.handler), keys...)
	p.put(numbers(st.size + 1)...)
	if st.endless() {
		p.putInto(1, "k", "a", "b")
	}
	return p
}

func (st story) endless() bool { return strings.HasSuffix(st.runs[len(st.runs)-1], forever) }

// invocations is how many the story has, at the least if it is endless.
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

// watch follows a story until it is told, and checks it.
func (p *staged) watch(t *testing.T) {
	t.Helper()
	first := func() (calls []event) {
		for _, e := range p.fn.seen() {
			if kinesisOf(e).shard() == 0 {
				calls = append(calls, e)
			}
		}
		return calls
	}
	want, wanted := p.invocations(), p.runs
	if !p.endless() {
		wanted = append(slices.Clone(wanted), strconv.Itoa(p.size+1))
		want++
	}
	defer func() {
		if t.Failed() {
			t.Logf("%d invocations %q, want %q", len(first()), asTexts(runsOf(t, p.fn.seen(), 0)), wanted)
		}
	}()
	eventually(t, fmt.Sprintf("there are %d invocations", want), func() bool { return len(first()) >= want })
	got := runsOf(t, p.fn.seen(), 0)
	if texts := asTexts(got); p.endless() {
		p.wantBlocked(t, texts)
	} else if !slices.Equal(texts, wanted) {
		t.Fatalf("invocations %q, want %q", texts, wanted)
	}
	notices := p.notices(p.dlq, len(p.told))
	for i, w := range p.told {
		n := slices.IndexFunc(got, func(r run) bool { return r.span == w.records })
		last := slices.IndexFunc(got[n+1:], func(r run) bool { return r.span == w.records })
		if n < 0 || last >= 0 {
			t.Fatalf("%s is not one of %v", w.records, got)
		}
		wantNotice(t, notices[i], p.notice(w, p.follower, got[n].id))
	}
	if n := p.overlaps.times(); n > 0 {
		t.Errorf("%d times a shard's batch began while another one ran", n)
	}
}

// wantBlocked checks a story without an end: the last run goes on and on, and the other shard is done.
func (p *staged) wantBlocked(t *testing.T, got []string) {
	t.Helper()
	last := len(p.runs) - 1
	again, _, _ := strings.Cut(p.runs[last], forever)
	if len(got) != len(p.runs) || !slices.Equal(got[:last], p.runs[:last]) || !strings.HasPrefix(got[last], again+" ×") {
		t.Fatalf("invocations %q, want %q", got, p.runs)
	}
	eventually(t, "the other shard goes on", func() bool {
		texts := p.fn.texts()
		return slices.Contains(texts, "a") && slices.Contains(texts, "b")
	})
}
