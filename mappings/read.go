package mappings

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm/config"
)

// Kept is a mapping that an engine would have.
type Kept struct {
	config.Mapping        // with its defaults
	Origin         string // OriginFile or OriginHTTP
	Changed        bool   // one of the file, as it was changed over HTTP
	Anew           bool   // it was deleted over HTTP and is back: what is kept of its positions is forgotten when the engine starts
}

// Read tells which mappings an engine would have that is started now, and changes nothing: [Open] with the same file and
// store has these. Those of the file come first, in its order, then those made over HTTP by their UUIDs. Errors are those of
// what is kept, as Open's. FunctionArn is that of a [Config].
func Read(ctx context.Context, file []config.Mapping, store Reader, functionArn func(config.Mapping) string) (all []Kept, err error) {
	pairOf := func(m config.Mapping) pair { return pair{functionArn(m), m.EventSourceArn, m.Endpoint} }
	now, err := apply(ctx, file, store, pairOf, time.Now())
	if err != nil {
		return nil, err
	}
	var order []string
	for _, m := range file {
		order = append(order, m.UUID)
	}
	for _, uuid := range slices.Concat(order, slices.Sorted(maps.Keys(now.rows))) {
		if r, ok := now.rows[uuid]; ok && !r.Deleted {
			all = append(all, Kept{r.mapping(), r.Origin, r.changed(), r.Forget})
		}
		delete(now.rows, uuid)
	}
	return all, nil
}

// applied is what is kept, and what is to be kept once a file is applied to it.
type applied struct {
	documents map[string][]byte
	rows      map[string]row
	notes     []Note
}

// apply applies a file to what is kept. Nothing is written.
func apply(ctx context.Context, file []config.Mapping, store Reader, pairOf func(config.Mapping) pair, now time.Time) (a applied, err error) {
	if a.documents, err = store.Documents(ctx, kind); err != nil {
		return a, fmt.Errorf("mappings: load: %w", err)
	}
	for _, m := range file {
		if err := keepable(m); err != nil {
			return a, fmt.Errorf("mappings: %s cannot be kept: %w", m.UUID, err)
		}
	}
	kept := map[string]row{}
	for uuid, text := range a.documents {
		if kept[uuid], err = decodeRow(uuid, text); err != nil {
			return a, fmt.Errorf("mappings: load: %w", err)
		}
	}
	a.rows, a.notes = merge(file, kept, pairOf, now)
	return a, nil
}
