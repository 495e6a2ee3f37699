package checkpoint

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm"
)

// Memory is a store in memory that behaves as [DB] does and fails when told to. The zero Memory is empty and ready. It
// must not be copied.
//
// It keeps values as DB writes them, so that nobody shares memory with it. All methods may be called side by side.
type Memory struct {
	// AllFaults to WriteFaults say which calls fail, and how; nil means none. Forget's and Drop's calls count together.
	AllFaults, SaveFaults, ForgetFaults, KeepFaults, DocumentsFaults, WriteFaults Faults

	alls, saves, forgets, keeps, reads, writes atomic.Int64 // calls, for Faults

	mu          sync.Mutex
	version     uint64 // the last that was given out
	checkpoints map[esm.Key][]byte
	undelivered [][]byte           // oldest first
	documents   map[esm.Key][]byte // by kind and ID
}

var _ esm.Checkpoints = (*Memory)(nil)

// Reopen is a restart: a store of its own that has what is durable in m, and no faults. What is still at work on m does
// not reach it.
func (m *Memory) Reopen() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{
		version: m.version, checkpoints: maps.Clone(m.checkpoints),
		undelivered: slices.Clone(m.undelivered), documents: maps.Clone(m.documents),
	}
}

// All is [esm.Checkpoints].All.
func (m *Memory) All(ctx context.Context, mapping string) (all map[string]esm.Checkpoint, err error) {
	err = m.call(ctx, m.AllFaults, &m.alls, func() error {
		all = map[string]esm.Checkpoint{}
		for k, value := range m.checkpoints {
			if k.Mapping != mapping {
				continue
			}
			cp, err := unpackCheckpoint(value, k)
			if err != nil {
				return err
			}
			all[k.Shard] = cp
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: load: %w", err)
	}
	return all, nil
}

// Save is [esm.Checkpoints].Save.
func (m *Memory) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (esm.Checkpoint, error) {
	err := m.call(ctx, m.SaveFaults, &m.saves, func() error {
		if err := checkKey(k); err != nil {
			return err
		}
		now, err := keptVersion(m.checkpoints[k])
		if err != nil {
			return err
		}
		if now != next.Version {
			return esm.ErrConflict
		}
		if m.checkpoints == nil {
			m.checkpoints = map[esm.Key][]byte{}
		}
		m.version++
		m.checkpoints[k] = packCheckpoint(next, k).seal(m.version)
		next.Version = m.version
		return nil
	})
	if err != nil {
		return esm.Checkpoint{}, fmt.Errorf("checkpoint: save shard %q of %q: %w", k.Shard, k.Mapping, err)
	}
	return next, nil
}

// Forget is [esm.Checkpoints].Forget.
func (m *Memory) Forget(ctx context.Context, keys ...esm.Key) error {
	err := m.call(ctx, m.ForgetFaults, &m.forgets, func() error {
		for _, k := range keys {
			delete(m.checkpoints, k)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: forget: %w", err)
	}
	return nil
}

// Keep is [DB.Keep].
func (m *Memory) Keep(ctx context.Context, n esm.Notice, destination, reason string) error {
	err := m.call(ctx, m.KeepFaults, &m.keeps, func() error {
		if err := checkNotice(n); err != nil {
			return err
		}
		u := Undelivered{Notice: n, Destination: destination, Reason: reason, Kept: time.Now()}
		for i, value := range m.undelivered {
			old, err := unpackUndelivered(value)
			if err != nil {
				return err
			}
			if old.Notice.ID == n.ID {
				u.Kept = old.Kept
				m.undelivered[i] = packUndelivered(u)
				return nil
			}
		}
		m.undelivered = append(m.undelivered, packUndelivered(u))
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: keep notice %q: %w", n.ID, err)
	}
	return nil
}

// Undelivered is [DB.Undelivered], of what is kept when the iteration begins.
func (m *Memory) Undelivered(ctx context.Context) iter.Seq2[Undelivered, error] {
	return func(yield func(Undelivered, error) bool) {
		m.mu.Lock()
		values := slices.Clone(m.undelivered)
		m.mu.Unlock()
		for _, value := range values {
			u, err := unpackUndelivered(value)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Undelivered{}, fmt.Errorf("checkpoint: undelivered: %w", err))
				return
			}
			if !yield(u, nil) {
				return
			}
		}
	}
}

// Drop is [DB.Drop].
func (m *Memory) Drop(ctx context.Context, ids ...string) error {
	err := m.call(ctx, m.ForgetFaults, &m.forgets, func() error {
		m.undelivered = slices.DeleteFunc(slices.Clone(m.undelivered), func(value []byte) bool {
			u, err := unpackUndelivered(value)
			return err == nil && slices.Contains(ids, u.Notice.ID)
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: drop: %w", err)
	}
	return nil
}

// call runs one call with what goes wrong with it.
func (m *Memory) call(ctx context.Context, faults Faults, calls *atomic.Int64, do func() error) error {
	var fault Fault
	if call := int(calls.Add(1)); faults != nil {
		fault = faults(call)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if fault.Err != nil && !fault.Done {
		return fault.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	return fault.Err
}
