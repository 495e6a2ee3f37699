package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

// Destination is an [esm.Destination] that refuses notices or takes them twice, and records those that it took. Its fields
// are set before its first use.
type Destination struct {
	Destination esm.Destination
	Faults      *Injector
}

var _ esm.Destination = (*Destination)(nil)

// Send implements [esm.Destination].
func (d *Destination) Send(ctx context.Context, n esm.Notice) error {
	fault, _ := d.Faults.first([]Fault{DestinationRefuses, DestinationBusy, DestinationTwice}, "send "+subject(n), recordsOfNotice(n))
	switch fault {
	case DestinationRefuses:
		return fmt.Errorf("%w: %w", esm.ErrUndeliverable, ErrInjected)
	case DestinationBusy:
		return failure(fault)
	}
	if err := d.Destination.Send(ctx, n); err != nil {
		return err
	}
	d.Faults.recorder().told(n, false)
	if fault == DestinationTwice {
		return failure(fault)
	}
	return nil
}

// subject names what a notice is about, the same in every run of a seed: its ID is not.
func subject(n esm.Notice) string {
	if n.Stream != nil {
		return n.Stream.Shard + " " + n.Stream.First.SequenceNumber
	}
	return n.RequestID
}

// recordsOfNotice returns the records of a batch, and the ID of an event.
func recordsOfNotice(n esm.Notice) []string {
	if n.Stream == nil {
		return []string{n.RequestID}
	}
	return readBatch(n.Payload).ids
}

// told records that n reached its destination or is held.
func (r *Recorder) told(n esm.Notice, held bool) {
	t := Told{ID: n.ID, Held: held, At: time.Now()}
	if n.Stream != nil {
		t.Shard, t.Records = n.Stream.Shard, recordsOfNotice(n)
	} else {
		t.Event = n.RequestID
	}
	r.note(func(h *History) { h.Told = append(h.Told, t) })
}

// position records a durable position.
func (r *Recorder) position(shard, after string) {
	now := time.Now()
	r.note(func(h *History) { h.Positions = append(h.Positions, Position{shard, after, now}) })
}
