package chaos

import (
	"context"
	"errors"

	"github.com/esm-run/esm"
)

// Store is an [esm.Store] whose writes fail, and which records positions and held notices. Its fields are set before its
// first use.
type Store struct {
	esm.Store
	Faults *Injector
}

var _ esm.Store = (*Store)(nil)

// Save implements [esm.Checkpoints].
func (s *Store) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (saved esm.Checkpoint, err error) {
	target := "save " + k.Mapping + " " + k.Shard
	if _, hit := s.Faults.Strikes(StoreConflicts, target); hit {
		if err := s.interfere(ctx, k); err != nil {
			return esm.Checkpoint{}, err
		}
	}
	err = s.Faults.write(ctx, target, func() (err error) {
		saved, err = s.Store.Save(ctx, k, next)
		s.record(target, k, next, err)
		return err
	})
	if err != nil {
		return esm.Checkpoint{}, err
	}
	return saved, nil
}

// record records a durable position, or a conflict: that of a fault, or of an earlier save that was made although it failed.
func (s *Store) record(target string, k esm.Key, next esm.Checkpoint, err error) {
	switch {
	case errors.Is(err, esm.ErrConflict):
		s.Faults.recorder().Struck(StoreConflicts, target)
	case err == nil && k.Shard != "" && next.Position != "":
		s.Faults.recorder().position(k.Shard, next.Position)
	}
}

// interfere writes the checkpoint as another process would: it stays the same, with another version.
func (s *Store) interfere(ctx context.Context, k esm.Key) error {
	all, err := s.Store.All(ctx, k.Mapping)
	if err != nil {
		return err
	}
	stored, found := all[k.Shard]
	if !found {
		return nil
	}
	_, err = s.Store.Save(ctx, k, stored)
	return err
}

// Forget implements [esm.Checkpoints].
func (s *Store) Forget(ctx context.Context, keys ...esm.Key) error {
	if len(keys) == 0 {
		return s.Store.Forget(ctx)
	}
	return s.Faults.write(ctx, "forget "+keys[0].Mapping+" "+keys[0].Shard, func() error { return s.Store.Forget(ctx, keys...) })
}

// Keep implements [esm.Undelivered].
func (s *Store) Keep(ctx context.Context, n esm.Notice, destination, reason string) error {
	return s.Faults.write(ctx, "keep "+subject(n), func() error {
		err := s.Store.Keep(ctx, n, destination, reason)
		if err == nil {
			s.Faults.recorder().told(n, true)
		}
		return err
	})
}

// Drop implements [esm.Undelivered].
func (s *Store) Drop(ctx context.Context, ids ...string) error {
	return s.Faults.write(ctx, "drop", func() error { return s.Store.Drop(ctx, ids...) })
}

// Write implements [esm.Documents].
func (s *Store) Write(ctx context.Context, kind string, changes map[string][]byte) error {
	return s.Faults.write(ctx, "write "+kind, func() error { return s.Store.Write(ctx, kind, changes) })
}

// write makes a durable write, or fails before or after it.
func (i *Injector) write(ctx context.Context, target string, do func() error) error {
	fault, dice := i.first([]Fault{StoreSlow, StoreFull, StoreUndone, StoreDone}, target, nil)
	switch fault {
	case StoreSlow:
		if err := sleep(ctx, between(dice, slowest/8, slowest)); err != nil {
			return err
		}
	case StoreFull, StoreUndone:
		return failure(fault)
	}
	if err := do(); err != nil || fault != StoreDone {
		return err
	}
	return failure(fault)
}
