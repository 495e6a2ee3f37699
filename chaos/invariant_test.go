package chaos

import (
	"slices"
	"testing"
	"time"
)

// at returns the nth second of a test.
func at(n int) time.Time { return time.Unix(int64(n), 0) }

// call is an invocation from one second to another, in which some records succeeded and the rest failed.
func call(id string, from, to int, succeeded []string, failed ...string) Call {
	return Call{
		ID: id, Began: at(from), Ended: at(to), Ran: true, Records: slices.Concat(succeeded, failed), Succeeded: succeeded,
	}
}

// from sets the deliveries that the records of a call come from.
func from(c Call, handles ...string) Call {
	c.Handles = handles
	return c
}

func message(id string) Record            { return Record{ID: id} }
func inGroup(g, id string) Record         { return Record{ID: id, Group: g} }
func inShard(s, id string) Record         { return Record{ID: id, Shard: s} }
func deleted(id string, n int) Settlement { return Settlement{id, at(n)} }

func struck(f Fault, target string, n int, records ...string) Injected {
	return Injected{Strike: Strike{f, target, 1}, At: at(n), Records: records}
}

func ids(ids ...string) []string { return ids }

// TestInvariants has histories that hold and histories that break one invariant.
func TestInvariants(t *testing.T) {
	for _, c := range []struct {
		name    string
		broken  string // the invariant; empty if all hold
		records []string
		h       History
	}{
		{"nothing happened", "", nil, History{Complete: true}},
		{"handled and deleted", "", nil, History{
			Complete: true, Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 2, ids("a"))}, Settled: []Settlement{deleted("a", 2)},
		}},
		{"deleted and never handled", "nothing-lost", ids("a"), History{
			Sent: []Record{message("a")}, Settled: []Settlement{deleted("a", 2)},
		}},
		{"deleted after a failure", "nothing-lost", ids("a"), History{
			Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 2, nil, "a")}, Settled: []Settlement{deleted("a", 2)},
		}},
		{"deleted while it is handled", "nothing-lost", ids("a"), History{
			Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 4, ids("a"))}, Settled: []Settlement{deleted("a", 2)},
		}},
		{"one of a batch has failed and is deleted", "nothing-lost", ids("b"), History{
			Sent: []Record{message("a"), message("b")}, Calls: []Call{call("1", 1, 2, ids("a"), "b")},
			Settled: []Settlement{deleted("a", 2), deleted("b", 2)},
		}},
		{"still in the queue", "nothing-lost", ids("a"), History{
			Complete: true, Sent: []Record{message("a")}, Remaining: ids("a"),
		}},
		{"still in the queue of a run that was cut off", "", nil, History{Sent: []Record{message("a")}, Remaining: ids("a")}},
		{"vanished", "nothing-lost", ids("a"), History{Complete: true, Sent: []Record{message("a")}}},
		{"dead letter", "", nil, History{Complete: true, Sent: []Record{message("a")}, Dead: ids("a")}},
		{"filtered and deleted", "", nil, History{
			Complete: true, Sent: []Record{{ID: "a", Unwanted: true}}, Settled: []Settlement{deleted("a", 2)},
		}},
		{"filtered and not deleted", "nothing-lost", ids("a"), History{
			Complete: true, Sent: []Record{{ID: "a", Unwanted: true}}, Remaining: ids("a"),
		}},
		{"record of a stream handled", "", nil, History{
			Complete: true, Sent: []Record{inShard("s", "1")}, Calls: []Call{call("1", 1, 2, ids("1"))},
		}},
		{"record of a stream skipped", "nothing-lost", ids("1"), History{
			Complete: true, Sent: []Record{inShard("s", "1"), inShard("s", "2")}, Calls: []Call{call("1", 1, 2, nil, "1")},
			GivenUp: []GivenUp{{"s", ids("2"), at(4)}}, Told: []Told{{ID: "n", Records: ids("2")}},
		}},

		{"a group in order, with a retry", "", nil, History{
			Sent: []Record{inGroup("g", "a"), inGroup("g", "b"), inGroup("g", "c")},
			Calls: []Call{
				call("1", 1, 2, ids("a"), "b"), call("2", 3, 4, ids("b", "c")),
			},
		}},
		{"a record overtakes", "order-kept", ids("a", "b"), History{
			Sent:  []Record{inGroup("g", "a"), inGroup("g", "b")},
			Calls: []Call{call("1", 1, 2, nil, "a"), call("2", 3, 4, ids("b"))},
		}},
		{"a batch is out of order", "order-kept", ids("a", "b"), History{
			Sent: []Record{inGroup("g", "a"), inGroup("g", "b")}, Calls: []Call{call("1", 1, 2, ids("b", "a"))},
		}},
		{"groups do not wait for each other", "", nil, History{
			Sent:  []Record{inGroup("g", "a"), inGroup("h", "b")},
			Calls: []Call{call("1", 1, 5, nil, "a"), call("2", 2, 4, ids("b"))},
		}},
		{"a dead letter holds up nothing", "", nil, History{
			Sent: []Record{inGroup("g", "a"), inGroup("g", "b")}, Dead: ids("a"), Calls: []Call{call("2", 3, 4, ids("b"))},
		}},
		{"given up holds up nothing", "", nil, History{
			Sent: []Record{inShard("s", "1"), inShard("s", "2")}, GivenUp: []GivenUp{{"s", ids("1"), at(2)}},
			Calls: []Call{call("2", 3, 4, ids("2"))},
		}},
		{"a shard out of order", "order-kept", ids("1", "2"), History{
			Sent: []Record{inShard("s", "1"), inShard("s", "2")}, Calls: []Call{call("2", 3, 4, ids("2")), call("3", 4, 5, ids("1"))},
		}},
		{"one group twice at once", "order-kept", ids("b"), History{
			Sent:     []Record{inGroup("g", "a"), inGroup("g", "b")},
			Received: []Receipt{{"a", "a1", at(1), at(30)}},
			Calls:    []Call{call("0", 1, 1, ids("a")), from(call("1", 2, 5, ids("a")), "a1"), call("2", 3, 4, ids("b"))},
			Injected: []Injected{struck(SourceDone, "delete a", 1, "a")},
		}},
		{"the earlier call outlives its visibility", "", nil, History{
			Sent:     []Record{inGroup("g", "a")},
			Received: []Receipt{{"a", "a1", at(1), at(3)}, {"a", "a3", at(3), at(6)}},
			Calls:    []Call{from(call("1", 1, 5, ids("a")), "a1"), from(call("2", 3, 4, ids("a")), "a3")},
		}},
		{"the later call has what was in hand for too long", "", nil, History{
			Sent:     []Record{inGroup("g", "a")},
			Received: []Receipt{{"a", "a1", at(1), at(3)}, {"a", "a3", at(3), at(9)}},
			Calls:    []Call{from(call("1", 3, 6, ids("a")), "a3"), from(call("2", 4, 5, ids("a")), "a1")},
		}},

		{"the position follows", "", nil, History{
			Sent:      []Record{inShard("s", "1"), inShard("s", "2"), {ID: "3", Shard: "s", Unwanted: true}},
			Calls:     []Call{call("1", 1, 2, ids("1")), call("2", 2, 3, ids("2"))},
			Positions: []Position{{"s", "1", at(2)}, {"s", "3", at(3)}},
		}},
		{"the position is ahead", "position-behind", ids("2"), History{
			Sent:      []Record{inShard("s", "1"), inShard("s", "2")},
			Calls:     []Call{call("1", 1, 2, ids("1")), call("2", 2, 4, ids("2"))},
			Positions: []Position{{"s", "2", at(3)}},
		}},
		{"the position is that of another shard", "", nil, History{
			Sent:      []Record{inShard("s", "1"), inShard("t", "2")},
			Calls:     []Call{call("1", 1, 2, ids("2"))},
			Positions: []Position{{"t", "2", at(3)}},
		}},

		{"repeated after a failed delete", "", nil, History{
			Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 2, ids("a")), call("2", 8, 9, ids("a"))},
			Injected: []Injected{struck(SourceUndone, "delete a", 2, "a")},
		}},
		{"repeated after a kill", "", nil, History{
			Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 2, ids("a")), call("2", 8, 9, ids("a"))},
			Injected: []Injected{struck(EngineKill, "engine", 2)},
		}},
		{"repeated after a failed save of its shard", "", nil, History{
			Sent: []Record{inShard("s", "1")}, Calls: []Call{call("1", 1, 2, ids("1")), call("2", 8, 9, ids("1"))},
			Injected: []Injected{struck(StoreUndone, "save m s", 2)},
		}},
		{"repeated after a failed save of another shard", "repeats-explained", ids("1"), History{
			Sent: []Record{inShard("s", "1")}, Calls: []Call{call("1", 1, 2, ids("1")), call("2", 8, 9, ids("1"))},
			Injected: []Injected{struck(StoreUndone, "save m t", 2)},
		}},
		{"repeated since the settling came too late", "", nil, History{
			Sent: []Record{message("a")}, Received: []Receipt{{"a", "a1", at(1), at(3)}, {"a", "a5", at(5), at(9)}},
			Calls:   []Call{from(call("1", 1, 2, ids("a")), "a1"), from(call("2", 5, 6, ids("a")), "a5")},
			Settled: []Settlement{deleted("a", 3)},
		}},
		{"repeated while it was deleted, too late", "", nil, History{
			Sent: []Record{message("a")}, Received: []Receipt{{"a", "a1", at(1), at(3)}, {"a", "a3", at(3), at(9)}},
			Calls:   []Call{from(call("1", 1, 2, ids("a")), "a1"), from(call("2", 3, 6, ids("a")), "a3")},
			Settled: []Settlement{deleted("a", 3)},
		}},
		{"repeated since it was in hand for too long", "", nil, History{
			Sent: []Record{message("a")}, Received: []Receipt{{"a", "a1", at(1), at(3)}, {"a", "a4", at(4), at(19)}},
			Calls:   []Call{from(call("1", 4, 5, ids("a")), "a4"), from(call("2", 6, 7, ids("a")), "a1")},
			Settled: []Settlement{deleted("a", 5)},
		}},
		{"repeated without a reason", "repeats-explained", ids("a"), History{
			Sent: []Record{message("a")}, Received: []Receipt{{"a", "a1", at(1), at(7)}, {"a", "a8", at(8), at(19)}},
			Calls:   []Call{from(call("1", 1, 2, ids("a")), "a1"), from(call("2", 8, 9, ids("a")), "a8")},
			Settled: []Settlement{deleted("a", 3)},
		}},
		{"a fault of another record explains nothing", "repeats-explained", ids("a"), History{
			Sent: []Record{message("a")}, Calls: []Call{call("1", 1, 2, ids("a")), call("2", 8, 9, ids("a"))},
			Injected: []Injected{struck(SourceUndone, "delete b", 2, "b")},
		}},

		{"caps are reached", "", nil, History{
			Limits: Limits{Concurrency: 2, Batch: 2},
			Calls:  []Call{call("1", 1, 3, ids("a", "b")), call("2", 2, 4, ids("c")), call("3", 3, 5, ids("d"))},
		}},
		{"concurrency is exceeded", "caps-kept", ids("3"), History{
			Limits: Limits{Concurrency: 2},
			Calls:  []Call{call("1", 1, 3, ids("a")), call("2", 2, 4, ids("c")), call("3", 2, 5, ids("d"))},
		}},
		{"a batch is too large", "caps-kept", ids("1"), History{
			Limits: Limits{Batch: 2}, Calls: []Call{call("1", 1, 3, ids("a", "b", "c"))},
		}},

		{"tries up to the limit", "", nil, History{
			Limits: Limits{Tries: 2}, Calls: []Call{call("1", 1, 2, nil, "a"), call("1", 2, 3, nil, "a")},
		}},
		{"a try too many", "tries-limited", ids("1"), History{
			Limits: Limits{Tries: 2}, Calls: []Call{call("1", 1, 2, nil, "a"), call("1", 2, 3, nil, "a"), call("1", 4, 5, nil, "a")},
		}},
		{"a throttle is no try", "", nil, History{
			Limits: Limits{Tries: 1}, Calls: []Call{{ID: "1", Began: at(1), Ended: at(1), Records: ids("a")}, call("1", 2, 3, ids("a"))},
		}},
		{"a try of an event that was not stored before a kill", "", nil, History{
			Limits: Limits{Tries: 1}, Calls: []Call{call("e", 1, 2, nil), call("e", 4, 5, nil)},
			Injected: []Injected{struck(EngineKill, "engine", 3)},
		}},
		{"a lost answer is no try", "", nil, History{
			Limits: Limits{Tries: 1}, Calls: []Call{{ID: "1", Began: at(1), Ended: at(1), Ran: true, Unknown: true, Records: ids("a")}, call("1", 2, 3, ids("a"))},
		}},
		{"a delivery too many", "tries-limited", ids("a"), History{
			Limits: Limits{Deliveries: 1}, Calls: []Call{call("1", 1, 2, nil, "a"), call("2", 2, 3, nil, "a")},
		}},
		{"a delivery that the source repeated", "", nil, History{
			Limits: Limits{Deliveries: 1}, Calls: []Call{call("1", 1, 2, nil, "a"), call("2", 2, 3, nil, "a")},
			Injected: []Injected{struck(SourceRepeats, "a", 2, "a")},
		}},

		{"given up and told", "", nil, History{
			Complete: true, Sent: []Record{inShard("s", "1")}, GivenUp: []GivenUp{{"s", ids("1"), at(1)}},
			Told: []Told{{ID: "n", Records: ids("1"), At: at(2)}, {ID: "n", Records: ids("1"), At: at(3)}},
		}},
		{"given up and held", "", nil, History{
			Complete: true, Sent: []Record{inShard("s", "1")}, GivenUp: []GivenUp{{"s", ids("1"), at(1)}},
			Told: []Told{{ID: "n", Records: ids("1"), Held: true}},
		}},
		{"given up and not told", "given-up-told", ids("1"), History{
			Complete: true, Sent: []Record{inShard("s", "1")}, GivenUp: []GivenUp{{"s", ids("1"), at(1)}},
		}},
		{"given up and told by two notices", "given-up-told", ids("1"), History{
			Complete: true, Sent: []Record{inShard("s", "1")}, GivenUp: []GivenUp{{"s", ids("1"), at(1)}},
			Told: []Told{{ID: "n", Records: ids("1")}, {ID: "m", Records: ids("1")}},
		}},
		{"given up and told by two notices, with a failed save between them", "", nil, History{
			Complete: true, Sent: []Record{inShard("s", "1")}, GivenUp: []GivenUp{{"s", ids("1"), at(1)}},
			Told:     []Told{{ID: "n", Records: ids("1"), At: at(1)}, {ID: "m", Records: ids("1"), At: at(3)}},
			Injected: []Injected{struck(StoreConflicts, "save m s", 2)},
		}},
		{"told and not given up", "given-up-told", ids("1"), History{
			Complete: true, Sent: []Record{inShard("s", "1")}, Calls: []Call{call("1", 1, 2, ids("1"))},
			Told: []Told{{ID: "n", Records: ids("1")}},
		}},

		{"an event ends", "", nil, History{Complete: true, Accepted: []Mark{{"e", at(1)}}, Ended: []End{{"e", 0, at(2)}}}},
		{"an event never ends", "events-end-once", ids("e"), History{Complete: true, Accepted: []Mark{{"e", at(1)}}}},
		{"an event ends twice", "events-end-once", ids("e"), History{
			Accepted: []Mark{{"e", at(1)}}, Ended: []End{{"e", 0, at(2)}, {"e", 0, at(3)}},
		}},
		{"an event ends in a killed engine, and its notice is sent later", "", nil, History{
			Complete: true, Accepted: []Mark{{"e", at(1)}}, Told: []Told{{ID: "n", Event: "e"}},
		}},
		{"an event ends that was stored although its caller got an error", "", nil, History{
			Ended: []End{{"e", 0, at(2)}}, Injected: []Injected{struck(StoreDone, "add e", 1)},
		}},
		{"an event owes a notice that is told twice under one ID", "", nil, History{
			Complete: true, Accepted: []Mark{{"e", at(1)}}, Ended: []End{{"e", 1, at(2)}}, Told: []Told{{ID: "n", Event: "e"}, {ID: "n", Event: "e"}},
		}},
		{"an event owes a notice that is not told", "given-up-told", ids("e"), History{
			Complete: true, Accepted: []Mark{{"e", at(1)}}, Ended: []End{{"e", 1, at(2)}},
		}},
		{"an event has a notice too many", "given-up-told", ids("e"), History{
			Accepted: []Mark{{"e", at(1)}}, Ended: []End{{"e", 1, at(2)}}, Told: []Told{{ID: "n", Event: "e"}, {ID: "m", Event: "e"}},
		}},
		{"an unknown event ends", "events-end-once", ids("e"), History{Ended: []End{{"e", 0, at(2)}}}},

		{"a run keeps its records", "", nil, History{Calls: []Call{call("1", 1, 2, nil, "a", "b"), call("1", 3, 4, ids("a", "b"))}}},
		{"a run changes its records", "run-ids-kept", ids("1"), History{
			Calls: []Call{call("1", 1, 2, nil, "a", "b"), call("1", 3, 4, ids("a"))},
		}},

		{"a permit is held", "nothing-held", nil, History{Held: []string{"1 permit"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Check(c.h)
			var want []string
			if c.broken != "" {
				want = []string{c.broken}
			}
			if got := v.Broken(); !slices.Equal(got, want) {
				t.Errorf("broken: %q, want %q\n%+v", got, want, v)
			}
			if got := v.Records(); !slices.Equal(got, c.records) {
				t.Errorf("records %q, want %q", got, c.records)
			}
		})
	}
}

func TestVerdictNamesEveryInvariant(t *testing.T) {
	v := Check(History{})
	if len(v) != len(Invariants) {
		t.Fatalf("%d findings, want %d", len(v), len(Invariants))
	}
	for i, inv := range Invariants {
		if v[i].Invariant != inv.Name || inv.Meaning == "" || !v[i].Held() {
			t.Errorf("finding %+v of %q", v[i], inv.Name)
		}
	}
}

// A record that was given up has settled when a notice tells so: what could not be saved before that is done again.
func TestUnsettled(t *testing.T) {
	h := History{Sent: []Record{{ID: "1", Shard: "s"}, {ID: "2", Shard: "s"}, {ID: "3", Shard: "s"}, {ID: "4", Shard: "s"}, {ID: "5", Shard: "s", Unwanted: true}}}
	h.Calls = []Call{{Shard: "s", Records: []string{"1", "2"}, Ran: true, Succeeded: []string{"1"}}}
	h.GivenUp = []GivenUp{{Shard: "s", Records: []string{"2", "3"}}}
	h.Told = []Told{{ID: "n", Shard: "s", Records: []string{"3"}}}
	if got, want := Unsettled(h), []string{"2", "4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
