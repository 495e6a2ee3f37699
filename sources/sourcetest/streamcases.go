package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

func oneShard(t *streamTest) {
	listing := t.list()
	if len(listing.Shards) != 1 || listing.Identity == "" {
		t.Fatalf("listing %+v, want one shard and an identity", listing)
	}
	if s := listing.Shards[0]; s.ID == "" || len(s.Parents) != 0 || s.Closed {
		t.Errorf("shard %+v, want an open one without parents", s)
	}
	if again := t.list(); again.Identity != listing.Identity {
		t.Errorf("identity %q and then %q", listing.Identity, again.Identity)
	}
}

func emptyShard(t *streamTest) {
	t.quiet(t.open(t.only(), esm.From{}))
}

func recordHasData(t *streamTest) {
	const data = "{\"a\": \"<é>&\u2028 \\n\"}\ttab \"quoted\" 😀"
	sent := time.Now()
	t.Put("one", data)
	t.Put("one", "b")
	t.Put("two", "c")
	now := time.Now()
	recs := t.take(t.open(t.only(), esm.From{}), 3)
	if got := t.data(recs); got[0] != data {
		t.Errorf("data %q, want %q", got[0], data)
	}
	if keyed := recs[0].Group != "" && recs[0].Group != recs[2].Group; keyed == t.Keyless || recs[0].Group != recs[1].Group {
		t.Errorf("groups %q, %q and %q of the keys one, one and two", recs[0].Group, recs[1].Group, recs[2].Group)
	}
	for i, r := range recs {
		if r.ID == "" || r.Receipt == "" || i > 0 && (r.ID == recs[i-1].ID || r.Receipt == recs[i-1].Receipt) {
			t.Errorf("record %d has ID %q and Receipt %q", i, r.ID, r.Receipt)
		}
		coarse := t.Slack + max(t.Tick, time.Millisecond)
		if r.Arrived.Before(sent.Add(-coarse)) || r.Arrived.After(now.Add(coarse)) || !r.Until.IsZero() {
			t.Errorf("arrived %s (until %s), put between %s and %s", r.Arrived, r.Until, sent, now)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, r.Event); err != nil || !bytes.Equal(compact.Bytes(), r.Event) {
			t.Errorf("event %s is not compact JSON: %v", r.Event, err)
		}
	}
}

func inOrder(t *streamTest) {
	want := t.puts(11)
	r := t.open(t.only(), esm.From{})
	var recs []esm.Record
	for len(recs) < len(want) {
		recs = append(recs, t.take(r, min(4, len(want)-len(recs)))...)
	}
	if got := t.data(recs); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	for i := range recs[1:] {
		if a, b := recs[i].Receipt, recs[i+1].Receipt; config.ComparePositions(a, b) >= 0 {
			t.Errorf("position %s follows %s: the positions of a shard are decimals that grow", b, a)
		}
	}
	t.quiet(r)
}

func seesLater(t *streamTest) {
	r := t.open(t.only(), esm.From{})
	for _, data := range []string{"a", "b", "c"} {
		t.quiet(r)
		t.Put("key", data)
		if got := t.data(t.take(r, 1)); got[0] != data {
			t.Errorf("read %q, want %q", got, data)
		}
	}
}

func resumes(t *streamTest) {
	want := t.puts(6)
	shard := t.only()
	recs := t.take(t.open(shard, esm.From{}), len(want))
	for i, rec := range recs[:len(recs)-1] {
		r := t.open(shard, esm.From{After: rec.Receipt})
		if got := t.data(t.take(r, len(want)-i-1)); !slices.Equal(got, want[i+1:]) {
			t.Errorf("read %q after record %d, want %q", got, i, want[i+1:])
		}
	}
	r := t.open(shard, esm.From{After: recs[len(recs)-1].Receipt})
	t.quiet(r)
	t.Put("key", "next")
	if got := t.data(t.take(r, 1)); got[0] != "next" {
		t.Errorf("read %q after the last record, want the next", got)
	}
}

