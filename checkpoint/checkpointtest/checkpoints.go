package checkpointtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
)

var moment = time.Date(2026, 3, 4, 5, 6, 7, 118_000_001, time.UTC)

// key is the key of most tests.
var key = esm.Key{Mapping: "m", Shard: "s"}

func at(position string) esm.Checkpoint { return esm.Checkpoint{Position: position} }

// full returns a checkpoint with every field set.
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

func (t *trial) all(mapping string) map[string]esm.Checkpoint {
	t.Helper()
	all, err := t.store.All(t.Context(), mapping)
	if err != nil {
		t.Fatalf("all of %q: %v", mapping, err)
	}
	return all
}

// save expects a Save to succeed.
func (t *trial) save(k esm.Key, next esm.Checkpoint) esm.Checkpoint {
	t.Helper()
	saved, err := t.store.Save(t.Context(), k, next)
	if err != nil {
		t.Fatalf("save %+v: %v", k, err)
	}
	if saved.Version == 0 || saved.Version == next.Version {
		t.Fatalf("save %+v: the new version is %d, the old was %d", k, saved.Version, next.Version)
	}
	return saved
}

// conflicts expects a Save to fail with ErrConflict.
func (t *trial) conflicts(k esm.Key, next esm.Checkpoint) {
	t.Helper()
	if _, err := t.store.Save(t.Context(), k, next); !errors.Is(err, esm.ErrConflict) {
		t.Errorf("save %+v over version %d: %v, want ErrConflict", k, next.Version, err)
	}
}

func (t *trial) forget(keys ...esm.Key) {
	t.Helper()
	if err := t.store.Forget(t.Context(), keys...); err != nil {
		t.Fatalf("forget: %v", err)
	}
}

// has expects a mapping to have exactly these checkpoints.
func (t *trial) has(mapping string, want map[string]esm.Checkpoint) {
	t.Helper()
	got := t.all(mapping)
	if len(got) != len(want) {
		t.Errorf("%q has %d checkpoints, want %d", mapping, len(got), len(want))
	}
	for shard := range want {
		if !reflect.DeepEqual(got[shard], want[shard]) {
			t.Errorf("shard %q of %q:\ngot  %+v\nwant %+v", shard, mapping, got[shard], want[shard])
		}
	}
}

func unknownMapping(t *trial) {
	if all := t.all("unknown"); len(all) != 0 || all == nil {
		t.Errorf("got %v, want an empty map", all)
	}
	t.forget(esm.Key{Mapping: "unknown", Shard: "none"})
	t.forget()
}

