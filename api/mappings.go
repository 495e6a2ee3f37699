package api

import (
	"context"
	"net/http"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// Mappings are the engine's event source mappings. All methods may be called side by side. A mapping that is changed or
// deleted takes a while to be as it was asked for: its State says so, and calls do not wait for it. Errors that are none
// of those named are the engine's own, and leave the mappings as they were.
type Mappings interface {
	// Create adds a mapping. [*mappings.InvalidError] and [*mappings.ExistsError] say why it cannot be.
	Create(ctx context.Context, m config.Mapping) (mappings.Registered, error)

	// Get is a mapping, or [mappings.ErrNotFound].
	Get(uuid string) (mappings.Registered, error)

	// List is all mappings, in no particular order. The caller owns the slice.
	List() []mappings.Registered

	// Update changes a mapping by change, which is given it as it was asked for until then, and may be called again if
	// it was changed meanwhile. [mappings.ErrNotFound], [mappings.ErrBusy] and the errors of Create say why it cannot be.
	Update(ctx context.Context, uuid string, change func(config.Mapping) config.Mapping) (mappings.Registered, error)

	// Delete removes a mapping: [mappings.ErrNotFound], [mappings.ErrBusy].
	Delete(ctx context.Context, uuid string) (mappings.Registered, error)

	// SetTags changes the tags of a mapping: [mappings.ErrNotFound]. Change is as Update's, given a map that it may write to.
	SetTags(ctx context.Context, uuid string, change func(tags map[string]string) map[string]string) error
}

const mappingsPath = "/2015-03-31/event-source-mappings"

var mappingRoutes = []route{
	{operation: "CreateEventSourceMapping", method: http.MethodPost, path: mappingsPath, perform: (*Server).createMapping},
	{operation: "ListEventSourceMappings", method: http.MethodGet, path: mappingsPath, perform: (*Server).listMappings},
	{operation: "GetEventSourceMapping", method: http.MethodGet, path: mappingsPath + "/*", perform: (*Server).readMapping},
	{operation: "UpdateEventSourceMapping", method: http.MethodPut, path: mappingsPath + "/*", perform: (*Server).updateMapping},
	{operation: "DeleteEventSourceMapping", method: http.MethodDelete, path: mappingsPath + "/*", perform: (*Server).deleteMapping},
}

func (s *Server) createMapping(c *call) (answer, error) {
	w, err := s.wantedNew(c)
	if err != nil {
		return answer{}, err
	}
	m := w.onto(w.Mapping)
	if err := w.honoured(m); err != nil {
		return answer{}, mappingError(c, m, err)
	}
	made, err := s.Mappings.Create(c.Context(), m)
	if err != nil {
		return answer{}, mappingError(c, m, err)
	}
	return document(http.StatusAccepted, describe(made))
}

func (s *Server) readMapping(c *call) (answer, error) {
	r, err := s.Mappings.Get(c.names[0])
	if err != nil {
		return answer{}, mappingError(c, r.Mapping, err)
	}
	return document(http.StatusOK, describe(r))
}

// updateMapping changes what the request names and keeps the rest. That there is no such mapping comes before what is
// wrong with the request.
func (s *Server) updateMapping(c *call) (answer, error) {
	w, err := s.wantedChange(c)
	if err != nil {
		return answer{}, err
	}
	uuid := c.names[0]
	stored, err := s.Mappings.Get(uuid)
	if err != nil {
		return answer{}, mappingError(c, stored.Mapping, err)
	}
	changed := w.onto(stored.Mapping)
	if err := w.honoured(changed); err != nil {
		return answer{}, mappingError(c, changed, err)
	}
	r, err := s.Mappings.Update(c.Context(), uuid, w.onto)
	if err != nil {
		return answer{}, mappingError(c, changed, err)
	}
	return document(http.StatusAccepted, describe(r))
}

func (s *Server) deleteMapping(c *call) (answer, error) {
	r, err := s.Mappings.Delete(c.Context(), c.names[0])
	if err != nil {
		return answer{}, mappingError(c, r.Mapping, err)
	}
	return document(http.StatusAccepted, describe(r))
}
