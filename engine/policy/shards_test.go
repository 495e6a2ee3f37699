package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// listing parses shards: "A B<A C<A,B D!" is A, its child B, their child C, and D, which is closed.
func listing(text string) []esm.Shard {
	var shards []esm.Shard
	for _, word := range strings.Fields(text) {
		word, closed := strings.CutSuffix(word, "!")
		id, parents, has := strings.Cut(word, "<")
		shard := esm.Shard{ID: id, Closed: closed}
		if has {
			shard.Parents = strings.Split(parents, ",")
		}
		shards = append(shards, shard)
	}
	return shards
}

var seen = began.Add(-time.Hour) // when the mapping was first seen

// keptRows parses checkpoints: "A=7 B=done C=seen D=past E=" is A at 7, B drained, C open when the mapping was
// first seen, D closed then, and E started without a position.
func keptRows(text string) map[string]esm.Checkpoint {
	kept := map[string]esm.Checkpoint{"": {Position: "the stream's identity", Since: seen}}
	for _, word := range strings.Fields(text) {
		id, state, _ := strings.Cut(word, "=")
		switch state {
		case "done":
			kept[id] = esm.Checkpoint{Position: "99", Drained: true}
		case "seen":
			kept[id] = esm.Checkpoint{Since: seen}
		case "past":
			kept[id] = esm.Checkpoint{Since: seen, Drained: true}
		default:
			kept[id] = esm.Checkpoint{Position: state}
		}
	}
	return kept
}

