package checkpointtest

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
)

// oneWins lets several savers write over the same version, round after round.
func oneWins(t *trial) {
	const savers, rounds = 8, 25
	k := esm.Key{Mapping: "m", Shard: "s"}
	var now esm.Checkpoint
	for round := range rounds {
		var wins atomic.Int32
		var won atomic.Pointer[esm.Checkpoint]
		var all sync.WaitGroup
		for saver := range savers {
			all.Go(func() {
				next := at(fmt.Sprintf("round %d, saver %d", round, saver))
				next.Version = now.Version
				saved, err := t.Store.Save(t.Context(), k, next)
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

func manyShards(t *trial) {
	const shards, rounds = 200, 5
	var all sync.WaitGroup
	var mu sync.Mutex
	want := map[string]esm.Checkpoint{}
	for i := range shards {
		all.Go(func() {
			k := esm.Key{Mapping: "m", Shard: fmt.Sprint(i)}
			var cp esm.Checkpoint
			for round := range rounds {
				cp.Position = fmt.Sprintf("%d/%d", i, round)
				saved, err := t.Store.Save(t.Context(), k, cp)
				if err != nil {
					t.Errorf("save %+v: %v", k, err)
					return
				}
				cp = saved
			}
			mu.Lock()
			defer mu.Unlock()
			want[k.Shard] = cp
		})
	}
	all.Wait()
	t.has("m", want)
}

// conflictAlone mixes savers who lose, and names that are refused, with savers who do not.
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
			if _, err := t.Store.Save(t.Context(), k, at("2")); (err == nil) != fine || errors.Is(err, esm.ErrConflict) != (i%3 == 1) {
				t.Errorf("saver %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if got, want := len(t.all("m")), savers/3+1; got != want {
		t.Errorf("%d checkpoints, want %d", got, want)
	}
}

// history compares any sequence of calls with a plain map. All of rapid's cases go through one store, one behind the
// other.
func history(t *trial) {
	model := map[esm.Key]esm.Checkpoint{}
	names := []string{"", "a", "a/b", "c"}
	rapid.Check(t.T, func(r *rapid.T) {
		key := rapid.Custom(func(r *rapid.T) esm.Key {
			return esm.Key{Mapping: rapid.SampledFrom(names).Draw(r, "mapping"), Shard: rapid.SampledFrom(names).Draw(r, "shard")}
		})
		r.Repeat(map[string]func(*rapid.T){
			"save": func(r *rapid.T) {
				k := key.Draw(r, "key")
				next := checkpoints().Draw(r, "next")
				next.Version = model[k].Version
				saved, err := t.Store.Save(r.Context(), k, next)
				if err != nil {
					r.Fatalf("save %+v: %v", k, err)
				}
				model[k] = saved
			},
			"save over another version": func(r *rapid.T) {
				k := key.Draw(r, "key")
				next := esm.Checkpoint{Version: model[k].Version + rapid.Uint64Min(1).Draw(r, "off")}
				if _, err := t.Store.Save(r.Context(), k, next); !errors.Is(err, esm.ErrConflict) {
					r.Fatalf("save %+v: %v, want ErrConflict", k, err)
				}
			},
			"forget": func(r *rapid.T) {
				keys := rapid.SliceOfN(key, 0, 4).Draw(r, "keys")
				if err := t.Store.Forget(r.Context(), keys...); err != nil {
					r.Fatalf("forget %+v: %v", keys, err)
				}
				for _, k := range keys {
					delete(model, k)
				}
			},
			"restart": func(r *rapid.T) {
				if t.Restart == nil || rapid.IntRange(0, 9).Draw(r, "seldom") > 0 {
					r.Skip("not now")
				}
				t.Store = t.Restart()
			},
			"": func(r *rapid.T) { t.equals(r, names, model) },
		})
	})
}

func (t *trial) equals(r *rapid.T, mappings []string, model map[esm.Key]esm.Checkpoint) {
	got := map[esm.Key]esm.Checkpoint{}
	for _, mapping := range mappings {
		all, err := t.Store.All(r.Context(), mapping)
		if err != nil {
			r.Fatalf("all of %q: %v", mapping, err)
		}
		for shard, cp := range all {
			got[esm.Key{Mapping: mapping, Shard: shard}] = cp
		}
	}
	if len(got) != len(model) {
		r.Fatalf("%d checkpoints, want %d", len(got), len(model))
	}
	for k, want := range model {
		if !reflect.DeepEqual(got[k], want) {
			r.Fatalf("%+v:\ngot  %+v\nwant %+v", k, got[k], want)
		}
	}
}

// checkpoints are of all sizes: from nothing to more than a page of the file.
func checkpoints() *rapid.Generator[esm.Checkpoint] {
	return rapid.Custom(func(r *rapid.T) esm.Checkpoint {
		cp := esm.Checkpoint{Position: rapid.StringN(0, 60, 200).Draw(r, "position"), Drained: rapid.Bool().Draw(r, "drained")}
		for i := range rapid.SampledFrom([]int{0, 0, 1, 3, 40}).Draw(r, "owed") {
			cp.Owed = append(cp.Owed, esm.Owed{ID: "an id of usual length, of 36 letters", First: strconv.Itoa(i), Tries: i})
		}
		return cp
	})
}
