package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"pgregory.net/rapid"
)

// sized is records whose payloads, alone, have this many bytes. They are named a, b, c… and ungrouped.
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
	for _, test := range []struct {
		name                   string
		batching               policy.Batching
		recs                   []esm.Record
		in, carried, oversized []string
		full                   bool
	}{
		{"nothing", policy.Batching{}, nil, nil, nil, nil, false},
		{"fewer than its size", policy.Batching{Size: 4}, small, []string{"m1", "m2", "m3"}, nil, nil, false},
		{"its size", policy.Batching{Size: 3}, small, []string{"m1", "m2", "m3"}, nil, nil, true},
		{"more than its size", policy.Batching{Size: 1}, small, []string{"m1"}, []string{"m2", "m3"}, nil, true},
		{"just its bytes", policy.Batching{MaxBytes: 100}, sized(60, 53), []string{"a", "b"}, nil, nil, false},
		{"a byte too many", policy.Batching{MaxBytes: 100}, sized(60, 54), []string{"a"}, []string{"b"}, nil, true},
		{"a later one that would fit waits its turn", policy.Batching{MaxBytes: 100}, sized(60, 90, 20), []string{"a"}, []string{"b", "c"}, nil, true},
		{"one that fits no batch", policy.Batching{MaxBytes: 100}, sized(60, 101, 20), []string{"a", "c"}, nil, []string{"b"}, false},
		{"one that fits alone", policy.Batching{MaxBytes: 100}, sized(100, 60), []string{"a"}, []string{"b"}, nil, true},
		{"one that fits no batch, after the end", policy.Batching{MaxBytes: 100, Size: 1}, sized(60, 60, 101, 60), []string{"a"}, []string{"b", "d"}, []string{"c"}, true},
		{"ten of 1 MiB", policy.Batching{}, sized(1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20, 1<<20),
			[]string{"a", "b", "c", "d", "e", "f"}, []string{"g"}, nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, carry, oversized := test.batching.Add(policy.Batch{}, test.recs, began)
			for _, part := range []struct {
				name string
				got  []esm.Record
				want []string
			}{{"in the batch", b.Records, test.in}, {"carried", carry, test.carried}, {"oversized", oversized, test.oversized}} {
				if got := idsOf(part.got); !slices.Equal(got, part.want) {
					t.Errorf("%s: %v, want %v", part.name, got, part.want)
				}
			}
			if b.Full != test.full {
				t.Errorf("full: %v, want %v", b.Full, test.full)
			}
		})
	}
}

// What follows a record that can never run would overtake it.
func TestGroupOfAnOversizedRecord(t *testing.T) {
	recs := sized(20, 101, 20, 20, 20)
	for i, group := range []string{"A", "A", "B", "A", ""} {
		recs[i].Group = group
	}
	b, carry, oversized := policy.Batching{MaxBytes: 100, Size: 2}.Add(policy.Batch{}, recs, began)
	if got, want := fmt.Sprint(idsOf(b.Records), idsOf(carry), idsOf(oversized)), "[a c] [e] [b d]"; got != want {
		t.Errorf("got %s, want %s", got, want)
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
		{"a record that has returned", 5 * s, rec(-s), 0},
		{"a later record that returns sooner", 20 * s, append(rec(60*s), rec(10*s)...), 5 * s},
		{"records that never return", 300 * s, []esm.Record{{ID: "m1"}}, 300 * s},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := policy.Batching{Window: test.window, Size: 100}
			b, _, _ := g.Add(policy.Batch{}, test.recs, began)
			if got := b.Close.Sub(began); got != test.close || !b.Since.Equal(began) {
				t.Errorf("from %v to %v, want from 0 s to %v", b.Since.Sub(began), got, test.close)
			}
			if g.Ready(b, began.Add(test.close-1)) && test.window > 0 {
				t.Error("ready before the window ends")
			}
			if !g.Ready(b, began.Add(test.close)) {
				t.Error("not ready when the window ends")
			}
		})
	}
}

func TestWindowStartsWithTheFirstRecord(t *testing.T) {
	g := policy.Batching{Window: 5 * time.Second, Size: 100}
	b, _, _ := g.Add(policy.Batch{}, nil, began)
	b, _, _ = g.Add(b, batch("m1"), began.Add(3*time.Second))
	b, _, _ = g.Add(b, batch("m2"), began.Add(4*time.Second))
	if got := b.Close.Sub(began); got != 8*time.Second {
		t.Errorf("closes after %v, want 8 s", got)
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

func TestPayload(t *testing.T) {
	for want, recs := range map[string][]esm.Record{
		`{"Records":[]}`:                                    nil,
		`{"Records":[{"messageId":"a"}]}`:                   batch("a"),
		`{"Records":[{"messageId":"a"},{"messageId":"b"}]}`: batch("a", "b"),
	} {
		if got := string(policy.Payload(recs)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// However records come: batches stay within their limits, none is lost or told twice, and those of one group, or
// ungrouped ones among themselves, run in the order in which they came.
func TestGatheringLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := policy.Batching{
			Size:     rapid.IntRange(1, 12).Draw(t, "size"),
			Window:   time.Duration(rapid.IntRange(0, 3).Draw(t, "window")) * time.Second,
			MaxBytes: rapid.IntRange(20, 200).Draw(t, "bytes"),
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
	payload := policy.Payload(next.Records)
	switch {
	case !json.Valid(payload):
		t.Errorf("payload %s", payload)
	case len(next.Records) == 0 && (next.Bytes != 0 || next.Full || len(carry) > 0):
		t.Errorf("empty batch %+v with %d carried", next, len(carry))
	case len(next.Records) > 0 && next.Bytes != len(payload):
		t.Errorf("%d bytes, but the payload has %d", next.Bytes, len(payload))
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

func BenchmarkAdd(b *testing.B) {
	for _, bench := range []struct {
		name             string
		size, at, window int
	}{{"10 at once", 10, 10, 0}, {"1000 by tens", 1000, 10, 1}} {
		b.Run(bench.name, func(b *testing.B) {
			recs := batch(strings.Split(strings.Repeat("x ", bench.at-1)+"x", " ")...)
			g := policy.Batching{Size: bench.size, Window: time.Duration(bench.window) * time.Second}
			b.ReportAllocs()
			for b.Loop() {
				var all policy.Batch
				for range bench.size / bench.at {
					all, _, _ = g.Add(all, recs, began)
				}
			}
		})
	}
}

func BenchmarkPayload(b *testing.B) {
	recs := sized(slices.Repeat([]int{1000}, 10)...)
	b.ReportAllocs()
	for b.Loop() {
		policy.Payload(recs)
	}
}