func everyField(t *trial) {
	for name, want := range map[string]esm.Checkpoint{
		"zero":         {},
		"full":         full(),
		"large":        large(),
		"a window":     {Window: &esm.Window{}},
		"another zone": {Since: moment},
		"before 1970":  {Since: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
		"far ahead":    {Since: time.Date(99999, 1, 1, 0, 0, 0, 999_999_999, time.UTC)},
	} {
		given := want
		if name == "another zone" {
			given.Since = moment.In(time.FixedZone("east", 3600))
		}
		given.Version = t.all("m")["s"].Version
		want.Version = t.save(key, given).Version
		t.has("m", map[string]esm.Checkpoint{"s": want})
	}
}

func needsVersion(t *trial) {
	t.conflicts(key, esm.Checkpoint{Version: 1})
	t.has("m", nil)
	one := t.save(key, full())
	t.conflicts(key, at("without a version"))
	two := t.save(key, one)
	t.conflicts(key, one)
	t.conflicts(key, esm.Checkpoint{Version: two.Version + 1})
	t.has("m", map[string]esm.Checkpoint{"s": two})
}

func namesDoNotMix(t *trial) {
	names := []string{"", "a", "b", "ab", "a/b", "/", "//", "\x00", "a\x00b", "ÄÖÜ 漢字 🙂", "\xff\xfe", " ", "..", "a\nb", strings.Repeat("x", 1024)}
	want := map[string]map[string]esm.Checkpoint{}
	for _, mapping := range names {
		want[mapping] = map[string]esm.Checkpoint{}
		for _, shard := range names {
			want[mapping][shard] = t.save(esm.Key{Mapping: mapping, Shard: shard}, at(mapping+"|"+shard))
		}
	}
	slices.Sort(names)
	for i, mapping := range names {
		if got, err := t.store.Mappings(t.Context()); err != nil || !slices.Equal(got, names[i:]) {
			t.Errorf("mappings %q (%v), want %q", got, err, names[i:])
		}
		t.has(mapping, want[mapping])
		var keys []esm.Key
		for _, shard := range names {
			keys = append(keys, esm.Key{Mapping: mapping, Shard: shard})
		}
		t.forget(keys...)
		t.has(mapping, nil)
	}
}

// versionsAreNew protects a checkpoint from a process that loaded the one before it was forgotten.
func versionsAreNew(t *trial) {
	seen := map[uint64]bool{}
	for range 3 {
		cp := at("1")
		for range 3 {
			cp = t.save(key, cp)
			if seen[cp.Version] {
				t.Errorf("version %d was used before", cp.Version)
			}
			seen[cp.Version] = true
		}
		t.forget(key)
		t.store = t.reopen()
		t.conflicts(key, cp)
	}
}

// large returns a checkpoint with 2,000 pending runs and a window's state of a megabyte.
func large() esm.Checkpoint {
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
	return cp
}

func sharesNothing(t *trial) {
	given, want := full(), full()
	want.Version = t.save(key, given).Version
	for _, cp := range []esm.Checkpoint{given, t.all("m")["s"]} {
		cp.Lanes[0], cp.Owed[0].Tries, cp.Owed[1].Response.Status = "changed", 99, 99
		cp.Window.Tries, cp.Window.State[0] = 99, '?'
	}
	t.has("m", map[string]esm.Checkpoint{"s": want})
}

// oneWins has several goroutines save over the same version, round after round.
func oneWins(t *trial) {
	const savers, rounds = 8, 25
	var now esm.Checkpoint
	for round := range rounds {
		var wins atomic.Int32
		var won atomic.Pointer[esm.Checkpoint]
		var all sync.WaitGroup
		for saver := range savers {
			all.Go(func() {
				next := at(fmt.Sprintf("round %d, saver %d", round, saver))
				next.Version = now.Version
				saved, err := t.store.Save(t.Context(), key, next)
				switch {
				case err == nil:
					wins.Add(1)
					won.Store(&saved)
				case !errors.Is(err, esm.ErrConflict):
					t.Errorf("save: %v", err)
				}
			})
		}
		all.Wait()
		if n := wins.Load(); n != 1 {
			t.Fatalf("round %d: %d of %d won", round, n, savers)
		}
		now = *won.Load()
		t.has("m", map[string]esm.Checkpoint{"s": now})
	}
}

// conflictAlone mixes saves that conflict, or whose names are refused, with saves of many shards.
func conflictAlone(t *trial) {
	const savers = 90
	t.save(esm.Key{Mapping: "m", Shard: "taken"}, at("1"))
	var all sync.WaitGroup
	for i := range savers {
		all.Go(func() {
			k, fine := esm.Key{Mapping: "m", Shard: fmt.Sprint(i)}, true
			switch i % 3 {
			case 1:
				k.Shard, fine = "taken", false
			case 2:
				k.Shard, fine = string(make([]byte, 100_000)), false
			}
			if _, err := t.store.Save(t.Context(), k, at("2")); (err == nil) != fine || errors.Is(err, esm.ErrConflict) != (i%3 == 1) {
				t.Errorf("saver %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if got, want := len(t.all("m")), savers/3+1; got != want {
		t.Errorf("%d checkpoints, want %d", got, want)
	}
}

// checkpointModel compares random calls with a map. All of rapid's cases use one store in turn.
func checkpointModel(t *trial) {
	model := map[esm.Key]esm.Checkpoint{}
	names := []string{"", "a", "a/b", "c"}
	rapid.Check(t.tester, func(r *rapid.T) {
		t.tester = r
		keys := rapid.Custom(func(r *rapid.T) esm.Key {
			return esm.Key{Mapping: rapid.SampledFrom(names).Draw(r, "mapping"), Shard: rapid.SampledFrom(names).Draw(r, "shard")}
		})
		r.Repeat(map[string]func(*rapid.T){
			"save": func(r *rapid.T) {
				k := keys.Draw(r, "key")
				next := checkpoints.Draw(r, "next")
				next.Version = model[k].Version
				model[k] = t.save(k, next)
			},
			"save over another version": func(r *rapid.T) {
				k := keys.Draw(r, "key")
				t.conflicts(k, esm.Checkpoint{Version: model[k].Version + rapid.Uint64Min(1).Draw(r, "off")})
			},
			"forget": func(r *rapid.T) {
				gone := rapid.SliceOfN(keys, 0, 4).Draw(r, "keys")
				t.forget(gone...)
				for _, k := range gone {
					delete(model, k)
				}
			},
			"restart": func(r *rapid.T) { t.seldomRestart(r) },
			"": func(*rapid.T) {
				for _, mapping := range names {
					want := map[string]esm.Checkpoint{}
					for k, cp := range model {
						if k.Mapping == mapping {
							want[k.Shard] = cp
						}
					}
					t.has(mapping, want)
				}
			},
		})
	})
}

func (t *trial) seldomRestart(r *rapid.T) {
	if rapid.IntRange(0, 9).Draw(r, "restart") > 0 {
		r.Skip("seldom")
	}
	t.store = t.reopen()
}

// checkpoints are of all sizes, up to more than a page of a file.
var checkpoints = rapid.Custom(func(r *rapid.T) esm.Checkpoint {
	cp := esm.Checkpoint{Position: rapid.StringN(0, 60, 200).Draw(r, "position"), Drained: rapid.Bool().Draw(r, "drained")}
	for i := range rapid.SampledFrom([]int{0, 0, 1, 3, 40}).Draw(r, "owed") {
		cp.Owed = append(cp.Owed, esm.Owed{ID: "an id of usual length, of 36 letters", First: strconv.Itoa(i), Tries: i})
	}
	return cp
})