// written formats a plan: "A@7 B@time C", then the shards that wait, are not listed, and are forgotten.
func written(p policy.Plan) string {
	var read []string
	for _, o := range p.Read {
		switch from := o.From; {
		case from.After != "":
			o.Shard += "@" + from.After
		case from.At.Equal(seen):
			o.Shard += "@seen"
		case !from.At.IsZero():
			o.Shard += "@time"
		}
		read = append(read, o.Shard)
	}
	text := strings.Join(read, " ")
	for _, part := range []struct {
		name string
		ids  []string
	}{{"waiting", p.Waiting}, {"unlisted", p.Unlisted}, {"forget", p.Forget}} {
		if len(part.ids) > 0 {
			text += " | " + part.name + " " + strings.Join(part.ids, " ")
		}
	}
	if p.Relist {
		text += " | again"
	}
	return text
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name               string
		start              string
		listed, kept, gone string
		want               string
	}{
		{"the oldest record", config.TrimHorizon, "A B", "", "", "A B"},
		{"closed shards, too", config.TrimHorizon, "A!", "", "", "A"},
		{"where they are", config.TrimHorizon, "A B", "A=7", "", "A@7 B"},
		{"parents first", config.TrimHorizon, "A! B<A C<A", "", "", "A | waiting B C"},
		{"children at last", config.TrimHorizon, "A! B<A C<A", "A=done", "", "B C"},
		{"a long chain", config.TrimHorizon, "A! B<A! C<B! D<C", "A=done B=7", "", "B@7 | waiting C D"},
		{"both parents of a merge", config.TrimHorizon, "A! B! C<A,B", "A=done B=7", "", "B@7 | waiting C"},
		{"both are done", config.TrimHorizon, "A! B! C<A,B", "A=done B=done", "", "C"},
		{"a whole reshard", config.TrimHorizon, "A! B! C<A! D<A! E<C,D F<B", "A=done C=done", "", "B D | waiting E F"},

		{"a parent is missing", config.TrimHorizon, "B<A", "", "", " | waiting B | unlisted A | again"},
		{"and again", config.TrimHorizon, "B<A", "", "A", "B | unlisted A"},
		{"one parent of two is missing", config.TrimHorizon, "B! C<A,B", "", "A", "B | waiting C | unlisted A"},
		{"a parent was missing and is there", config.TrimHorizon, "A! B<A", "", "A", "A | waiting B"},
		{"a parent turns up when its child has begun", config.TrimHorizon, "A! B<A", "B=7", "", "A B@7"},
		{"a parent that is kept and not listed", config.TrimHorizon, "B<A", "A=7", "A", "A@7 | waiting B | unlisted A"},
		{"a parent that is drained and not listed", config.TrimHorizon, "B<A", "A=done", "", "B | unlisted A | again"},
		{"nothing is listed", config.TrimHorizon, "", "A=7 B=done", "", "A@7 | unlisted A B | again"},

		{"forgotten when its child has begun", config.TrimHorizon, "B<A", "A=done B=7", "A", "B@7 | unlisted A | forget A"},
		{"kept while its child has not", config.TrimHorizon, "B<A C<A", "A=done B=7", "A", "B@7 C | unlisted A"},
		{"kept while it is listed", config.TrimHorizon, "A! B<A", "A=done B=7", "A", "B@7"},
		{"kept while it may just have been missed", config.TrimHorizon, "B<A", "A=done B=7", "", "B@7 | unlisted A | again"},
		{"forgotten without children", config.TrimHorizon, "X", "A=done", "A", "X | unlisted A | forget A"},

		{"latest", config.Latest, "A! B<A C", "A=past B=seen C=seen", "", "B@seen C@seen"},
		{"latest, where they are", config.Latest, "A! B<A C", "A=past B=7 C=seen", "", "B@7 C@seen"},
		{"latest, a child of a tracked shard", config.Latest, "B! C<B", "B=done", "", "C"},
		{"latest, a child found early", config.Latest, "B! C<B", "B=seen", "", "B@seen | waiting C"},
		{"latest, no tracked ancestor", config.Latest, "B C", "B=seen", "", "B@seen C"},
		{"latest, a closed shard turns up", config.Latest, "A! B<A! C<B", "C=seen", "", "C@seen"},
		{"latest, and another child of it", config.Latest, "A! B<A D<A", "B=seen", "", "B@seen D"},
		{"latest, the parent of what was past", config.Latest, "A! B<A! C<B", "B=past C=7", "", "C@7"},
		{"latest, a parent is trimmed", config.Latest, "B<A", "B=seen", "", "B@seen"},
		{"latest, split between two pages", config.Latest, "A! B<A", "A=seen B=seen", "", "A@seen | waiting B"},

		{"a timestamp", config.AtTimestamp, "A! B<A C", "A=done C=7", "", "B@time C@7"},

		{"its own parent", config.TrimHorizon, "A<A", "", "", "A"},
		{"two that are each other's", config.TrimHorizon, "A<B B<A", "", "", "A B"},
		{"and their child", config.TrimHorizon, "A<B B<A C<B D<C", "", "", "A B | waiting C D"},
		{"and their parent", config.TrimHorizon, "A<B,X B<A X!", "", "", "B X | waiting A"},
		{"a shard without a name", config.TrimHorizon, "<A B", "", "", "B"},
	} {
		s := policy.Shards{Start: test.start, At: began}
		p := s.Plan(listing(test.listed), keptRows(test.kept), strings.Fields(test.gone))
		if got := written(p); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestInitialCheckpoints(t *testing.T) {
	listed := listing("A! B<A C")
	for _, start := range []string{config.TrimHorizon, config.AtTimestamp} {
		if got := (policy.Shards{Start: start}).InitialCheckpoints(listed, nil, began); len(got) > 0 {
			t.Errorf("%s keeps %v", start, got)
		}
	}
	s := policy.Shards{Start: config.Latest}
	got := s.InitialCheckpoints(listed, nil, seen)
	for id, drained := range map[string]bool{"A": true, "B": false, "C": false} {
		if cp := got[id]; cp.Drained != drained || !cp.Since.Equal(seen) {
			t.Errorf("%s: got %+v, want drained %v", id, cp, drained)
		}
	}
	// An interrupted attempt has fixed the time, and its checkpoints stay.
	again := s.InitialCheckpoints(listing("A! B<A! C D<B"), maps.Clone(got), began)
	if cp, found := again["D"]; len(again) != 1 || !found || !cp.Since.Equal(seen) {
		t.Errorf("the second attempt keeps %+v", again)
	}
}

// A stream is split, merged and trimmed while it is read: every shard is read to its end, not before its parents, and
// once.
func TestReshards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := listing("s0 s1 s2")
		kept := map[string]esm.Checkpoint{}
		drained := map[string]int{}
		var unlisted []string
		s := policy.Shards{Start: config.TrimHorizon}
		reshard := func() {
			next := fmt.Sprint("s", len(world))
			var open []int
			for i, shard := range world {
				if !shard.Closed {
					open = append(open, i)
				}
			}
			i := rapid.SampledFrom(open).Draw(t, "parent")
			world[i].Closed = true
			child := esm.Shard{ID: next, Parents: []string{world[i].ID}}
			if len(open) > 2 && rapid.Bool().Draw(t, "merge") {
				j := rapid.SampledFrom(open).Draw(t, "other")
				world[j].Closed = true
				child.Parents = append(child.Parents, world[j].ID)
			} else {
				world = append(world, esm.Shard{ID: next + "b", Parents: child.Parents})
			}
			world = append(world, child)
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "reshards") {
				reshard()
			}
			p := s.Plan(world, kept, unlisted)
			unlisted = p.Unlisted
			for _, o := range p.Read {
				shard := world[slices.IndexFunc(world, func(s esm.Shard) bool { return s.ID == o.Shard })]
				for _, parent := range shard.Parents {
					if drained[parent] == 0 {
						t.Errorf("%s is read before %s has ended", o.Shard, parent)
					}
				}
				switch rapid.IntRange(0, 2).Draw(t, "progress") {
				case 1:
					kept[o.Shard] = esm.Checkpoint{Position: "1"}
				case 2:
					if shard.Closed {
						drained[o.Shard]++
						kept[o.Shard] = esm.Checkpoint{Position: "2", Drained: true}
					}
				}
			}
			for _, id := range p.Forget {
				delete(kept, id)
			}
		}
		for turn := 0; ; turn++ { // no shard waits forever
			p := s.Plan(world, kept, unlisted)
			unlisted = p.Unlisted
			closed := 0
			for _, o := range p.Read {
				if world[slices.IndexFunc(world, func(s esm.Shard) bool { return s.ID == o.Shard })].Closed {
					closed++
					drained[o.Shard]++
					kept[o.Shard] = esm.Checkpoint{Drained: true}
				}
			}
			if closed == 0 {
				if len(p.Waiting) > 0 {
					t.Errorf("%v wait, and nothing is left to wait for", p.Waiting)
				}
				break
			}
			if turn > len(world) {
				t.Fatal("no end")
			}
		}
		for id, n := range drained {
			if n != 1 {
				t.Errorf("%s was read to its end %d times", id, n)
			}
		}
	})
}

