package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

// Events is an [esm.Events] whose writes fail. Its fields are set before its first use.
type Events struct {
	esm.Events
	Faults *Injector
}

var _ esm.Events = (*Events)(nil)

// Add implements [esm.Events].
func (s *Events) Add(ctx context.Context, e esm.Event) (added esm.Event, err error) {
	err = s.Faults.write(ctx, "add "+e.ID, func() (err error) {
		added, err = s.Events.Add(ctx, e)
		return err
	})
	if err != nil {
		return esm.Event{}, err
	}
	return added, nil
}

// Take implements [esm.Events]. A failed call has taken nothing: what a lost answer had taken would wait for the next start,
// as after a crash.
func (s *Events) Take(ctx context.Context, function string, now time.Time, max int) (taken []esm.Event, next time.Time, err error) {
	fault, dice := s.Faults.first([]Fault{StoreSlow, StoreFull, StoreUndone}, "take "+function, nil)
	switch fault {
	case StoreSlow:
		if err := sleep(ctx, between(dice, slowest/8, slowest)); err != nil {
			return nil, time.Time{}, err
		}
	case StoreFull, StoreUndone:
		return nil, time.Time{}, failure(fault)
	}
	return s.Events.Take(ctx, function, now, max)
}

// Return implements [esm.Events].
func (s *Events) Return(ctx context.Context, events ...esm.Event) error {
	target := "return"
	if len(events) > 0 {
		target += " " + events[0].ID
	}
	return s.Faults.write(ctx, target, func() error { return s.Events.Return(ctx, events...) })
}

// Finish implements [esm.Events].
func (s *Events) Finish(ctx context.Context, place uint64, owed ...esm.OwedNotice) error {
	return s.Faults.write(ctx, fmt.Sprint("finish ", place), func() error { return s.Events.Finish(ctx, place, owed...) })
}

// Settle implements [esm.Events].
func (s *Events) Settle(ctx context.Context, ids ...string) error {
	return s.Faults.write(ctx, "settle", func() error { return s.Events.Settle(ctx, ids...) })
}
