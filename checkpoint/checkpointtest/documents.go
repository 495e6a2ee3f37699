package checkpointtest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Documents is a store of documents by kind and ID.
type Documents interface {
	Documents(ctx context.Context, kind string) (map[string][]byte, error)
	Write(ctx context.Context, kind string, changes map[string][]byte) error
}

// RunDocuments runs the suite of stores that keep documents. Each test opens a store of its own; restart ends it, and
// returns it as the next process finds it.
func RunDocuments(t *testing.T, open func(t *testing.T) (store Documents, restart func() Documents)) {
	for name, test := range map[string]func(t *documentTrial){
		"documents come and go":                  comeAndGo,
		"kinds and IDs do not mix":               kindsDoNotMix,
		"documents of all sizes":                 documentSizes,
		"what is kept is the store's":            documentsAreTheStores,
		"all changes are made or none":           allOrNone,
		"an ended context writes nothing":        endedWritesNothing,
		"writers side by side":                   writersTogether,
		"any history of writes ends as in a map": documentHistory,
	} {
		t.Run(name, func(t *testing.T) {
			store, restart := open(t)
			test(&documentTrial{t, store, restart})
		})
	}
}

type documentTrial struct {
	*testing.T
	store   Documents
	restart func() Documents
}

// texts are changes, or documents. What begins with "-" is removed.
type texts map[string]string

func (t *documentTrial) write(kind string, changes texts) {
	t.Helper()
	values := map[string][]byte{}
	for id, text := range changes {
		if values[id] = []byte(text); strings.HasPrefix(text, "-") {
			values[id] = nil
		}
	}
	if err := t.store.Write(t.Context(), kind, values); err != nil {
		t.Fatalf("write %s: %v", kind, err)
	}
}

func (t *documentTrial) all(kind string) texts {
	t.Helper()
	all, err := t.store.Documents(t.Context(), kind)
	if err != nil {
		t.Fatalf("documents of %s: %v", kind, err)
	}
	found := texts{}
	for id, value := range all {
		if found[id] = string(value); value == nil {
			t.Errorf("%q of %s is nil", id, kind)
		}
	}
	return found
}

// has expects these documents of a kind, now and after a restart.
func (t *documentTrial) has(kind string, want texts) {
	t.Helper()
	for _, when := range []string{"now", "after a restart"} {
		if got := t.all(kind); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s has %.200q, want %.200q", when, kind, got, want)
		}
		t.store = t.restart()
	}
}

func comeAndGo(t *documentTrial) {
	t.has("k", texts{})
	t.write("k", texts{"never there": "-"})
	t.has("k", texts{})
	t.write("k", texts{"a": "1", "b": "2", "c": "", "": "without an ID"})
	t.has("k", texts{"a": "1", "b": "2", "c": "", "": "without an ID"})
	t.write("k", texts{"a": "1b", "b": "-", "d": "4", "": "-", "never there": "-"})
	t.has("k", texts{"a": "1b", "c": "", "d": "4"})
	t.write("k", texts{})
	t.write("k", texts{"a": "-", "c": "-", "d": "-"})
	t.has("k", texts{})
}

func kindsDoNotMix(t *documentTrial) {
	names := []string{"", "a", "a/b", "/", "ü\x00\xff", strings.Repeat("x", 1000)}
	for _, kind := range names {
		for _, id := range names {
			t.write(kind, texts{id: kind + "," + id})
		}
	}
	t.write("a", texts{"": "-"})
	for _, kind := range names {
		want := texts{}
		for _, id := range names {
			want[id] = kind + "," + id
		}
		if kind == "a" {
			delete(want, "")
		}
		t.has(kind, want)
	}
}

func documentSizes(t *documentTrial) {
	want := texts{}
	for _, size := range []int{0, 1, 127, 128, 4_000, 4_096, 100_000, 2 << 20} {
		want[fmt.Sprint(size)] = strings.Repeat("x", size)
	}
	t.write("k", want)
	t.has("k", want)
}

func documentsAreTheStores(t *documentTrial) {
	given := []byte("given")
	changes := map[string][]byte{"a": given}
	if err := t.store.Write(t.Context(), "k", changes); err != nil {
		t.Fatal(err)
	}
	if want := map[string][]byte{"a": []byte("given")}; !reflect.DeepEqual(changes, want) {
		t.Errorf("the changes were changed: %q", changes)
	}
	given[0] = '?'
	all, err := t.store.Documents(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	all["a"][1], all["b"] = '?', []byte("spoilt")
	t.has("k", texts{"a": "given"})
}

func allOrNone(t *documentTrial) {
	t.write("k", texts{"a": "1", "b": "2"})
	long := strings.Repeat("x", 100_000)
	changes := map[string][]byte{"a": []byte("changed"), "b": nil, "c": []byte("3"), long: []byte("refused")}
	if err := t.store.Write(t.Context(), "k", changes); err == nil {
		t.Error("an ID that is too long went well")
	}
	if err := t.store.Write(t.Context(), long, map[string][]byte{"a": {}}); err == nil {
		t.Error("a kind that is too long went well")
	}
	t.has("k", texts{"a": "1", "b": "2"})
}

func endedWritesNothing(t *documentTrial) {
	t.write("k", texts{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := t.store.Write(ctx, "k", map[string][]byte{"a": nil}); err == nil {
		t.Error("write went well")
	}
	if _, err := t.store.Documents(ctx, "k"); err == nil {
		t.Error("documents went well")
	}
	t.has("k", texts{"a": "1"})
}

func writersTogether(t *documentTrial) {
	const writers, rounds = 50, 4
	want := texts{}
	var all sync.WaitGroup
	for i := range writers {
		id := fmt.Sprint(i)
		want[id] = fmt.Sprint(rounds - 1)
		all.Go(func() {
			for round := range rounds {
				changes := map[string][]byte{id: fmt.Append(nil, round)}
				if err := t.store.Write(t.Context(), "k", changes); err != nil {
					t.Errorf("writer %s: %v", id, err)
				}
			}
		})
	}
	all.Wait()
	t.has("k", want)
}

// documentHistory compares any sequence of calls with a plain map. All of rapid's cases go through one store.
func documentHistory(t *documentTrial) {
	model := map[string]texts{"a": {}, "b": {}}
	kinds, ids := rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"", "1", "2", "3"})
	rapid.Check(t.T, func(r *rapid.T) {
		r.Repeat(map[string]func(*rapid.T){
			"write": func(r *rapid.T) {
				kind := kinds.Draw(r, "kind")
				changes := texts(rapid.MapOfN(ids, rapid.StringN(0, 5, 5_000), 0, 4).Draw(r, "changes"))
				t.write(kind, changes)
				maps.Copy(model[kind], changes)
				maps.DeleteFunc(model[kind], func(_, text string) bool { return strings.HasPrefix(text, "-") })
			},
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "seldom") > 0 {
					r.Skip("not now")
				}
				t.store = t.restart()
			},
			"": func(r *rapid.T) {
				for kind, want := range model {
					if got := t.all(kind); !reflect.DeepEqual(got, want) {
						r.Fatalf("%s has %q, want %q", kind, got, want)
					}
				}
			},
		})
	})
}
