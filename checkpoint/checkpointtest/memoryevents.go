package checkpointtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// MemoryEvents is an [esm.Events] in memory whose calls can be made to fail. The zero MemoryEvents is empty and ready to
// use.
type MemoryEvents struct {
	// Each decides which calls of one method fail. Nil lets all of them succeed. An iteration is one call.
	AddFaults, BacklogsFaults, TakeFaults, ReturnFaults, FinishFaults, RecoverFaults Faults
	ListFaults, RemoveFaults, HastenFaults, OwedFaults, SettleFaults                 Faults

	calls  calls  // their lock protects what follows
	place  uint64 // the last one used
	events []held // in the order of their places
	owed   []esm.OwedNotice
}

// held is an event, and whether it is taken.
type held struct {
	esm.Event
	taken bool
}

// function returns the name without a qualifier.
func (h held) function() string {
	name, _ := config.SplitQualifier(h.Function)
	return name
}

var _ esm.Events = (*MemoryEvents)(nil)

// Reopen simulates a restart: it returns a copy of what m stores, without faults. Calls in progress on m do not affect
// the copy.
func (m *MemoryEvents) Reopen() *MemoryEvents {
	m.calls.mu.Lock()
	defer m.calls.mu.Unlock()
	return &MemoryEvents{place: m.place, events: slices.Clone(m.events), owed: slices.Clone(m.owed)}
}

// Add implements [esm.Events].
func (m *MemoryEvents) Add(ctx context.Context, e esm.Event) (esm.Event, error) {
	err := m.calls.run(ctx, "Add", m.AddFaults, func() error {
		if len(e.Function) > maxName {
			return errName
		}
		m.place++
		e.Place = m.place
		m.events = append(m.events, held{Event: cloneEvent(e)})
		return nil
	})
	if err != nil {
		return esm.Event{}, err
	}
	return e, nil
}

