package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// sized returns records whose events, alone, have these sizes in bytes. They are named a, b, c… and have no group.
func sized(sizes ...int) []esm.Record {
	var recs []esm.Record
	for i, size := range sizes {
		pad := strings.Repeat("x", size-len(`{"Records":[""]}`))
		recs = append(recs, esm.Record{ID: string(rune('a' + i)), Event: []byte(`"` + pad + `"`)})
	}
	return recs
}

func TestAdd(t *testing.T) {
	small := batch("m1", "m2", "m3")
	grouped := sized(20, 101, 20, 20, 20)
	for i, group := range []string{"A", "A", "B", "A", ""} {
		grouped[i].Group = group
	}
	for _, test := range []struct {
		name     string
		batching policy.Batching
		recs     []esm.Record
		want     string // IDs in the batch, carried, oversized
		full     bool
	}{
		{"nothing", policy.Batching{}, nil, "[] [] []", false},
		{"fewer than its size", policy.Batching{Size: 4}, small, "[m1 m2 m3] [] []", false},
		{"its size", policy.Batching{Size: 3}, small, "[m1 m2 m3] [] []", true},
		{"more than its size", policy.Batching{Size: 1}, small, "[m1] [m2 m3] []", true},
		{"exactly its bytes", policy.Batching{MaxBytes: 100}, sized(60, 53), "[a b] [] []", false},
		{"one byte too many", policy.Batching{MaxBytes: 100}, sized(60, 54), "[a] [b] []", true},
		{"a later one that would fit waits", policy.Batching{MaxBytes: 100}, sized(60, 90, 20), "[a] [b c] []", true},
		{"one that fits no batch", policy.Batching{MaxBytes: 100}, sized(60, 101, 20), "[a c] [] [b]", false},
		{"one that fits alone", policy.Batching{MaxBytes: 100}, sized(100, 60), "[a] [b] []", true},
		{"one that fits no batch, after the end", policy.Batching{MaxBytes: 100, Size: 1}, sized(60, 60, 101, 60), "[a] [b d] [c]", true},
		{"ten of 1 MiB", policy.Batching{}, sized(1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20), "[a b c d e f] [g] []", true},
		{"the group of one that fits no batch", policy.Batching{MaxBytes: 100, Size: 2}, grouped, "[a c] [e] [b d]", true},
	} {
		b, carry, oversized := test.batching.Add(policy.Batch{}, test.recs, began)
		if got := fmt.Sprint(idsOf(b.Records), idsOf(carry), idsOf(oversized)); got != test.want || b.Full != test.full {
			t.Errorf("%s: got %s, full %v; want %s, %v", test.name, got, b.Full, test.want, test.full)
		}
	}
}

func TestWindow(t *testing.T) {
	const s = time.Second
	rec := func(left time.Duration) []esm.Record {
		recs := batch("m1")
		recs[0].Until = began.Add(left)
		return recs
	}
	for _, test := range []struct {
		name   string
		window time.Duration
		recs   []esm.Record
		close  time.Duration
	}{
		{"no window", 0, rec(30 * s), 0},
		{"a window", 5 * s, rec(30 * s), 5 * s},
		{"a window just below the visibility timeout", 29 * s, rec(30 * s), 29 * s},
		{"a window as long as the visibility timeout", 30 * s, rec(30 * s), 15 * s},
		{"a longer one", 300 * s, rec(30 * s), 15 * s},
		{"a record that waited long already", 5 * s, rec(4 * s), 2 * s},
		{"a record that is visible again", 5 * s, rec(-s), 0},
		{"a later record that returns sooner", 20 * s, append(rec(60*s), rec(10*s)...), 5 * s},
		{"records that never return", 300 * s, []esm.Record{{ID: "m1"}}, 300 * s},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := policy.Batching{Window: test.window, Size: 100}
			empty, _, _ := g.Add(policy.Batch{}, nil, began.Add(-s))
			b, _, _ := g.Add(empty, test.recs, began)
			if got := b.Close.Sub(began); got != test.close || !b.Since.Equal(began) {
				t.Errorf("from %v to %v, want from 0 s to %v", b.Since.Sub(began), got, test.close)
			}
			if g.Ready(b, began.Add(test.close-1)) && test.window > 0 {
				t.Error("ready before the window ends")
			}
			if !g.Ready(b, began.Add(test.close)) {
				t.Error("not ready when the window ends")
			}
			if later, _, _ := g.Add(b, []esm.Record{{ID: "later"}}, began.Add(s)); !later.Close.Equal(b.Close) {
				t.Errorf("a later record moves the end to %v", later.Close.Sub(began))
			}
		})
	}
}

