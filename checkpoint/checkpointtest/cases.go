package checkpointtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/esm-run/esm"
)

var moment = time.Date(2026, 3, 4, 5, 6, 7, 118_000_001, time.UTC)

func at(position string) esm.Checkpoint { return esm.Checkpoint{Position: position} }

// full has something in every field.
func full() esm.Checkpoint {
	return esm.Checkpoint{
		Position: "49660123456789012345678901234567890123456789012345678914",
		Since:    moment,
		Drained:  true,
		Lanes:    []string{"17", "", "not UTF-8: \xff\x00"},
		Owed: []esm.Owed{
			{ID: "5b1f0f3e-8a77-4c1d-9f0a-2d6c7e81b9aa", First: "18", Last: "20", Sum: math.MaxUint64, Lane: 2, Tries: 7},
			{ID: "0c9d", First: "21", Last: "21", Tries: math.MaxInt, Response: &esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"}},
			{Tries: math.MinInt, Lane: -1},
		},
		Window: &esm.Window{
			Start: moment.Add(time.Second), State: json.RawMessage(` {"a" : "<&>"}`),
			Final: true, Terminated: true, Tries: 3, ID: "final",
		},
	}
}

func neverSeen(t *trial) {
	all := t.all("nobody")
	if len(all) != 0 || all == nil {
		t.Errorf("got %v, want an empty map", all)
	}
	t.forget(esm.Key{Mapping: "nobody", Shard: "none"})
	t.forget()
}

func everyField(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	cps := map[string]esm.Checkpoint{
		"full":         full(),
		"a window":     {Window: &esm.Window{}},
		"another zone": {Since: moment},
		"before 1970":  {Since: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
		"far ahead":    {Since: time.Date(99999, 1, 1, 0, 0, 0, 999_999_999, time.UTC)},
	}
	for name, want := range cps {
		given := want
		if name == "another zone" {
			given.Since = moment.In(time.FixedZone("east", 3600))
		}
		given.Version = t.all("m")["s"].Version
		saved := t.save(k, given)
		want.Version = saved.Version
		t.has("m", map[string]esm.Checkpoint{"s": want})
	}
}

func zeroCheckpoint(t *trial) {
	cp := t.save(esm.Key{Mapping: "m", Shard: "s"}, esm.Checkpoint{})
	t.has("m", map[string]esm.Checkpoint{"s": {Version: cp.Version}})
}

func needsVersion(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	invented := at("0")
	invented.Version = 1
	t.conflicts(k, invented)
	one := t.save(k, at("1"))
	t.conflicts(k, at("again from nothing"))
	two := t.save(k, one)
	t.conflicts(k, one)
	ahead := two
	ahead.Version++
	t.conflicts(k, ahead)
	t.save(k, two)
}

func lostRaceChangesNothing(t *trial) {
	t.conflicts(esm.Key{Mapping: "new", Shard: "s"}, esm.Checkpoint{Version: 9})
	t.has("new", nil)
	k := esm.Key{Mapping: "m", Shard: "s"}
	cp := t.save(k, full())
	t.conflicts(k, at("lost"))
	t.has("m", map[string]esm.Checkpoint{"s": cp})
}

func keysDoNotMix(t *trial) {
	want := map[string]map[string]esm.Checkpoint{}
	for _, mapping := range []string{"a", "b", "ab", "a/b"} {
		want[mapping] = map[string]esm.Checkpoint{}
		for _, shard := range []string{"", "a", "b", "b/c", "c"} {
			want[mapping][shard] = t.save(esm.Key{Mapping: mapping, Shard: shard}, at(mapping+"|"+shard))
		}
	}
	for mapping := range want {
		t.has(mapping, want[mapping])
	}
}

func strangeNames(t *trial) {
	names := []string{"", "/", "//", "\x00", "a\x00b", "ÄÖÜ 漢字 🙂", "\xff\xfe", " ", "..", "a\nb", strings.Repeat("x", 1024)}
	for _, mapping := range names {
		want := map[string]esm.Checkpoint{}
		for _, shard := range names {
			want[shard] = t.save(esm.Key{Mapping: mapping, Shard: shard}, at("1"))
		}
		t.has(mapping, want)
	}
	for _, mapping := range names {
		var keys []esm.Key
		for _, shard := range names {
			keys = append(keys, esm.Key{Mapping: mapping, Shard: shard})
		}
		t.forget(keys...)
		t.has(mapping, nil)
	}
}

func longName(t *trial) {
	long := strings.Repeat("x", 100_000)
	for _, k := range []esm.Key{{Mapping: long}, {Mapping: "m", Shard: long}} {
		if _, err := t.Store.Save(t.Context(), k, at("1")); err == nil || errors.Is(err, esm.ErrConflict) {
			t.Errorf("save: %v, want another error than ErrConflict", err)
		}
		t.forget(k)
	}
	t.has("m", nil)
	t.has(long, nil)
	t.save(esm.Key{Mapping: "m", Shard: "s"}, at("1"))
}

func forgotten(t *trial) {
	a := t.save(esm.Key{Mapping: "m", Shard: "a"}, at("1"))
	b := t.save(esm.Key{Mapping: "m", Shard: "b"}, at("2"))
	t.save(esm.Key{Mapping: "m", Shard: "c"}, at("3"))
	t.save(esm.Key{Mapping: "n", Shard: "a"}, at("4"))
	t.forget(esm.Key{Mapping: "m", Shard: "c"}, esm.Key{Mapping: "n", Shard: "a"}, esm.Key{Mapping: "m", Shard: "c"}, esm.Key{Mapping: "m", Shard: "d"})
	t.has("m", map[string]esm.Checkpoint{"a": a, "b": b})
	t.has("n", nil)
	t.conflicts(esm.Key{Mapping: "n", Shard: "a"}, esm.Checkpoint{Version: a.Version})
	t.save(esm.Key{Mapping: "n", Shard: "a"}, at("5"))
}

// versionsAreNew is what keeps somebody who loaded a checkpoint before it was forgotten from writing over the one that
// came after it.
func versionsAreNew(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	seen := map[uint64]bool{}
	for range 3 {
		cp := at("1")
		for range 3 {
			cp = t.save(k, cp)
			if seen[cp.Version] {
				t.Errorf("version %d was given out before", cp.Version)
			}
			seen[cp.Version] = true
		}
		t.forget(k)
	}
}

func manyOwed(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	cp := full()
	for i := range 2_000 {
		cp.Owed = append(cp.Owed, esm.Owed{
			ID:    fmt.Sprintf("5b1f0f3e-8a77-4c1d-9f0a-%012d", i),
			First: fmt.Sprintf("4966012345678901234567890123456789012345678901234567%04d", i),
			Last:  fmt.Sprintf("4966012345678901234567890123456789012345678901234568%04d", i),
			Sum:   uint64(i % 3), Lane: i % 10, Tries: i,
		})
	}
	cp.Window.State = json.RawMessage(`"` + strings.Repeat("s", 1<<20) + `"`)
	cp = t.save(k, cp)
	t.has("m", map[string]esm.Checkpoint{"s": cp})
	small := t.save(k, esm.Checkpoint{Position: "1", Version: cp.Version})
	t.has("m", map[string]esm.Checkpoint{"s": small})
}

func sharesNothing(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	given := full()
	cp := t.save(k, given)
	spoil := func(cp esm.Checkpoint) {
		cp.Lanes[0], cp.Owed[0].Tries, cp.Window.Tries, cp.Window.State[0] = "spoilt", 99, 99, '?'
	}
	spoil(given)
	spoil(t.all("m")["s"])
	want := full()
	want.Version = cp.Version
	t.has("m", map[string]esm.Checkpoint{"s": want})
}

func endedContext(t *trial) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	cp := t.save(k, at("1"))
	if _, err := t.Store.Save(t.ended(), k, cp); err == nil {
		t.Error("save went well")
	}
	if err := t.Store.Forget(t.ended(), k); err == nil {
		t.Error("forget went well")
	}
	if _, err := t.Store.All(t.ended(), "m"); err == nil {
		t.Error("all went well")
	}
	t.has("m", map[string]esm.Checkpoint{"s": cp})
}

func restart(t *trial) {
	if t.Restart == nil {
		t.Skip("no restart to be had")
	}
	want := map[string]esm.Checkpoint{}
	for i := range 100 {
		shard := fmt.Sprintf("shard-%d", i)
		cp := full()
		for range i % 4 {
			cp = t.save(esm.Key{Mapping: "m", Shard: shard}, cp)
			want[shard] = cp
		}
	}
	gone := t.save(esm.Key{Mapping: "m", Shard: "gone"}, at("1"))
	t.forget(esm.Key{Mapping: "m", Shard: "gone"})
	for range 2 {
		t.Store = t.Restart()
		t.has("m", want)
	}
	t.conflicts(esm.Key{Mapping: "m", Shard: "gone"}, gone)
	if cp := t.save(esm.Key{Mapping: "m", Shard: "gone"}, at("2")); cp.Version <= gone.Version {
		t.Errorf("version %d after a restart, %d before", cp.Version, gone.Version)
	}
}
