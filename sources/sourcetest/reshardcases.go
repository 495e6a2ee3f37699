package sourcetest

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

func drained(t *streamTest) {
	want := t.puts(7)
	shard := t.only()
	early := t.open(shard, esm.From{})
	t.take(early, 2)
	t.reshard()
	for name, r := range map[string]esm.Reader{"opened before": early, "opened after": t.open(shard, esm.From{})} {
		rest := want
		if r == early {
			rest = want[2:]
		}
		if got := t.data(t.drain(r)); !slices.Equal(got, rest) {
			t.Errorf("%s: read %q, want %q", name, got, rest)
		}
		for range 2 {
			if recs, err := r.Read(t.Context(), 10); !errors.Is(err, io.EOF) || len(recs) != 0 {
				t.Errorf("%s: after io.EOF %d records, %v", name, len(recs), err)
			}
		}
	}
}

func drainedOpened(t *streamTest) {
	t.puts(3)
	shard := t.only()
	recs := t.take(t.open(shard, esm.From{}), 3)
	t.reshard()
	if rest := t.drain(t.open(shard, esm.From{After: recs[2].Receipt})); len(rest) != 0 {
		t.Errorf("read %q after the last record", t.data(rest))
	}
}

func children(t *streamTest) {
	want := t.puts(3)
	parent, ids := t.reshard()
	t.Put("key", "child")
	for _, s := range t.list().Shards {
		if s.ID == parent && !s.Closed {
			t.Error("the parent is not closed")
		}
		if slices.Contains(ids, s.ID) && (s.Closed || !slices.Equal(s.Parents, []string{parent})) {
			t.Errorf("child %+v, want an open one of %s", s, parent)
		}
	}
	if got := t.data(t.drain(t.open(parent, esm.From{}))); !slices.Equal(got, want) {
		t.Errorf("the parent has %q, want %q", got, want)
	}
	if got := t.fromAny(ids); got != "child" {
		t.Errorf("the children have %q", got)
	}
}

// fromAny returns the data of the first record read from any of shards.
func (t *streamTest) fromAny(shards []string) string {
	t.Helper()
	return t.data([]esm.Record{t.firstOf(shards)})[0]
}

func (t *streamTest) firstOf(shards []string) esm.Record {
	t.Helper()
	var readers []esm.Reader
	for _, id := range shards {
		readers = append(readers, t.open(id, esm.From{}))
	}
	for start := time.Now(); time.Since(start) < timeout; {
		for _, r := range readers {
			recs, err := r.Read(t.Context(), 1)
			if err != nil {
				t.Fatalf("read: %v", err)
			}
			if len(recs) > 0 {
				return recs[0]
			}
		}
	}
	t.Fatalf("no record in %v within %s", shards, timeout)
	return esm.Record{}
}

func merged(t *streamTest) {
	_, ids := t.reshard()
	if len(ids) != 2 {
		t.Fatalf("children %v, want two to merge", ids)
	}
	t.Put("key", "before")
	t.Merge(ids[0], ids[1])
	var child []string
	for start := time.Now(); len(child) == 0 && time.Since(start) < timeout; time.Sleep(100 * time.Millisecond) {
		child = t.childrenOf(ids[1])
	}
	t.Put("key", "after")
	if len(child) != 1 {
		t.Fatalf("children of the merged shards: %v, want one", child)
	}
	for _, s := range t.list().Shards {
		parents := slices.Sorted(slices.Values(s.Parents))
		if s.ID == child[0] && !slices.Equal(parents, slices.Sorted(slices.Values(ids))) {
			t.Errorf("parents %v, want %v", parents, ids)
		}
	}
	before := append(t.drain(t.open(ids[0], esm.From{})), t.drain(t.open(ids[1], esm.From{}))...)
	if got := t.data(before); !slices.Equal(got, []string{"before"}) {
		t.Errorf("the parents have %q", got)
	}
	if got := t.fromAny(child); got != "after" {
		t.Errorf("the child has %q", got)
	}
}

func foreignToParent(t *streamTest) {
	t.puts(2)
	parent, ids := t.reshard()
	t.Put("key", "child")
	recs, err := t.attempt(parent, t.firstOf(ids).Receipt)
	if !errors.Is(err, esm.ErrForeign) && !errors.Is(err, io.EOF) || len(recs) != 0 {
		t.Errorf("read %q, %v, want %v or the end", t.data(recs), err, esm.ErrForeign)
	}
}

func foreignStream(t *streamTest) {
	t.puts(2)
	shard := t.only()
	old := t.take(t.open(shard, esm.From{}), 2)
	t.Recreate()
	t.puts(3)
	if recs, err := t.attempt(t.only(), old[1].Receipt); !errors.Is(err, esm.ErrForeign) {
		t.Errorf("read %q, %v, want %v", t.data(recs), err, esm.ErrForeign)
	}
}

func anotherIdentity(t *streamTest) {
	old := t.list().Identity
	t.Recreate()
	if got := t.list().Identity; got == old {
		t.Errorf("identity %q, as before", got)
	}
}

func trimmed(t *streamTest) {
	t.puts(3)
	shard := t.only()
	early := t.open(shard, esm.From{})
	recs := t.take(early, 1)
	t.Trim()
	t.Put("key", "kept")
	if got := t.data(t.take(t.open(shard, esm.From{}), 1)); got[0] != "kept" {
		t.Errorf("the oldest record is %q", got)
	}
	after, err := t.attempt(shard, recs[0].Receipt)
	if !errors.Is(err, esm.ErrTrimmed) && (err != nil || !slices.Equal(t.data(after), []string{"kept"})) {
		t.Errorf("read %q, %v, want %v or the oldest record", t.data(after), err, esm.ErrTrimmed)
	}
	for start := time.Now(); time.Since(start) < timeout; { // it may have read ahead of the trimming
		more, err := early.Read(t.Context(), 1)
		if errors.Is(err, esm.ErrTrimmed) || err == nil && slices.Equal(t.data(more), []string{"kept"}) {
			return
		}
		if err != nil {
			t.Fatalf("a reader whose position was trimmed: %v", err)
		}
	}
	t.Errorf("a reader whose position was trimmed does not reach the kept record within %s", timeout)
}
