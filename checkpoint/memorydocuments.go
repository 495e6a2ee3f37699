package checkpoint

import (
	"context"
	"fmt"

	"github.com/esm-run/esm"
)

// Documents is [DB.Documents].
func (m *Memory) Documents(ctx context.Context, kind string) (all map[string][]byte, err error) {
	err = m.call(ctx, m.DocumentsFaults, &m.reads, func() error {
		all = map[string][]byte{}
		for k, value := range m.documents {
			if k.Mapping != kind {
				continue
			}
			if all[k.Shard], err = unpackDocument(value, kind, k.Shard); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: read %s: %w", kind, err)
	}
	return all, nil
}

// Write is [DB.Write].
func (m *Memory) Write(ctx context.Context, kind string, changes map[string][]byte) error {
	err := m.call(ctx, m.WriteFaults, &m.writes, func() error {
		if err := checkDocuments(kind, changes); err != nil {
			return err
		}
		if m.documents == nil {
			m.documents = map[esm.Key][]byte{}
		}
		for id, value := range packDocuments(kind, changes) {
			if k := (esm.Key{Mapping: kind, Shard: id}); value == nil {
				delete(m.documents, k)
			} else {
				m.documents[k] = value
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: write %s: %w", kind, err)
	}
	return nil
}
