package checkpointtest_test

import (
	"errors"
	"testing"

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
