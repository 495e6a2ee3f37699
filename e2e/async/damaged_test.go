package async_test

import (
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm/e2e/rig"
)

// A damaged event holds up its function until it is dropped. Then the function's other events go on, without a restart.
func TestDamagedEventIsDropped(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f, g := e.Function("f", rig.Fail), e.Function("g", rig.Succeed)
	engine := e.Run(asOnAWS, f, g)
	engine.Send("f", `"damage me"`)
	rig.Eventually(t, "the event has failed once", func() bool {
		events := listEvents(t, engine)
		return len(events) == 1 && events[0].Tries == 1
	})
	engine.Stop()
	damageEvents(t, filepath.Join(e.DataDir(), "events.db"), "damage me", "DAMAGED !")
	f.Handle(rig.Succeed)
	engine = e.Run(asOnAWS, f, g)
	events := listEvents(t, engine, "--function", "f")
	if len(events) != 1 || !strings.HasPrefix(events[0].RequestID, "damaged-") || events[0].FunctionName != "f" ||
		!strings.Contains(events[0].LastError, "is damaged") {
		t.Fatalf("%+v wait, want the damaged one", events)
	}
	changeEvents(t, engine, "1 retried", "retry", events[0].RequestID)
	engine.WaitLog("is damaged, and the events of f wait until it is dropped")
	second := engine.Send("f", "2")
	engine.Send("g", "3")
	rig.Eventually(t, "another function's event has ended", func() bool { return engine.Metric("esm_async_events_succeeded_total") == 1 })
	if calls := f.Calls(); len(calls) > 0 {
		t.Errorf("tries %+v before the damaged event is dropped", calls)
	}
	if table, _, _ := rig.Run(t, "events", "list", "--listen", engine.Listen); !strings.Contains(table, "never: drop it") {
		t.Errorf("esm events list prints\n%s", table)
	}
	changeEvents(t, engine, "1 dropped", "drop", events[0].RequestID)
	rig.Eventually(t, "the next event has ended", func() bool { return engine.Metric("esm_async_events_succeeded_total") == 2 })
	if calls := f.Calls(); len(calls) != 1 || calls[0].RequestID != second {
		t.Errorf("tries %+v, want one, of %s", calls, second)
	}
	if left := listEvents(t, engine); len(left) > 0 {
		t.Errorf("%+v wait", left)
	}
}

// damageEvents replaces a text in the stored events of an engine that does not run.
func damageEvents(t *testing.T, path, text, by string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("events"))
		changed := map[string]string{}
		err := b.ForEach(func(key, value []byte) error {
			changed[string(key)] = strings.Replace(string(value), text, by, 1)
			return nil
		})
		for key, value := range changed {
			if err == nil {
				err = b.Put([]byte(key), []byte(value))
			}
		}
		return err
	})
	if closed := db.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
}