func beginsAt(t *streamTest) {
	between := 2 * (t.Slack + max(t.Tick, time.Millisecond))
	t.Put("key", "before")
	time.Sleep(between)
	at := time.Now()
	shard := t.only()
	early := t.open(shard, esm.From{At: at}) // nothing has arrived since
	time.Sleep(between)
	t.Put("key", "after")
	for name, from := range map[string]esm.Reader{
		"then":              t.open(shard, esm.From{At: at}),
		"before it arrived": early,
	} {
		if got := t.data(t.take(from, 1)); got[0] != "after" {
			t.Errorf("opened %s: read %q", name, got)
		}
	}
	if got := t.data(t.take(t.open(shard, esm.From{At: at.Add(-time.Hour)}), 2)); got[0] != "before" {
		t.Errorf("opened at a time before all records: read %q", got)
	}
}

func readersApart(t *streamTest) {
	const readers = 3
	want := t.puts(9)
	shard := t.only()
	var all sync.WaitGroup
	var got [readers][]esm.Record
	for i := range readers {
		r := t.open(shard, esm.From{})
		all.Go(func() {
			for start := time.Now(); len(got[i]) < len(want) && time.Since(start) < 2*timeout; {
				recs, err := r.Read(t.Context(), 4)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = append(got[i], recs...)
			}
		})
	}
	all.Wait()
	for _, recs := range got {
		if data := t.data(recs); !slices.Equal(data, want) {
			t.Errorf("read %q, want %q", data, want)
		}
	}
}

func readEndsWithContext(t *streamTest) {
	r := t.open(t.only(), esm.From{})
	t.quiet(r)
	const after = 250 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	for start := time.Now(); ; {
		recs, err := r.Read(ctx, 10)
		if late := time.Since(start) - after; late > t.Slack {
			t.Errorf("the read ended %s after its context", late)
		}
		if len(recs) != 0 || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %d records and %v, want the end of the context", len(recs), err)
		}
		if err != nil {
			break
		}
	}
	t.Put("key", "next")
	if got := t.data(t.take(r, 1)); got[0] != "next" {
		t.Errorf("read %q after the end of a read's context", got)
	}
}

func afterTheEnd(t *streamTest) {
	want := t.puts(2)
	shard := t.only()
	if _, err := t.Stream.List(t.ended()); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if _, err := t.Stream.Open(t.ended(), shard, esm.From{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	r := t.open(shard, esm.From{})
	for i := range want {
		if recs, err := r.Read(t.ended(), 1); !errors.Is(err, context.Canceled) || len(recs) != 0 {
			t.Errorf("read: %d records, %v", len(recs), err)
		}
		if got := t.data(t.take(r, 1)); got[0] != want[i] {
			t.Errorf("read %q, want %q", got, want[i])
		}
	}
}

func missingShard(t *streamTest) {
	shard := t.only()
	missing := []byte(shard)
	for i, c := range missing { // another digit for each, so that the name keeps its form
		if c >= '0' && c <= '9' {
			missing[i] = '0' + (c-'0'+1)%10
		}
	}
	r, err := t.Stream.Open(t.Context(), string(missing), esm.From{})
	if err == nil {
		_, err = r.Read(t.Context(), 1)
		r.Close()
	}
	if !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("shard %s: %v, want %v", missing, err, esm.ErrNoShard)
	}
}

func missingStream(t *streamTest) {
	shard := t.only()
	r := t.open(shard, esm.From{})
	t.Delete()
	if _, err := t.Stream.List(t.Context()); !errors.Is(err, esm.ErrNoStream) {
		t.Errorf("list: %v, want %v", err, esm.ErrNoStream)
	}
	if _, err := t.attempt(shard, ""); !errors.Is(err, esm.ErrNoStream) && !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("open: %v, want %v", err, esm.ErrNoStream)
	}
	var err error
	for start := time.Now(); err == nil && time.Since(start) < timeout; {
		_, err = r.Read(t.Context(), 1)
	}
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a reader that was open: %v, want an error", err)
	}
}
