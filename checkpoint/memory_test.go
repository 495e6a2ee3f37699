package checkpoint_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	checkpointtest.Run(t, func(*testing.T) checkpointtest.Fixture {
		m := &checkpoint.Memory{}
		return checkpointtest.Fixture{Store: m, Restart: func() esm.Checkpoints { m = m.Reopen(); return m }}
	})
}

func TestMemoryUndelivered(t *testing.T) {
	checkpointtest.RunUndelivered(t, func(*testing.T) (checkpointtest.Notices, func() checkpointtest.Notices) {
		m := &checkpoint.Memory{}
		return m, func() checkpointtest.Notices { m = m.Reopen(); return m }
	})
}

func TestMemoryDocuments(t *testing.T) {
	checkpointtest.RunDocuments(t, func(*testing.T) (checkpointtest.Documents, func() checkpointtest.Documents) {
		m := &checkpoint.Memory{}
		return m, func() checkpointtest.Documents { m = m.Reopen(); return m }
	})
}

func TestMemoryFaults(t *testing.T) {
	fault := errors.New("fault")
	k := esm.Key{Mapping: "m", Shard: "s"}
	for name, test := range map[string]struct {
		faults checkpoint.Faults
		want   int // checkpoints after the first save
	}{
		"undone": {checkpoint.InTurn(checkpoint.Undone(fault)), 0},
		"done":   {checkpoint.InTurn(checkpoint.Done(fault)), 1},
		"never":  {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := &checkpoint.Memory{SaveFaults: test.faults}
			if _, err := m.Save(t.Context(), k, esm.Checkpoint{}); errors.Is(err, fault) != (test.faults != nil) {
				t.Errorf("save: %v", err)
			}
			after := m.Reopen()
			all, err := after.All(t.Context(), "m")
			if err != nil || len(all) != test.want {
				t.Fatalf("%d checkpoints (%v), want %d", len(all), err, test.want)
			}
			if _, err := m.Save(t.Context(), k, all["s"]); err != nil {
				t.Errorf("the second save: %v", err)
			}
			if now, _ := after.All(t.Context(), "m"); len(now) != test.want || now["s"].Version != all["s"].Version {
				t.Errorf("a save before the restart reached the store behind it: %+v", now)
			}
		})
	}
}

func TestMemoryFaultsOfTheOtherCalls(t *testing.T) {
	fault := errors.New("fault")
	always := checkpoint.Always(checkpoint.Done(fault))
	m := &checkpoint.Memory{AllFaults: always, ForgetFaults: always, KeepFaults: always, DocumentsFaults: always, WriteFaults: always}
	k := esm.Key{Mapping: "m", Shard: "s"}
	if _, err := m.Save(t.Context(), k, esm.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	_, all := m.All(t.Context(), "m")
	_, read := m.Documents(t.Context(), "k")
	for name, err := range map[string]error{
		"all":    all,
		"forget": m.Forget(t.Context(), k),
		"keep":   m.Keep(t.Context(), esm.Notice{ID: "n"}, "", ""),
		"drop":   m.Drop(t.Context(), "nobody"),
		"read":   read,
		"write":  m.Write(t.Context(), "k", map[string][]byte{"a": []byte("1")}),
	} {
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	after := m.Reopen()
	if all, err := after.All(t.Context(), "m"); err != nil || len(all) != 0 {
		t.Errorf("forget, done: %d are left (%v)", len(all), err)
	}
	for u, err := range after.Undelivered(t.Context()) {
		if err != nil || u.Notice.ID != "n" {
			t.Errorf("keep, done: %+v, %v", u, err)
		}
	}
	if all, err := after.Documents(t.Context(), "k"); err != nil || len(all) != 1 {
		t.Errorf("write, done: %d are there (%v)", len(all), err)
	}
}

func TestInABubble(t *testing.T) {
	outside := open(t, path(t))
	synctest.Test(t, func(t *testing.T) {
		inside := open(t, path(t))
		for _, store := range []esm.Checkpoints{&checkpoint.Memory{}, inside, outside} {
			cp, err := store.Save(t.Context(), esm.Key{Mapping: "m", Shard: "s"}, esm.Checkpoint{})
			if err != nil || cp.Version == 0 {
				t.Errorf("save: %+v, %v", cp, err)
			}
		}
	})
	if _, err := outside.Save(t.Context(), esm.Key{Mapping: "m", Shard: "another"}, esm.Checkpoint{}); err != nil {
		t.Errorf("save after the bubble: %v", err)
	}
}