func TestWantReadyWait(t *testing.T) {
	two := batch("m1", "m2")
	for _, test := range []struct {
		name     string
		batching policy.Batching
		recs     []esm.Record
		after    time.Duration
		want     int
		ready    bool
		wait     time.Duration
	}{
		{"empty", policy.Batching{}, nil, 0, 10, false, esm.MaxWait},
		{"empty for long", policy.Batching{Size: 100, Window: time.Second}, nil, time.Hour, 100, false, esm.MaxWait},
		{"no window", policy.Batching{}, two, 0, 8, true, 0},
		{"in its window", policy.Batching{Size: 100, Window: 5 * time.Second}, two, 1500 * time.Millisecond, 98, false, 3500 * time.Millisecond},
		{"after its window", policy.Batching{Size: 100, Window: 5 * time.Second}, two, 5 * time.Second, 98, true, 0},
		{"full in its window", policy.Batching{Size: 2, Window: 5 * time.Second}, two, 0, 0, true, 0},
		{"too many bytes in its window", policy.Batching{Size: 100, Window: 5 * time.Second, MaxBytes: 50}, two, 0, 0, true, 0},
		{"a long window", policy.Batching{Size: 100, Window: 25 * time.Second}, two, time.Second, 98, false, esm.MaxWait},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := test.batching
			b, _, _ := g.Add(policy.Batch{}, test.recs, began)
			now := began.Add(test.after)
			if want, ready, wait := g.Want(b), g.Ready(b, now), g.Wait(b, now); want != test.want || ready != test.ready || wait != test.wait {
				t.Errorf("got want %d, ready %v, wait %v; want %d, %v, %v", want, ready, wait, test.want, test.ready, test.wait)
			}
		})
	}
}

// byGroup is an Envelope like Kafka's: {"records":{"group":[…],…}}.
type byGroup struct{}

func (byGroup) Size(size int, recs []esm.Record, next esm.Record) int {
	switch {
	case len(recs) == 0:
		return len(`{"records":{"":[]}}`) + len(next.Group) + len(next.Event)
	case slices.ContainsFunc(recs, func(r esm.Record) bool { return r.Group == next.Group }):
		return size + len(",") + len(next.Event)
	}
	return size + len(`,"":[]`) + len(next.Group) + len(next.Event)
}

func (byGroup) Event(recs []esm.Record) json.RawMessage {
	groups := map[string][]json.RawMessage{}
	for _, rec := range recs {
		groups[rec.Group] = append(groups[rec.Group], rec.Event)
	}
	event, _ := json.Marshal(map[string]any{"records": groups})
	return event
}