// Backlogs implements [esm.Events].
func (m *MemoryEvents) Backlogs(ctx context.Context) (all []esm.Backlog, err error) {
	err = m.calls.run(ctx, "Backlogs", m.BacklogsFaults, func() error {
		for _, h := range m.events {
			i, found := slices.BinarySearchFunc(all, h.function(), func(b esm.Backlog, name string) int {
				return cmp.Compare(b.Function, name)
			})
			if !found {
				all = slices.Insert(all, i, esm.Backlog{Function: h.function(), Oldest: h.Accepted})
			}
			switch b := &all[i]; {
			case h.taken:
				b.Taken++
			case b.Waiting == 0 || h.Due.Before(b.Next):
				b.Next = h.Due
				fallthrough
			default:
				b.Waiting++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Take implements [esm.Events].
func (m *MemoryEvents) Take(ctx context.Context, function string, now time.Time, max int) (taken []esm.Event, next time.Time, err error) {
	err = m.calls.run(ctx, "Take", m.TakeFaults, func() error {
		waiting := m.waiting(func(h *held) bool { return h.function() == function })
		slices.SortStableFunc(waiting, func(a, b *held) int { return a.Due.Compare(b.Due) })
		size := 0
		for _, h := range waiting {
			if size += len(h.Payload); h.Last != nil {
				size += len(h.Last.Payload)
			}
			if h.Due.After(now) || len(taken) >= max || len(taken) > 0 && size > esm.MaxEvent {
				break
			}
			h.taken = true
			taken = append(taken, cloneEvent(h.Event))
		}
		if len(taken) == 0 && len(waiting) > 0 {
			next = waiting[0].Due
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return taken, next, nil
}

// Return implements [esm.Events].
func (m *MemoryEvents) Return(ctx context.Context, events ...esm.Event) error {
	return m.calls.run(ctx, "Return", m.ReturnFaults, func() error {
		for _, e := range events {
			if i, found := m.find(e.Place); found && m.events[i].taken {
				m.events[i] = held{Event: cloneEvent(e)}
			}
		}
		return nil
	})
}

// Finish implements [esm.Events].
func (m *MemoryEvents) Finish(ctx context.Context, place uint64, owed ...esm.OwedNotice) error {
	return m.calls.run(ctx, "Finish", m.FinishFaults, func() error {
		i, found := m.find(place)
		if !found || !m.events[i].taken {
			return nil
		}
		all := slices.Clone(m.owed)
		for _, o := range owed {
			if o.Notice.ID == "" || len(o.Notice.ID) > maxName {
				return errName
			}
			if slices.ContainsFunc(all, func(other esm.OwedNotice) bool { return other.Notice.ID == o.Notice.ID }) {
				return fmt.Errorf("checkpointtest: a notice %q is owed already", o.Notice.ID)
			}
			all = append(all, cloneOwed(o))
		}
		m.owed = all
		m.events = slices.Delete(m.events, i, i+1)
		return nil
	})
}

// Recover implements [esm.Events].
func (m *MemoryEvents) Recover(ctx context.Context, now time.Time) error {
	return m.calls.run(ctx, "Recover", m.RecoverFaults, func() error {
		for i := range m.events {
			if h := &m.events[i]; h.taken {
				h.taken, h.Due = false, stored(now)
				h.Crashes++
			}
		}
		return nil
	})
}

// List implements [esm.Events]. It iterates over the events that wait when the iteration begins.
func (m *MemoryEvents) List(ctx context.Context, function string) iter.Seq2[esm.Event, error] {
	return iterate(func() (all []esm.Event, err error) {
		err = m.calls.run(ctx, "List", m.ListFaults, func() error {
			for _, h := range m.waiting(func(h *held) bool { return function == "" || h.function() == function }) {
				all = append(all, cloneEvent(h.Event))
			}
			return nil
		})
		return all, err
	})
}

// Remove implements [esm.Events].
func (m *MemoryEvents) Remove(ctx context.Context, places ...uint64) (removed int, err error) {
	err = m.calls.run(ctx, "Remove", m.RemoveFaults, func() error {
		before := len(m.events)
		m.events = slices.DeleteFunc(m.events, func(h held) bool { return !h.taken && slices.Contains(places, h.Place) })
		removed = before - len(m.events)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// Hasten implements [esm.Events].
func (m *MemoryEvents) Hasten(ctx context.Context, now time.Time, places ...uint64) (hastened int, err error) {
	err = m.calls.run(ctx, "Hasten", m.HastenFaults, func() error {
		for _, h := range m.waiting(func(h *held) bool { return slices.Contains(places, h.Place) }) {
			h.Due = stored(now)
			hastened++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return hastened, nil
}

// Owed implements [esm.Events]. It iterates over the notices that are owed when the iteration begins.
func (m *MemoryEvents) Owed(ctx context.Context) iter.Seq2[esm.OwedNotice, error] {
	return iterate(func() (all []esm.OwedNotice, err error) {
		err = m.calls.run(ctx, "Owed", m.OwedFaults, func() error {
			for _, o := range m.owed {
				all = append(all, cloneOwed(o))
			}
			return nil
		})
		return all, err
	})
}

// Settle implements [esm.Events].
func (m *MemoryEvents) Settle(ctx context.Context, ids ...string) error {
	return m.calls.run(ctx, "Settle", m.SettleFaults, func() error {
		m.owed = slices.DeleteFunc(m.owed, func(o esm.OwedNotice) bool { return slices.Contains(ids, o.Notice.ID) })
		return nil
	})
}

// Close implements [esm.Events]. A MemoryEvents can be used after it.
func (m *MemoryEvents) Close() error { return nil }

// find returns the index of the event at a place.
func (m *MemoryEvents) find(place uint64) (i int, found bool) {
	return slices.BinarySearchFunc(m.events, place, func(h held, place uint64) int { return cmp.Compare(h.Place, place) })
}

// waiting returns the events that wait and are wanted, in the order of acceptance.
func (m *MemoryEvents) waiting(wanted func(*held) bool) (all []*held) {
	for i := range m.events {
		if h := &m.events[i]; !h.taken && wanted(h) {
			all = append(all, h)
		}
	}
	return all
}

// iterate yields what read returns, or its error.
func iterate[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all, err := read()
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, element := range all {
			if !yield(element, nil) {
				return
			}
		}
	}
}

// cloneEvent copies all that e points to.
func cloneEvent(e esm.Event) esm.Event {
	e.Accepted, e.Due = stored(e.Accepted), stored(e.Due)
	e.Payload = bytes.Clone(e.Payload)
	if e.Last = cloned(e.Last); e.Last != nil {
		e.Last.Payload = bytes.Clone(e.Last.Payload)
	}
	return e
}

// cloneOwed copies all that o points to.
func cloneOwed(o esm.OwedNotice) esm.OwedNotice {
	n := &o.Notice
	n.Time, n.Payload = stored(n.Time), bytes.Clone(n.Payload)
	n.Response, n.Stream, n.Event = cloned(n.Response), cloned(n.Stream), cloned(n.Event)
	if n.Stream != nil {
		n.Stream.Window = cloned(n.Stream.Window)
	}
	if n.Event != nil {
		n.Event.Response = bytes.Clone(n.Event.Response)
	}
	return o
}

// stored returns t as it is found after a restart: in UTC, and without a monotonic reading.
func stored(t time.Time) time.Time { return t.Round(0).UTC() }
