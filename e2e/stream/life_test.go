package stream_test

import (
	"slices"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// LATEST is decided when the mapping is enabled first, and holds also for an engine that is killed before it has settled
// anything.
func TestLatestIsFirstStart(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		const latest = "StartingPosition: LATEST"
		s, f := source("latest"), e.Function("f", rig.Succeed)
		s.Put("1")
		engine := e.Run(f.On(s.StreamARN(), latest, rig.Disabled))
		s.Put("2") // while it is disabled
		e.WaitPast(s.Stored()["2"])
		engine.Stop()
		e.Run(f.On(s.StreamARN(), latest)).Kill()
		s.Put("3") // while no engine runs
		engine = e.Run(f.On(s.StreamARN(), latest))
		f.Want(t, "3")
		s.Put("4")
		f.Want(t, "3", "4")
		engine.Stop()
		s.Put("5")
		e.Run(f.On(s.StreamARN(), latest))
		f.Want(t, "3", "4", "5")
	})
}

// Each mapping of a stream reads it by itself, and resumes where it was when it is enabled again.
func TestDisabledMappingResumes(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, a, b := source("disabled"), e.Function("a", rig.Succeed), e.Function("b", rig.Succeed)
		step := func(put string, key string, ofB ...string) {
			t.Helper()
			s.Put(put)
			engine := e.Run(a.On(s.StreamARN()), b.On(s.StreamARN(), key))
			a.WaitFor(t, put)
			b.Want(t, ofB...)
			engine.Stop()
		}
		step("1", rig.Disabled)
		step("2", "Enabled: true", "1", "2")
		step("3", rig.Disabled, "1", "2")
		step("4", "Enabled: true", "1", "2", "3", "4")
		a.Want(t, "1", "2", "3", "4")
	})
}

// A mapping whose function fails holds up no other mapping of its stream, and goes on at its own position once the
// function is well.
func TestMappingsHaveOwnPositions(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, good, bad := source("two"), e.Function("good", rig.Succeed), e.Function("bad", rig.Fail)
		mappings := []rig.Entry{good.On(s.StreamARN(), rig.BatchSize(5)), bad.On(s.StreamARN(), rig.BatchSize(5))}
		s.Put(rig.Numbers(20)...)
		engine := e.Run(mappings...)
		good.Want(t, rig.Numbers(20)...)
		rig.Eventually(t, "the other function has retried", func() bool { return len(bad.Calls()) > 2 })
		if bad.Has("6") {
			t.Errorf("the function that always fails was given %q", bad.Texts())
		}
		engine.Stop()
		bad.Handle(rig.Succeed)
		s.Put("21")
		engine = e.Run(mappings...)
		good.Want(t, rig.Numbers(21)...)
		bad.WaitFor(t, "21")
		engine.Stop()
		if got := bad.Texts(); !slices.Equal(got, rig.Numbers(21)) {
			t.Errorf("the function that is well again was given %q", got)
		}
	})
}

// The tries of a batch go on after a crash: the same records under the same request id, and no more tries than before.
func TestRetriesContinueAfterCrash(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s, dlq := source("tries"), e.Queue("tries", nil)
		s.Put("1", "2", "3", "4")
		f, gate := e.GatedFunction("f", rig.Succeed)
		f.Handle(rig.Script(rig.Report("2"), rig.Fail, rig.Fail, gate.Hold(rig.Fail)))
		mapping := f.On(s.StreamARN(), rig.Retries(5), rig.Reporting, rig.BatchSize(3), rig.OnFailure(dlq.ARN))
		engine := e.Run(mapping)
		rig.Receive(t, gate.Begun)
		engine.Kill()
		before := runsOf(t, f.Calls())
		f.Handle(rig.FailOn("2"))
		e.Run(mapping)
		f.WaitFor(t, "4")
		after := runsOf(t, f.Calls())
		if len(before) != 2 || before[0].String() != "1-3" || before[1].String() != "2-3 ×3" || len(after) != 2 || after[0].span != "2-3" || after[1].span != "4" {
			t.Fatalf("invocations %v and %v, want 1-3 and 2-3 again and again, then 4", before, after)
		}
		if n := before[1].times + after[0].times; n < 6 || n > 7 || after[0].id != before[1].id { // nobody knows whether the one that was cut short has run
			t.Errorf("%d tries under the ids %s and %s, want 6 under one", n, before[1].id, after[0].id)
		}
		rig.Notice{Records: "2-3", Tries: 6, Fault: "Unhandled"}.Check(t, dlq.TakeNotices(1)[0], s, f, after[0].id)
	})
}
