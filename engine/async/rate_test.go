package async

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

// slowStore is a store on a disk that needs a time for each commit. Changes that arrive meanwhile share the next.
type slowStore struct {
	*checkpointtest.MemoryEvents
	took time.Duration // by a commit

	mu   sync.Mutex
	next time.Time // when the last commit begins or began
}

// commit returns when a change that has arrived now is durable.
func (s *slowStore) commit() {
	s.mu.Lock()
	now := time.Now()
	switch {
	case !now.Before(s.next.Add(s.took)):
		s.next = now
	case !now.Before(s.next): // it is in progress
		s.next = s.next.Add(s.took)
	}
	durable := s.next.Add(s.took)
	s.mu.Unlock()
	time.Sleep(time.Until(durable))
}

// Take implements [esm.Events].
func (s *slowStore) Take(ctx context.Context, function string, now time.Time, max int) ([]esm.Event, time.Time, error) {
	taken, next, err := s.MemoryEvents.Take(ctx, function, now, max)
	if len(taken) > 0 {
		s.commit()
	}
	return taken, next, err
}

// Finish implements [esm.Events].
func (s *slowStore) Finish(ctx context.Context, place uint64, owed ...esm.OwedNotice) error {
	s.commit()
	return s.MemoryEvents.Finish(ctx, place, owed...)
}

// A disk whose commits take 20 ms does not make 10,000 waiting events take a third longer than their invocations alone, which
// are done in a second.
func TestDispatchOnASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{MemoryEvents: &checkpointtest.MemoryEvents{}, took: 20 * time.Millisecond}
		for range benchEvents {
			now := time.Now()
			if _, err := store.Add(t.Context(), esm.Event{Function: "f", Payload: json.RawMessage("1"), Accepted: now, Due: now}); err != nil {
				t.Fatal(err)
			}
		}
		if took := drain(t, store, benchInvoker(work(10*time.Millisecond), 100)); took > 1300*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}