// Whatever the listing, a plan names each shard once, and a sequence of plans lets every shard be read.
func TestAnyListing(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		var listed []esm.Shard
		for _, id := range rapid.SliceOf(rapid.SampledFrom(ids)).Draw(t, "listed") {
			listed = append(listed, esm.Shard{
				ID: id, Parents: rapid.SliceOfN(rapid.SampledFrom(ids), 0, 2).Draw(t, "parents"), Closed: rapid.Bool().Draw(t, "closed"),
			})
		}
		s := policy.Shards{Start: rapid.SampledFrom([]string{config.TrimHorizon, config.Latest, config.AtTimestamp}).Draw(t, "start")}
		kept := s.InitialCheckpoints(listed[:len(listed)/2], nil, seen)
		if kept == nil {
			kept = map[string]esm.Checkpoint{}
		}
		var unlisted []string
		for range 2*len(ids) + 2 {
			p := s.Plan(listed, kept, unlisted)
			unlisted = p.Unlisted
			for i, o := range p.Read {
				if i > 0 && p.Read[i-1].Shard >= o.Shard || slices.Contains(p.Waiting, o.Shard) {
					t.Fatalf("plan %+v", p)
				}
				kept[o.Shard] = esm.Checkpoint{Since: kept[o.Shard].Since, Position: "1", Drained: true}
			}
			for _, id := range p.Forget {
				delete(kept, id)
			}
		}
		if p := s.Plan(listed, kept, unlisted); len(p.Waiting)+len(p.Read) > 0 || p.Relist {
			t.Errorf("in the end %+v", p)
		}
	})
}
