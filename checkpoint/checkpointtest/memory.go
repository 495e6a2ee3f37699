package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Memory is an [esm.Store] in memory whose calls can be made to fail. The zero Memory is empty and ready to use.
type Memory struct {
	// Each decides which calls of one method fail. Nil lets all of them succeed.
	SaveFaults, KeepFaults, DropFaults, DocumentsFaults, WriteFaults Faults

	calls       calls  // their lock protects what follows
	version     uint64 // the last one used
	checkpoints map[esm.Key]esm.Checkpoint
	undelivered []esm.UndeliveredNotice // oldest first
	documents   map[esm.Key][]byte      // by kind and ID
}

var _ esm.Store = (*Memory)(nil)

// maxName is the longest name of a mapping, shard, notice, document or function that stores in memory take.
const maxName = 1024

var errName = errors.New("checkpointtest: a notice without an ID, or a name that is too long")

// Reopen simulates a restart: it returns a copy of what m stores, without faults. Calls in progress on m do not affect
// the copy.
func (m *Memory) Reopen() *Memory {
	m.calls.mu.Lock()
	defer m.calls.mu.Unlock()
	return &Memory{
		version: m.version, checkpoints: maps.Clone(m.checkpoints),
		undelivered: slices.Clone(m.undelivered), documents: maps.Clone(m.documents),
	}
}

// All implements [esm.Checkpoints].
func (m *Memory) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	all := map[string]esm.Checkpoint{}
	err := m.calls.run(ctx, "All", nil, func() error {
		for k, cp := range m.checkpoints {
			if k.Mapping == mapping {
				all[k.Shard] = cloneCheckpoint(cp)
			}
		}
		return nil
	})
	return all, err
}

// Save implements [esm.Checkpoints].
func (m *Memory) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (esm.Checkpoint, error) {
	err := m.calls.run(ctx, "Save", m.SaveFaults, func() error {
		switch {
		case max(len(k.Mapping), len(k.Shard)) > maxName:
			return errName
		case m.checkpoints[k].Version != next.Version:
			return esm.ErrConflict
		case m.checkpoints == nil:
			m.checkpoints = map[esm.Key]esm.Checkpoint{}
		}
		m.version++
		next.Version = m.version
		m.checkpoints[k] = cloneCheckpoint(next)
		return nil
	})
	if err != nil {
		return esm.Checkpoint{}, err
	}
	return next, nil
}

// Forget implements [esm.Checkpoints].
func (m *Memory) Forget(ctx context.Context, keys ...esm.Key) error {
	return m.calls.run(ctx, "Forget", nil, func() error {
		for _, k := range keys {
			delete(m.checkpoints, k)
		}
		return nil
	})
}

// Mappings implements [esm.Store].
func (m *Memory) Mappings(ctx context.Context) (names []string, err error) {
	err = m.calls.run(ctx, "Mappings", nil, func() error {
		for k := range m.checkpoints {
			names = append(names, k.Mapping)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		return nil
	})
	return names, err
}

// Keep implements [esm.Undelivered].
func (m *Memory) Keep(ctx context.Context, n esm.Notice, destination, reason string) error {
	return m.calls.run(ctx, "Keep", m.KeepFaults, func() error {
		if n.ID == "" || len(n.ID) > maxName {
			return errName
		}
		u := esm.UndeliveredNotice{Notice: n, Destination: destination, Reason: reason, Kept: time.Now()}
		i := slices.IndexFunc(m.undelivered, func(u esm.UndeliveredNotice) bool { return u.Notice.ID == n.ID })
		if i < 0 {
			m.undelivered = append(m.undelivered, u)
			return nil
		}
		u.Kept = m.undelivered[i].Kept
		m.undelivered[i] = u
		return nil
	})
}

// Undelivered implements [esm.Undelivered]. It iterates over the notices stored when the iteration begins.
func (m *Memory) Undelivered(ctx context.Context) iter.Seq2[esm.UndeliveredNotice, error] {
	return func(yield func(esm.UndeliveredNotice, error) bool) {
		var all []esm.UndeliveredNotice
		err := m.calls.run(ctx, "Undelivered", nil, func() error {
			all = slices.Clone(m.undelivered)
			return nil
		})
		if err != nil {
			yield(esm.UndeliveredNotice{}, err)
		}
		for _, u := range all {
			if !yield(u, nil) {
				return
			}
		}
	}
}

// Drop implements [esm.Undelivered].
func (m *Memory) Drop(ctx context.Context, ids ...string) error {
	return m.calls.run(ctx, "Drop", m.DropFaults, func() error {
		m.undelivered = slices.DeleteFunc(slices.Clone(m.undelivered), func(u esm.UndeliveredNotice) bool {
			return slices.Contains(ids, u.Notice.ID)
		})
		return nil
	})
}

// Documents implements [esm.Documents].
func (m *Memory) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := m.calls.run(ctx, "Documents", m.DocumentsFaults, func() error {
		for k, value := range m.documents {
			if k.Mapping == kind {
				all[k.Shard] = bytes.Clone(value)
			}
		}
		return nil
	})
	return all, err
}

// Write implements [esm.Documents].
func (m *Memory) Write(ctx context.Context, kind string, changes map[string][]byte) error {
	return m.calls.run(ctx, "Write", m.WriteFaults, func() error {
		for id := range changes {
			if max(len(kind), len(id)) > maxName {
				return errName
			}
		}
		if m.documents == nil {
			m.documents = map[esm.Key][]byte{}
		}
		for id, value := range changes {
			if k := (esm.Key{Mapping: kind, Shard: id}); value == nil {
				delete(m.documents, k)
			} else {
				m.documents[k] = bytes.Clone(value)
			}
		}
		return nil
	})
}

// Close implements [esm.Store]. A Memory can be used after it.
func (m *Memory) Close() error { return nil }

// cloneCheckpoint copies all that cp points to.
func cloneCheckpoint(cp esm.Checkpoint) esm.Checkpoint {
	cp.Since = cp.Since.UTC()
	cp.Lanes, cp.Owed = slices.Clone(cp.Lanes), slices.Clone(cp.Owed)
	for i := range cp.Owed {
		cp.Owed[i].Response = cloned(cp.Owed[i].Response)
	}
	if cp.Window = cloned(cp.Window); cp.Window != nil {
		cp.Window.State = bytes.Clone(cp.Window.State)
	}
	return cp
}

func cloned[T any](p *T) *T {
	if p == nil {
		return nil
	}
	value := *p
	return &value
}
