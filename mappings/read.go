package mappings

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Expected is a mapping that an engine has when it is started.
type Expected struct {
	config.Mapping        // with its defaults
	Origin         string // OriginFile or OriginHTTP
	Changed        bool   // reports whether HTTP has changed a mapping of the file
	Restarts       bool   // reports whether its positions are forgotten at the start: it was deleted over HTTP and is back
}

// Read returns the mappings that [Open] would have with the same file and store, and changes nothing. Those of the file
// come first, in its order, then those made over HTTP by their UUIDs. FunctionArn is that of a [Config].
func Read(ctx context.Context, file []config.Mapping, store esm.Documents, functionArn func(config.Mapping) string) (all []Expected, err error) {
	pairOf := func(m config.Mapping) pair { return pairOf(m, functionArn) }
	merged, err := loadMerged(ctx, file, store, pairOf, time.Now())
	if err != nil {
		return nil, err
	}
	var order []string
	for _, m := range file {
		order = append(order, m.UUID)
	}
	for _, uuid := range slices.Concat(order, slices.Sorted(maps.Keys(merged.rows))) {
		if r, ok := merged.rows[uuid]; ok && !r.Deleted {
			all = append(all, Expected{r.mapping(), r.Origin, r.changed(), r.Forget})
		}
		delete(merged.rows, uuid)
	}
	return all, nil
}
