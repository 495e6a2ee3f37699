package checkpoint

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A change for which nobody waits is held back, until its time has come or a change comes for which somebody does. Those share
// a commit.
func TestPatientChangesAreHeldBack(t *testing.T) {
	for name, c := range map[string]struct {
		urgentAfter time.Duration // zero means none comes
		patientTook time.Duration
	}{
		"no other change":        {0, patience},
		"an urgent change":       {3 * time.Millisecond, 3 * time.Millisecond},
		"an urgent change later": {patience + time.Millisecond, patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, began := openHere(t).file, time.Now()
				var patient, urgent struct {
					tx   int
					made time.Duration
				}
				var all sync.WaitGroup
				all.Go(func() {
					err := f.patientChange(t.Context(), func(tx *bolt.Tx) error { patient.tx = tx.ID(); return nil })
					if patient.made = time.Since(began); err != nil {
						t.Error(err)
					}
				})
				if c.urgentAfter > 0 {
					time.Sleep(c.urgentAfter)
					err := f.change(t.Context(), func(tx *bolt.Tx) error { urgent.tx = tx.ID(); return nil })
					if urgent.made = time.Since(began); err != nil {
						t.Error(err)
					}
				}
				all.Wait()
				if patient.made != c.patientTook || urgent.made != c.urgentAfter {
					t.Errorf("the patient change is made after %v, the urgent one after %v, want %v and %v",
						patient.made, urgent.made, c.patientTook, c.urgentAfter)
				}
				if share := c.urgentAfter == c.patientTook; (patient.tx == urgent.tx) != share {
					t.Errorf("transactions %d and %d: they share one: want %v", patient.tx, urgent.tx, share)
				}
			})
		})
	}
}
