package runtimeapi

import (
	"io"
	"net/http"

	"github.com/esm-run/esm/invoker/telemetry"
)

// serveSubscription takes a subscription to telemetry from a registered extension.
func (s *extensionsAPI) serveSubscription(w http.ResponseWriter, r *http.Request, api telemetry.API) {
	if s.Subscribe == nil {
		notSupported(api).write(w)
		return
	}
	if p := s.subscribe(w, r, api); p != nil {
		p.write(w)
		return
	}
	writeJSON(w, http.StatusOK, "OK")
}

func (s *extensionsAPI) subscribe(w http.ResponseWriter, r *http.Request, api telemetry.API) *problem {
	id, p := identifier(r)
	if p != nil {
		return p
	}
	name, ok := s.nameOf(id)
	if !ok {
		return extensionProblem("Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestRequest))
	if err != nil {
		return &problem{http.StatusBadRequest, err.Error(), "ValidationError"}
	}
	if p := s.Subscribe(name, api, body); p != nil {
		return &problem{p.Status, p.Message, p.Type}
	}
	return nil
}

// nameOf returns the name of a registered extension.
func (s *extensionsAPI) nameOf(id string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.extension(id); e != nil {
		return e.name, true
	}
	return "", false
}

// notSupported returns the answer of AWS's emulator, which extensions tolerate.
func notSupported(api telemetry.API) *problem {
	return &problem{http.StatusAccepted, string(api) + " API is not supported", string(api) + ".NotSupported"}
}
