package checkpointtest

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"pgregory.net/rapid"
)

// texts are documents by ID. In a change, a text that begins with "-" removes.
type texts map[string]string

func (t *trial) write(kind string, changes texts) {
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

func (t *trial) documents(kind string) texts {
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

// hasDocuments expects exactly these documents of a kind, now and after a restart.
func (t *trial) hasDocuments(kind string, want texts) {
	t.Helper()
	t.twice(func(when string) {
		if got := t.documents(kind); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s has %.200q, want %.200q", when, kind, got, want)
		}
	})
}

func kindsDoNotMix(t *trial) {
	names := []string{"", "a", "a/b", "/", "ü\x00\xff", strings.Repeat("x", 1000)}
	for _, kind := range names {
		for _, id := range names {
			t.write(kind, texts{id: kind + "," + id})
		}
	}
	for _, kind := range names {
		want := texts{}
		for _, id := range names {
			want[id] = kind + "," + id
		}
		t.hasDocuments(kind, want)
	}
}

func documentSizes(t *trial) {
	want := texts{}
	for _, size := range []int{0, 1, 127, 128, 4_000, 4_096, 100_000, 2 << 20} {
		want[fmt.Sprint(size)] = strings.Repeat("x", size)
	}
	t.write("k", want)
	t.hasDocuments("k", want)
}

func documentsAreCopied(t *trial) {
	given := []byte("given")
	changes := map[string][]byte{"a": given}
	if err := t.store.Write(t.Context(), "k", changes); err != nil {
		t.Fatal(err)
	}
	if want := map[string][]byte{"a": []byte("given")}; !reflect.DeepEqual(changes, want) {
		t.Errorf("the changes are now %q", changes)
	}
	given[0] = '?'
	all, err := t.store.Documents(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	all["a"][1], all["b"] = '?', []byte("added")
	t.hasDocuments("k", texts{"a": "given"})
}

func allOrNone(t *trial) {
	t.write("k", texts{"a": "1", "b": "2"})
	long := strings.Repeat("x", 100_000)
	changes := map[string][]byte{"a": []byte("changed"), "b": nil, "c": []byte("3"), long: []byte("refused")}
	if err := t.store.Write(t.Context(), "k", changes); err == nil {
		t.Error("a long ID: no error")
	}
	if err := t.store.Write(t.Context(), long, map[string][]byte{"a": {}}); err == nil {
		t.Error("a long kind: no error")
	}
	t.hasDocuments("k", texts{"a": "1", "b": "2"})
}

func writersTogether(t *trial) {
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
	t.hasDocuments("k", want)
}

// documentModel compares random calls with a map. All of rapid's cases use one store in turn.
func documentModel(t *trial) {
	model := map[string]texts{"a": {}, "b": {}}
	kinds, ids := rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"", "1", "2", "3"})
	rapid.Check(t.tester, func(r *rapid.T) {
		t.tester = r
		r.Repeat(map[string]func(*rapid.T){
			"write": func(r *rapid.T) {
				kind := kinds.Draw(r, "kind")
				changes := texts(rapid.MapOfN(ids, rapid.StringN(0, 5, 5_000), 0, 4).Draw(r, "changes"))
				t.write(kind, changes)
				maps.Copy(model[kind], changes)
				maps.DeleteFunc(model[kind], func(_, text string) bool { return strings.HasPrefix(text, "-") })
			},
			"restart": func(r *rapid.T) { t.seldomRestart(r) },
			"": func(r *rapid.T) {
				for kind, want := range model {
					if got := t.documents(kind); !reflect.DeepEqual(got, want) {
						r.Fatalf("%s has %q, want %q", kind, got, want)
					}
				}
			},
		})
	})
}
