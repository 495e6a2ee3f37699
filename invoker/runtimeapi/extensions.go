package runtimeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Of the Extensions API only internal extensions without events are served. To register one is the documented way to get
// SIGTERM, which aws-lambda-go's WithEnableSIGTERM uses.
const (
	registerPath  = "/2020-01-01/extension/register"
	eventNextPath = "/2020-01-01/extension/event/next"
	telemetryPath = "/2022-07-01/telemetry"
	logsPath      = "/2020-08-15/logs"

	identifierHeader = "Lambda-Extension-Identifier"
	maxExtensions    = 10
)

type extension struct {
	id, name string
	polled   bool // it waits for an event; there are none
}

func (s *Session) serveExtensions(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case registerPath:
		if allow(w, r, http.MethodPost) {
			s.serveRegister(w, r)
		}
	case eventNextPath:
		if allow(w, r, http.MethodGet) {
			s.serveExtensionNext(w, r)
		}
	case telemetryPath:
		if allow(w, r, http.MethodPut) {
			notSupported("Telemetry").write(w)
		}
	case logsPath:
		if allow(w, r, http.MethodPut) {
			notSupported("Logs").write(w)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// notSupported returns the answer of AWS's emulator, which extensions tolerate.
func notSupported(api string) *problem {
	return &problem{http.StatusAccepted, api + " API is not supported", api + ".NotSupported"}
}

func extensionProblem(kind, message string) *problem {
	return &problem{http.StatusForbidden, message, kind}
}

func (s *Session) serveRegister(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Events []string `json:"events"`
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		extensionProblem("InvalidRequestFormat", err.Error()).write(w)
		return
	}
	id, p := s.register(r.Header.Get("Lambda-Extension-Name"), body.Events)
	if p != nil {
		p.write(w)
		return
	}
	w.Header().Set(identifierHeader, id)
	writeJSON(w, http.StatusOK, struct {
		Name    string `json:"functionName"`
		Version string `json:"functionVersion"`
		Handler string `json:"handler"`
	}{s.fn.Name, Version, s.fn.Handler})
}

func (s *Session) register(name string, events []string) (id string, p *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case name == "":
		return "", extensionProblem("Extension.InvalidExtensionName", "Empty extension name")
	case len(events) > 0:
		return "", extensionProblem("Extension.InvalidEventType", "No events allowed for internal extensions")
	case s.state != started:
		return "", extensionProblem("Extension.RegistrationClosed", "Extension registration closed already")
	case slices.ContainsFunc(s.extensions, func(e extension) bool { return e.name == name }):
		return "", extensionProblem("Extension.InvalidExtensionState", "Extension with this name already registered")
	case len(s.extensions) == maxExtensions:
		return "", extensionProblem("Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", maxExtensions))
	}
	id = uuid.NewString()
	s.extensions = append(s.extensions, extension{id: id, name: name})
	return id, nil
}

// serveExtensionNext blocks until the runtime's connection ends.
func (s *Session) serveExtensionNext(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(identifierHeader)
	if p := s.poll(id); p != nil {
		p.write(w)
		return
	}
	<-r.Context().Done()
	s.unpoll(id)
}

func (s *Session) poll(id string) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.extension(id)
	switch {
	case id == "":
		return extensionProblem("Extension.MissingExtensionIdentifier", "Missing "+identifierHeader+" header")
	case i < 0:
		return extensionProblem("Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	case s.extensions[i].polled:
		return extensionProblem("Extension.InvalidExtensionState",
			"State transition from Ready to Ready failed for extension "+id+". Error: State transition is not allowed")
	}
	s.extensions[i].polled = true
	return nil
}

func (s *Session) unpoll(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extensions[s.extension(id)].polled = false
}

func (s *Session) extension(id string) int {
	return slices.IndexFunc(s.extensions, func(e extension) bool { return e.id == id })
}
