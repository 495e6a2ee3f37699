package chaostest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is a deliberate defect of the engine.
type mutant struct {
	name      string
	file      string // below the module's root
	old, new  string // old occurs once
	test      string // the simulation that must fail
	invariant string // that it must break
}

var mutants = []mutant{
	{
		name: "the failure list is ignored", file: "engine/policy/queue.go",
		old: "return split(recs, o.Failed)", new: "return Disposal{Delete: recs}",
		test: "TestQueue", invariant: "nothing-lost",
	}, {
		name: "an unknown outcome is believed", file: "engine/policy/outcome.go",
		old: "return failed(trace.ReasonOutcomeUnknown, err.Error())", new: "return Outcome{Verdict: trace.Done}",
		test: "TestQueue", invariant: "nothing-lost",
	}, {
		name: "messages are deleted before the effect", file: "engine/queue/delivery.go",
		old: "	call := esm.Call{", new: "	p.remove(work, recs, false)\n	call := esm.Call{",
		test: "TestQueue", invariant: "nothing-lost",
	}, {
		name: "a filtered record is not settled", file: "engine/queue/batch.go",
		old: "		p.remove(work, unwanted, true)\n", new: "",
		test: "TestQueue", invariant: "nothing-lost",
	}, {
		name: "a message overtakes an earlier one of its group", file: "engine/queue/delivery.go",
		old:  "	p.leave(end.Left, outcome.Reason, nil)\n	p.unblock(left)\n",
		new:  "	p.leave(end.Left, outcome.Reason, nil)\n	_ = left\n",
		test: "TestQueue", invariant: "order-kept",
	}, {
		name: "a batch is handled twice", file: "engine/queue/delivery.go",
		old: "		if outcome.Verdict == trace.NotRun {\n", new: "		if tries == 1 && outcome.Verdict == trace.Done {\n			continue\n		}\n		if outcome.Verdict == trace.NotRun {\n",
		test: "TestQueue", invariant: "repeats-explained",
	}, {
		name: "retired pollers do not count", file: "engine/queue/set.go",
		old: " && int(s.running.Load()) < target", new: "",
		test: "TestQueue", invariant: "caps-kept",
	}, {
		name: "a failed batch is tried again in place", file: "engine/policy/queue.go",
		old: "	case trace.NotRun:\n		if wait", new: "	case trace.NotRun, trace.Failed:\n		if wait",
		test: "TestQueue", invariant: "tries-limited",
	}, {
		name: "invocations share an ID", file: "engine/queue/delivery.go",
		old: "ID: uuid.NewString()", new: "ID: uuid.Nil.String()",
		test: "TestQueue", invariant: "run-ids-kept",
	}, {
		name: "a permit is leaked", file: "engine/queue/poller.go",
		old: "		p.slot.Release()\n", new: "		if len(p.overflow) == 0 {\n			p.slot.Release()\n		}\n",
		test: "TestQueue", invariant: "nothing-held",
	}, {
		name: "a position is saved before the effect", file: "engine/stream/try.go",
		old:  "	step, state = l.invoke(work, slot, run, event)\n",
		new:  "	change, _ := l.ledger.note(l.n, run.Records, l.left[1:], l.window)\n	_ = l.ledger.save(work, change)\n	step, state = l.invoke(work, slot, run, event)\n",
		test: "TestStream", invariant: "position-behind",
	}, {
		name: "the failure list of a stream is ignored", file: "engine/policy/stream.go",
		old: "return Step{Settled: r.Records[:i:i], Next: []Run{{Records: r.Records[i:]}}}", new: "return Step{Settled: r.Records}",
		test: "TestStream", invariant: "nothing-lost",
	}, {
		name: "the retry count is lost on restart", file: "engine/policy/watermark.go",
		old: "Records: recs, Tries: o.Tries, Response", new: "Records: recs, Response",
		test: "TestStream", invariant: "tries-limited",
	}, {
		name: "two lanes are swapped", file: "engine/stream/ledger.go",
		old: "policy.Lane(r.Group, l.lanes)", new: "policy.Lane(r.ID, l.lanes)",
		test: "TestStream", invariant: "order-kept",
	}, {
		name: "a notice is skipped", file: "engine/stream/run.go",
		old: "	if f.Destination == nil {\n", new: "	if f.Destination == nil || len(step.Dropped) == 1 {\n",
		test: "TestStream", invariant: "given-up-told",
	}, {
		name: "a child shard is begun early", file: "engine/policy/shards.go",
		old: "			free = false\n", new: "",
		test: "TestStream", invariant: "order-kept",
	}, {
		name: "a permit of a stream is leaked", file: "engine/stream/try.go",
		old: "		defer slot.Release()\n", new: "		if len(run.Records) > 1 {\n			defer slot.Release()\n		}\n",
		test: "TestStream", invariant: "nothing-held",
	}, {
		name: "an event is deleted before its outbox is written", file: "engine/async/save.go",
		old: "d.feed.Events.Finish(work, e.Place, owed...)", new: "d.feed.Events.Finish(work, e.Place)",
		test: "TestAsync", invariant: "given-up-told",
	}, {
		name: "tries of an event are not counted", file: "engine/policy/async.go",
		old: "e.Tries+1, 0, 0", new: "e.Tries, 0, 0",
		test: "TestAsync", invariant: "tries-limited",
	}, {
		name: "an event is accepted and not stored", file: "engine/async/accept.go",
		old: "	_, err := f.Events.Add(ctx, e)\n", new: "	var err error\n	if now.UnixNano()%2 == 0 {\n		_, err = f.Events.Add(ctx, e)\n	}\n",
		test: "TestAsync", invariant: "events-end-once",
	},
}

// TestMutants builds the simulations with one defect each, and checks that they find it by the name of its invariant within
// a thousand seeds. It needs -chaos.mutants.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		if !*mutate { // only check that it can still be applied
			m.overlay(t, t.TempDir())
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			out, err := m.run(t)
			if err == nil {
				t.Fatalf("no seed of a thousand breaks %s", m.invariant)
			}
			for line := range strings.Lines(out) {
				if fields := strings.Fields(line); len(fields) > 1 && fields[0] == m.invariant && fields[1] == "BROKEN" {
					return
				}
			}
			t.Errorf("%s is not broken:\n%.3000s", m.invariant, out)
		})
	}
}

// run runs the simulation with the mutant, and returns its output.
func (m mutant) run(t *testing.T) (string, error) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-overlay", m.overlay(t, dir), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mutant does not compile: %v\n%s", err, out)
	}
	out, err := exec.Command(binary, "-test.run", "^"+m.test+"$", "-chaos.seeds", "1000").CombinedOutput()
	return string(out), err
}

// overlay writes the mutated file and the description of the overlay, and returns the latter's path.
func (m mutant) overlay(t *testing.T, dir string) string {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("../..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s has %d times %q, want once: the mutant must follow the engine", m.file, n, m.old)
	}
	mutated, list := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	write(t, mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)))
	description, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, list, description)
	return list
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
