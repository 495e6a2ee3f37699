package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// at returns the record at a position.
func at(position int) esm.Record { return records(position, position)[0] }

func TestWatermark(t *testing.T) {
	w := policy.NewWatermark(esm.Checkpoint{Position: "10"}, 2)
	check := func(what, position string, owed int, lanes ...string) {
		t.Helper()
		if w.Position() != position || w.Owed() != owed || !slices.Equal(w.Lanes(), lanes) {
			t.Errorf("%s: position %q, %d owed, lanes %q; want %q, %d, %q", what, w.Position(), w.Owed(), w.Lanes(), position, owed, lanes)
		}
	}
	settle := func(lane int, positions ...int) {
		t.Helper()
		var recs []esm.Record
		for _, p := range positions {
			recs = append(recs, at(p))
		}
		if !w.Settle(lane, recs) {
			t.Errorf("%v are not the oldest of lane %d", positions, lane)
		}
	}
	check("at first", "10", 0)
	w.Skip(at(11))
	check("11 is filtered", "11", 0)
	w.Read(0, at(12))
	w.Read(1, at(13))
	w.Read(0, at(14))
	w.Skip(at(15))
	w.Read(1, at(16))
	check("12 to 16 are read", "11", 4, "", "")
	settle(1, 13)
	check("13 overtakes 12", "11", 3, "", "13")
	settle(0, 12)
	check("12 is settled", "13", 2, "", "")
	settle(1, 16)
	check("16 overtakes 14", "13", 1, "", "16")
	settle(0, 14)
	check("all is settled", "16", 0)
}

// After a restart the number of lanes is kept until the pending records have been read again: without it the next restart
// would drop the pending runs.
func TestWatermarkAfterARestart(t *testing.T) {
	for _, cp := range []esm.Checkpoint{
		{Position: "3", Lanes: []string{"", ""}, Owed: []esm.Owed{{First: "4", Last: "5"}}},
		{Position: "3", Lanes: []string{"5", ""}},
	} {
		w := policy.NewWatermark(cp, 2)
		if got := w.Lanes(); !slices.Equal(got, cp.Lanes) || got == nil {
			t.Errorf("at first: lanes %q, want %q", got, cp.Lanes)
		}
		w.Skip(at(4))
		if got := w.Lanes(); got == nil {
			t.Error("at 4: no lanes")
		}
		w.Skip(at(5))
		if got := w.Lanes(); got != nil || w.Position() != "5" {
			t.Errorf("at 5: lanes %q, position %q", got, w.Position())
		}
	}
}

func TestSettleOutOfOrder(t *testing.T) {
	w := policy.NewWatermark(esm.Checkpoint{}, 2)
	w.Read(0, at(1))
	w.Read(1, at(2))
	w.Read(0, at(3))
	for _, test := range []struct {
		name string
		lane int
		recs []esm.Record
	}{
		{"a later one", 0, records(3, 3)},
		{"another lane's", 1, records(1, 1)},
		{"one that was not read", 1, records(2, 3)},
		{"out of order", 0, []esm.Record{at(3), at(1)}},
	} {
		if w.Settle(test.lane, test.recs) || w.Owed() != 3 || w.Position() != "" {
			t.Errorf("%s: settled, %d owed, position %q", test.name, w.Owed(), w.Position())
		}
	}
	if !w.Settle(1, nil) {
		t.Error("nothing cannot be settled")
	}
}

func TestUnsettled(t *testing.T) {
	cp := esm.Checkpoint{Position: "10", Lanes: []string{"", "20"}}
	for _, test := range []struct {
		cp       esm.Checkpoint
		position int
		lane     int
		want     bool
	}{
		{esm.Checkpoint{}, 1, 0, true},
		{cp, 9, 0, false},
		{cp, 10, 0, false},
		{cp, 11, 0, true},
		{cp, 11, 1, false},
		{cp, 20, 1, false},
		{cp, 21, 1, true},
		{cp, 11, 2, true},
	} {
		if got := policy.Unsettled(at(test.position), test.cp, test.lane); got != test.want {
			t.Errorf("%d in lane %d: %v, want %v", test.position, test.lane, got, test.want)
		}
	}
}

