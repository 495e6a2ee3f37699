package api

import (
	"net/http"

	"github.com/esm-run/esm/config"
)

const mappingsPath = "/2015-03-31/event-source-mappings"

var mappingRoutes = []route{
	{operation: "CreateEventSourceMapping", method: http.MethodPost, path: mappingsPath, perform: (*Server).createMapping},
	{operation: "ListEventSourceMappings", method: http.MethodGet, path: mappingsPath, perform: (*Server).listMappings},
	{operation: "GetEventSourceMapping", method: http.MethodGet, path: mappingsPath + "/*", perform: (*Server).getMapping},
	{operation: "UpdateEventSourceMapping", method: http.MethodPut, path: mappingsPath + "/*", perform: (*Server).updateMapping},
	{operation: "DeleteEventSourceMapping", method: http.MethodDelete, path: mappingsPath + "/*", perform: (*Server).deleteMapping},
}

func (s *Server) createMapping(c *call) (answer, error) {
	req, err := s.mappingRequest(c, true)
	if err != nil {
		return answer{}, err
	}
	m := req.onto(config.Mapping{})
	if err := req.check(m); err != nil {
		return answer{}, mappingException(c, m, err)
	}
	made, err := s.Mappings.Create(c.Context(), m)
	if err != nil {
		return answer{}, mappingException(c, m, err)
	}
	return document(http.StatusAccepted, describeMapping(made))
}

func (s *Server) getMapping(c *call) (answer, error) {
	r, err := s.Mappings.Get(c.names[0])
	if err != nil {
		return answer{}, mappingException(c, r.Mapping, err)
	}
	return document(http.StatusOK, describeMapping(r))
}

// updateMapping changes the members that the request names and keeps the rest. The exception for a missing mapping takes
// precedence over those for the members.
func (s *Server) updateMapping(c *call) (answer, error) {
	req, err := s.mappingRequest(c, false)
	if err != nil {
		return answer{}, err
	}
	var changed config.Mapping
	r, err := s.Mappings.Update(c.Context(), c.names[0], func(m config.Mapping) (config.Mapping, error) {
		changed = req.onto(m)
		return changed, req.check(changed)
	})
	if err != nil {
		return answer{}, mappingException(c, changed, err)
	}
	return document(http.StatusAccepted, describeMapping(r))
}

func (s *Server) deleteMapping(c *call) (answer, error) {
	r, err := s.Mappings.Delete(c.Context(), c.names[0])
	if err != nil {
		return answer{}, mappingException(c, r.Mapping, err)
	}
	return document(http.StatusAccepted, describeMapping(r))
}