func TestEvent(t *testing.T) {
	grouped := batch("a", "b")
	grouped[0].Group, grouped[1].Group = "topic-0", "topic-1"
	for _, test := range []struct {
		envelope policy.Envelope
		recs     []esm.Record
		want     string
	}{
		{nil, nil, `{"Records":[]}`},
		{nil, batch("a"), `{"Records":[{"messageId":"a"}]}`},
		{nil, batch("a", "b"), `{"Records":[{"messageId":"a"},{"messageId":"b"}]}`},
		{byGroup{}, grouped, `{"records":{"topic-0":[{"messageId":"a"}],"topic-1":[{"messageId":"b"}]}}`},
	} {
		if got := string(policy.Batching{Envelope: test.envelope}.Event(test.recs)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// However records arrive: batches stay within their limits, no record is lost or repeated, and those of one group, or
// without a group, keep their order.
func TestGatheringLosesNothing(t *testing.T) {
	envelopes := []policy.Envelope{nil, byGroup{}, half.Envelope(origin, window(0, `{"n":1}`))}
	rapid.Check(t, func(t *rapid.T) {
		g := policy.Batching{
			Size:     rapid.IntRange(1, 12).Draw(t, "size"),
			Window:   time.Duration(rapid.IntRange(0, 3).Draw(t, "window")) * time.Second,
			MaxBytes: rapid.IntRange(20, 600).Draw(t, "bytes"),
			Envelope: rapid.SampledFrom(envelopes).Draw(t, "envelope"),
		}
		var all, run, oversized, carry []esm.Record
		now := began
		var b policy.Batch
		for range rapid.IntRange(1, 8).Draw(t, "receives") {
			recs := drawRecords(t, len(all), now)
			all = append(all, recs...)
			b, carry, oversized = addAndCheck(t, g, b, recs, now, oversized)
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
			for g.Ready(b, now) || len(carry) > 0 {
				run = append(run, b.Records...)
				b, carry, oversized = addAndCheck(t, g, policy.Batch{}, carry, now, oversized)
			}
		}
		run = append(run, b.Records...)
		checkSplit(t, all, run, oversized)
	})
}

func drawRecords(t *rapid.T, from int, now time.Time) []esm.Record {
	var recs []esm.Record
	for i := range rapid.IntRange(0, 10).Draw(t, "records") {
		recs = append(recs, esm.Record{
			ID: "id", Receipt: fmt.Sprint(from + i),
			Group: rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "group"),
			Event: []byte(`"` + strings.Repeat("x", rapid.IntRange(0, 120).Draw(t, "bytes")) + `"`),
			Until: now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "visible")) * time.Second),
		})
	}
	return recs
}

func addAndCheck(t *rapid.T, g policy.Batching, b policy.Batch, recs []esm.Record, now time.Time, before []esm.Record) (policy.Batch, []esm.Record, []esm.Record) {
	had := len(b.Records)
	next, carry, oversized := g.Add(b, recs, now)
	checkSplit(t, recs, next.Records[had:], carry, oversized)
	event := g.Event(next.Records)
	switch {
	case !json.Valid(event):
		t.Errorf("event %s", event)
	case len(next.Records) == 0 && (next.Bytes != 0 || next.Full || len(carry) > 0):
		t.Errorf("empty batch %+v with %d carried", next, len(carry))
	case len(next.Records) > 0 && next.Bytes != len(event):
		t.Errorf("%d bytes, but the event has %d", next.Bytes, len(event))
	case len(next.Records) > g.Size || next.Bytes > g.MaxBytes:
		t.Errorf("%d records and %d bytes, above %d and %d", len(next.Records), next.Bytes, g.Size, g.MaxBytes)
	case len(carry) > 0 && !next.Full:
		t.Error("open with records carried")
	case g.Want(next) > g.Size-len(next.Records) || (g.Want(next) == 0) != next.Full:
		t.Errorf("wants %d more with %d of %d, full: %v", g.Want(next), len(next.Records), g.Size, next.Full)
	case len(next.Records) > 0 && next.Close.After(next.Since.Add(g.Window)):
		t.Errorf("window of %v", next.Close.Sub(next.Since))
	case g.Wait(next, now) < 0 || g.Wait(next, now) > esm.MaxWait:
		t.Errorf("waits %v", g.Wait(next, now))
	}
	return next, carry, append(before, oversized...)
}
