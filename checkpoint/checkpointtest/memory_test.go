package checkpointtest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	checkpointtest.Run(t, func(*testing.T) (esm.Store, func() esm.Store) {
		m := &checkpointtest.Memory{}
		return m, func() esm.Store { m = m.Reopen(); return m }
	})
}

func TestMemoryFaults(t *testing.T) {
	fault := errors.New("fault")
	m := &checkpointtest.Memory{SaveFaults: checkpointtest.InTurn(checkpointtest.Undone(fault), checkpointtest.Done(fault))}
	for saves, want := range []int{0, 1} { // checkpoints after each save
		if _, err := m.Save(t.Context(), esm.Key{}, esm.Checkpoint{}); !errors.Is(err, fault) {
			t.Errorf("save %d: %v", saves, err)
		}
		if all, err := m.Reopen().All(t.Context(), ""); err != nil || len(all) != want {
			t.Errorf("%d checkpoints after save %d (%v), want %d", len(all), saves, err, want)
		}
	}
	if _, err := m.Save(t.Context(), esm.Key{Shard: "s"}, esm.Checkpoint{}); err != nil {
		t.Errorf("the third save: %v", err)
	}
}

func TestMemoryEvents(t *testing.T) {
	checkpointtest.RunEvents(t, func(*testing.T) (esm.Events, func() esm.Events) {
		m := &checkpointtest.MemoryEvents{}
		return m, func() esm.Events { m = m.Reopen(); return m }
	})
}

// TestMemoryEventsFaults fails each method, undone and then done, and expects the effect of the second call alone.
func TestMemoryEventsFaults(t *testing.T) {
	fault := errors.New("fault")
	twice := checkpointtest.InTurn(checkpointtest.Undone(fault), checkpointtest.Done(fault))
	now := time.Now()
	for name, test := range map[string]struct {
		set  func(*checkpointtest.MemoryEvents)
		call func(m *checkpointtest.MemoryEvents, waits, taken esm.Event) error
		want esm.Backlog // of the second call
		owed int
	}{
		"add": {
			func(m *checkpointtest.MemoryEvents) { m.AddFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, _ esm.Event) error {
				_, err := m.Add(t.Context(), esm.Event{Function: "f"})
				return err
			}, esm.Backlog{Waiting: 2, Taken: 1}, 1,
		},
		"take": {
			func(m *checkpointtest.MemoryEvents) { m.TakeFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, _ esm.Event) error {
				_, _, err := m.Take(t.Context(), "f", now, 1)
				return err
			}, esm.Backlog{Taken: 2}, 1,
		},
		"return": {
			func(m *checkpointtest.MemoryEvents) { m.ReturnFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, taken esm.Event) error { return m.Return(t.Context(), taken) },
			esm.Backlog{Waiting: 2}, 1,
		},
		"finish": {
			func(m *checkpointtest.MemoryEvents) { m.FinishFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, taken esm.Event) error {
				return m.Finish(t.Context(), taken.Place, esm.OwedNotice{Notice: esm.Notice{ID: "b"}})
			}, esm.Backlog{Waiting: 1}, 2,
		},
		"recover": {
			func(m *checkpointtest.MemoryEvents) { m.RecoverFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, _ esm.Event) error { return m.Recover(t.Context(), now) },
			esm.Backlog{Waiting: 2}, 1,
		},
		"remove": {
			func(m *checkpointtest.MemoryEvents) { m.RemoveFaults = twice },
			func(m *checkpointtest.MemoryEvents, waits, _ esm.Event) error {
				_, err := m.Remove(t.Context(), waits.Place)
				return err
			}, esm.Backlog{Taken: 1}, 1,
		},
		"settle": {
			func(m *checkpointtest.MemoryEvents) { m.SettleFaults = twice },
			func(m *checkpointtest.MemoryEvents, _, _ esm.Event) error { return m.Settle(t.Context(), "a") },
			esm.Backlog{Waiting: 1, Taken: 1}, 0,
		},
	} {
		m := &checkpointtest.MemoryEvents{}
		ended, taken := addAndTake(t, m), addAndTake(t, m)
		if err := m.Finish(t.Context(), ended.Place, esm.OwedNotice{Notice: esm.Notice{ID: "a"}}); err != nil {
			t.Fatal(err)
		}
		waits, err := m.Add(t.Context(), esm.Event{Function: "f"})
		if err != nil {
			t.Fatal(err)
		}
		test.set(m)
		for call, want := range []struct {
			backlog esm.Backlog
			owed    int
		}{{esm.Backlog{Waiting: 1, Taken: 1}, 1}, {test.want, test.owed}} {
			if err := test.call(m, waits, taken); !errors.Is(err, fault) {
				t.Errorf("%s: call %d: %v", name, call, err)
			}
			all, err := m.Backlogs(t.Context())
			if err != nil || len(all) != 1 || all[0].Waiting != want.backlog.Waiting || all[0].Taken != want.backlog.Taken {
				t.Errorf("%s: after call %d: %+v (%v), want %+v", name, call, all, err, want.backlog)
			}
			owed := 0
			for range m.Owed(t.Context()) {
				owed++
			}
			if owed != want.owed {
				t.Errorf("%s: after call %d: %d are owed, want %d", name, call, owed, want.owed)
			}
		}
		if err := test.call(m, waits, taken); err != nil {
			t.Errorf("%s: the third call: %v", name, err)
		}
	}
}

func addAndTake(t *testing.T, m *checkpointtest.MemoryEvents) esm.Event {
	t.Helper()
	if _, err := m.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
		t.Fatal(err)
	}
	taken, _, err := m.Take(t.Context(), "f", time.Now(), 1)
	if err != nil || len(taken) != 1 {
		t.Fatalf("took %d (%v)", len(taken), err)
	}
	return taken[0]
}
