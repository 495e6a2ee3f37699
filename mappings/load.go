package mappings

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// merged is the result of merging the file with the stored documents.
type merged struct {
	documents map[string][]byte // as stored
	rows      map[string]row    // as they are to be stored
	notes     []Note
}

// loadMerged loads the stored documents and merges the file with them. It writes nothing.
func loadMerged(ctx context.Context, file []config.Mapping, store esm.Documents, pairOf func(config.Mapping) pair, now time.Time) (m merged, err error) {
	if m.documents, err = store.Documents(ctx, kind); err != nil {
		return m, fmt.Errorf("mappings: load: %w", err)
	}
	for _, of := range file {
		if err := storable(of); err != nil {
			return m, fmt.Errorf("mappings: %s cannot be stored: %w", of.UUID, err)
		}
	}
	stored := map[string]row{}
	for uuid, text := range m.documents {
		if stored[uuid], err = decodeRow(uuid, text); err != nil {
			return m, fmt.Errorf("mappings: load: %w", err)
		}
	}
	m.rows, m.notes = mergeFile(file, stored, pairOf, now)
	return m, nil
}

// load merges the file with the stored rows, forgets the positions that deletions have left to forget, and stores the
// result.
func (r *Register) load(ctx context.Context) (map[string]row, []Note, error) {
	m, err := loadMerged(ctx, r.config.File, r.config.Store, r.pairOf, r.now())
	if err != nil {
		return nil, nil, err
	}
	for uuid, of := range m.rows {
		if err := r.forgetAtStart(ctx, m.rows, uuid, of); err != nil {
			return nil, nil, fmt.Errorf("mappings: forget the positions of %s: %w", uuid, err)
		}
	}
	if changes := m.changes(); len(changes) > 0 {
		if err := r.config.Store.Write(ctx, kind, changes); err != nil {
			return nil, nil, fmt.Errorf("mappings: store the mappings of the file: %w", err)
		}
	}
	return m.rows, m.notes, nil
}

// forgetAtStart forgets the positions that a deletion has left to forget. A failure is an error only if the mapping runs
// again; otherwise the next start repeats it.
func (r *Register) forgetAtStart(ctx context.Context, rows map[string]row, uuid string, of row) error {
	if !of.Forget {
		return nil
	}
	if err := r.config.Forget(ctx, uuid); err != nil && of.Deleted {
		m := of.mapping()
		m.UUID = uuid
		r.config.Retrying(m, err)
		return nil
	} else if err != nil {
		return err
	}
	left, ok := of.forgotten()
	rows[uuid] = left
	if !ok {
		delete(rows, uuid)
	}
	return nil
}

// changes returns what is to be written to make the stored documents agree with the rows.
func (m merged) changes() map[string][]byte {
	changes := map[string][]byte{}
	for uuid := range m.documents {
		if _, stays := m.rows[uuid]; !stays {
			changes[uuid] = nil
		}
	}
	for uuid, of := range m.rows {
		if text := of.encode(); !bytes.Equal(text, m.documents[uuid]) {
			changes[uuid] = text
		}
	}
	return changes
}