// Lanes and pending runs have no meaning for another number of lanes.
func TestForLanes(t *testing.T) {
	owed := []esm.Owed{{ID: "id"}}
	for _, test := range []struct {
		name  string
		cp    esm.Checkpoint
		lanes int
		kept  bool
	}{
		{"two and two", esm.Checkpoint{Lanes: []string{"", "5"}, Owed: owed}, 2, true},
		{"two and three", esm.Checkpoint{Lanes: []string{"", "5"}, Owed: owed}, 3, false},
		{"two and one", esm.Checkpoint{Lanes: []string{"", "5"}, Owed: owed}, 1, false},
		{"one and one", esm.Checkpoint{Owed: owed}, 1, true},
		{"one and zero", esm.Checkpoint{Owed: owed}, 0, true},
		{"one and two", esm.Checkpoint{Owed: owed}, 2, false},
		{"a lane that does not exist", esm.Checkpoint{Lanes: []string{"", "5"}, Owed: []esm.Owed{{Lane: 2}}}, 2, false},
		{"a negative lane", esm.Checkpoint{Lanes: []string{"", "5"}, Owed: []esm.Owed{{Lane: -1}}}, 2, false},
	} {
		test.cp.Position = "3"
		got := policy.ForLanes(test.cp, test.lanes)
		if got.Position != "3" || (len(got.Owed) > 0) != test.kept || (got.Lanes != nil) != (test.kept && test.cp.Lanes != nil) {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

func TestPending(t *testing.T) {
	got := policy.Pending(policy.Run{ID: "a", Records: records(3, 5), Tries: 2}, 1)
	if want := (esm.Owed{ID: "a", First: "3", Last: "5", Sum: got.Sum, Lane: 1, Tries: 2}); got != want || got.Sum == 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestResume(t *testing.T) {
	all := records(3, 6)
	owed := policy.Pending(policy.Run{ID: "a", Records: all[:3], Tries: 2, Response: &esm.NoticeResponse{Status: 200}}, 0)
	old := owed
	old.Sum = 0
	for _, test := range []struct {
		name string
		owed esm.Owed
		recs []esm.Record
		same bool
	}{
		{"the same records", owed, all[:3], true},
		{"no checksum", old, all[:3], true},
		{"none", owed, nil, false},
		{"the first is gone", owed, all[1:3], false},
		{"the last is gone", owed, all[:2], false},
		{"one more at the end", owed, all, false},
		{"one between is gone", owed, []esm.Record{all[0], all[2]}, false},
		{"one more between", owed, []esm.Record{all[0], all[1], all[1], all[2]}, false},
		{"a different one between", owed, []esm.Record{all[0], all[3], all[2]}, false},
	} {
		got := policy.Resume(test.owed, test.recs)
		same := got.ID == "a" && got.Tries == 2 && got.Response == owed.Response
		if same != test.same || len(got.Records) != len(test.recs) || !same && (got.ID != "" || got.Tries != 0 || got.Response != nil) {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

// With any reads, settlements and restarts, the position never passes an unsettled record and never decreases. After a
// restart exactly the unsettled records are read again. If all records are settled, the position is the last record.
func TestWatermarkProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.IntRange(1, 4).Draw(t, "lanes")
		n := rapid.IntRange(1, 40).Draw(t, "records")
		laneOf := func(i int) int { return policy.Lane(fmt.Sprint("key", i%7), lanes) }
		settled, filtered := make([]bool, n+1), make([]bool, n+1)
		w := policy.NewWatermark(esm.Checkpoint{}, lanes)
		read, last := 0, 0
		queues := make([][]int, lanes)
		var cp, found esm.Checkpoint // as of now, and as of the last restart
		look := func() {
			position := 0
			fmt.Sscan(w.Position(), &position)
			for i := 1; i <= position; i++ {
				if !settled[i] {
					t.Fatalf("position %d, but %d is not settled", position, i)
				}
			}
			if position < last {
				t.Fatalf("position %d after %d", position, last)
			}
			if w.Owed() == 0 && position != read {
				t.Fatalf("everything settled at position %d, read up to %d", position, read)
			}
			last = position
			cp = esm.Checkpoint{Position: w.Position(), Lanes: w.Lanes()}
		}
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				if read == n {
					t.Skip("all is read")
				}
				read++
				lane := laneOf(read)
				switch {
				case !policy.Unsettled(at(read), found, lane):
					w.Skip(at(read))
				case rapid.IntRange(0, 4).Draw(t, "filter") == 0:
					settled[read], filtered[read] = true, true
					w.Skip(at(read))
				default:
					queues[lane] = append(queues[lane], read)
					w.Read(lane, at(read))
				}
			},
			"settle": func(t *rapid.T) {
				lane := rapid.IntRange(0, lanes-1).Draw(t, "lane")
				k := rapid.IntRange(0, len(queues[lane])).Draw(t, "how many")
				var recs []esm.Record
				for _, i := range queues[lane][:k] {
					recs, settled[i] = append(recs, at(i)), true
				}
				if !w.Settle(lane, recs) {
					t.Fatalf("lane %d refuses %v", lane, idsOf(recs))
				}
				queues[lane] = queues[lane][k:]
			},
			"restart": func(t *rapid.T) {
				found = policy.ForLanes(cp, lanes)
				w = policy.NewWatermark(found, lanes)
				read, queues = last, make([][]int, lanes)
				for i := last + 1; i <= n; i++ {
					owes := policy.Unsettled(at(i), found, laneOf(i))
					if owes && filtered[i] { // not kept: it is filtered again
						settled[i], filtered[i] = false, false
					}
					if owes == settled[i] {
						t.Fatalf("%d: owed %v, settled %v, by %+v", i, owes, settled[i], found)
					}
				}
			},
			"": func(*rapid.T) { look() },
		})
	})
}
