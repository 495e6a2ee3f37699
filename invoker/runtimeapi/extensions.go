package runtimeapi

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/invoker/telemetry"
)

// Paths of the Extensions API (AWS: "Using the Lambda Extensions API to create extensions").
const (
	registerPath           = "/2020-01-01/extension/register"
	eventNextPath          = "/2020-01-01/extension/event/next"
	extensionInitErrorPath = "/2020-01-01/extension/init/error"
	extensionExitErrorPath = "/2020-01-01/extension/exit/error"
	telemetryPath          = "/2022-07-01/telemetry"
	logsPath               = "/2020-08-15/logs"
)

const (
	identifierHeader = "Lambda-Extension-Identifier"
	faultHeader      = "Lambda-Extension-Function-Error-Type"
)

// longestRequest bounds what is read of an extension's request, in bytes.
const longestRequest = 1 << 20

func (s *extensionsAPI) serveExtensions(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case registerPath:
		if allow(w, r, http.MethodPost) {
			s.serveRegister(w, r)
		}
	case eventNextPath:
		if allow(w, r, http.MethodGet) {
			s.serveExtensionNext(w, r)
		}
	case extensionInitErrorPath:
		if allow(w, r, http.MethodPost) {
			s.serveExtensionError(w, r, initError)
		}
	case extensionExitErrorPath:
		if allow(w, r, http.MethodPost) {
			s.serveExtensionError(w, r, exitError)
		}
	case telemetryPath:
		if allow(w, r, http.MethodPut) {
			s.serveSubscription(w, r, telemetry.Telemetry)
		}
	case logsPath:
		if allow(w, r, http.MethodPut) {
			s.serveSubscription(w, r, telemetry.Logs)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func extensionProblem(kind, message string) *problem {
	return &problem{http.StatusForbidden, message, kind}
}

func (s *extensionsAPI) serveRegister(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		extensionProblem("Extension.InvalidExtensionName", "Empty extension name").write(w)
		return
	}
	events, p := readRegistration(w, r)
	var id string
	if p == nil {
		id, p = s.register(name, events)
	}
	if p != nil {
		p.write(w)
		return
	}
	w.Header().Set(identifierHeader, id)
	reply := struct {
		Name    string `json:"functionName"`
		Version string `json:"functionVersion"`
		Handler string `json:"handler"`
		Account string `json:"accountId,omitempty"`
	}{s.fn.Name, Version, s.fn.Handler, ""}
	if accepts(r, "accountId") {
		reply.Account = s.account()
	}
	writeJSON(w, http.StatusOK, reply)
}

// readRegistration returns the events of a registration.
func readRegistration(w http.ResponseWriter, r *http.Request) ([]string, *problem) {
	const kind = "InvalidRequestFormat"
	var request struct {
		Events            []string `json:"events"`
		ConfigurationKeys []string `json:"configurationKeys"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestRequest))
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	switch {
	case err != nil:
		return nil, extensionProblem(kind, err.Error())
	case len(request.ConfigurationKeys) > 0:
		return nil, extensionProblem(kind, "configurationKeys are deprecated; use environment variables instead")
	default:
		return request.Events, nil
	}
}

// accepts reports whether an extension names the feature of a reply.
func accepts(r *http.Request, feature string) bool {
	features := strings.Split(r.Header.Get("Lambda-Extension-Accept-Feature"), ",")
	return slices.ContainsFunc(features, func(f string) bool { return strings.TrimSpace(f) == feature })
}

// account returns the account in the function's ARN.
func (s *extensionsAPI) account() string {
	if parts := strings.Split(s.fn.FunctionArn, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// serveExtensionNext blocks until there is an event.
func (s *extensionsAPI) serveExtensionNext(w http.ResponseWriter, r *http.Request) {
	discard(w, r)
	id, p := identifier(r)
	if p != nil {
		p.write(w)
		return
	}
	e, n, waiter, p := s.poll(id)
	if p != nil {
		p.write(w)
		return
	}
	if n == nil {
		select {
		case n = <-waiter:
		case <-r.Context().Done():
			s.unpoll(e, waiter)
			return
		}
	}
	n.write(w)
}

// serveExtensionError takes a report that an extension failed. Its body is for people and not used.
func (s *extensionsAPI) serveExtensionError(w http.ResponseWriter, r *http.Request, to state) {
	id, p := identifier(r)
	fault := r.Header.Get(faultHeader)
	if p == nil && fault == "" {
		p = extensionProblem("Extension.MissingHeader", faultHeader+" not found")
	}
	if p == nil {
		discard(w, r)
		p = s.fail(id, to, fault)
	}
	reply(w, p)
}

// identifier returns the extension's identifier in the form that it was given.
func identifier(r *http.Request) (string, *problem) {
	text := r.Header.Get(identifierHeader)
	if text == "" {
		return "", extensionProblem("Extension.MissingExtensionIdentifier", "Missing "+identifierHeader+" header")
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return "", extensionProblem("Extension.InvalidExtensionIdentifier", "Invalid "+identifierHeader)
	}
	return id.String(), nil
}
