package runtimeapi

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// MaxExtensions is the number of extensions that an environment can have, external and internal ones together.
const MaxExtensions = 10

// register makes an extension known: an external one by its name, any other as an internal one. It returns its identifier.
func (s *extensionsAPI) register(name string, events []string) (id string, p *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.extensions, func(e *extension) bool { return e.external && e.name == name })
	if i < 0 {
		return s.registerInternal(name, events)
	}
	e := s.extensions[i]
	if p := s.check(events, true); p != nil {
		return "", p
	}
	if e.state != started {
		return "", e.forbidden(registered, name)
	}
	e.id, e.events, e.state = uuid.NewString(), events, registered
	if !slices.ContainsFunc(s.extensions, func(e *extension) bool { return e.state == started }) {
		close(s.registered) // once: this was the last in that state
	}
	return e.id, nil
}

func (s *extensionsAPI) registerInternal(name string, events []string) (id string, p *problem) {
	if p := s.check(events, false); p != nil {
		return "", p
	}
	switch {
	case s.sealed:
		return "", extensionProblem("Extension.RegistrationClosed", "Extension registration closed already")
	case slices.ContainsFunc(s.extensions, func(e *extension) bool { return e.name == name }):
		return "", extensionProblem("Extension.InvalidExtensionState", "Extension with this name already registered")
	case len(s.extensions) >= MaxExtensions:
		return "", extensionProblem("Extension.TooManyExtensions", fmt.Sprintf("Extension limit (%d) reached", MaxExtensions))
	}
	e := &extension{id: uuid.NewString(), name: name, events: events, state: registered}
	s.extensions = append(s.extensions, e)
	s.busy++
	return e.id, nil
}

// checkEvents refuses events that do not exist, or not for this kind of extension.
func checkEvents(events []string, external bool) *problem {
	for _, event := range events {
		switch {
		case event == shutdownEvent && !external:
			return extensionProblem("Extension.InvalidEventType", event+": ShutdownEventNotSupportedForInternalExtension")
		case event != invokeEvent && event != shutdownEvent:
			return extensionProblem("Extension.InvalidEventType", event+": ErrorInvalidEventType")
		}
	}
	return nil
}

// checkConcurrentEvents is checkEvents where several invocations run at once: no extension learns of each.
func checkConcurrentEvents(events []string, external bool) *problem {
	for _, event := range events {
		switch {
		case !external:
			return extensionProblem("Extension.InvalidEventType", "No events allowed for internal extensions")
		case event != shutdownEvent:
			return extensionProblem("Extension.InvalidEventType", event+": ErrorInvalidEventType")
		}
	}
	return nil
}
