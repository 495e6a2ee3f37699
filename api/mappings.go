package api

import (
	"context"

	"github.com/esm-run/esm"
)

// Mappings are the engine's event source mappings. All methods may be called side by side. A mapping that is changed or
// deleted takes a while to be as it was asked for: its State says so, and calls do not wait for it. Errors that are none
// of those named are the engine's own, and leave the mappings as they were.
type Mappings interface {
	// Create adds a mapping. [*esm.InvalidMapping] and [*esm.MappingExists] say why it cannot be.
	Create(ctx context.Context, m esm.Mapping) (esm.Registered, error)

	// Get is a mapping, or [esm.ErrNoMapping].
	Get(uuid string) (esm.Registered, error)

	// List is all mappings, in no particular order. The caller owns the slice.
	List() []esm.Registered

	// Update changes a mapping by change, which is given it as it was asked for until then, and may be called again if
	// it was changed meanwhile. [esm.ErrNoMapping], [esm.ErrMappingBusy] and the errors of Create say why it cannot be.
	Update(ctx context.Context, uuid string, change func(esm.Mapping) esm.Mapping) (esm.Registered, error)

	// Delete removes a mapping: [esm.ErrNoMapping], [esm.ErrMappingBusy].
	Delete(ctx context.Context, uuid string) (esm.Registered, error)

	// SetTags changes the tags of a mapping: [esm.ErrNoMapping]. Change is as Update's, given a map that it may write to.
	SetTags(ctx context.Context, uuid string, change func(tags map[string]string) map[string]string) error
}

var mappingRoutes, tagRoutes []route
