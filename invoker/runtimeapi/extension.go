package runtimeapi

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/telemetry"
)

// extensionsAPI is the Extensions API of one session, for the extensions beside its runtime.
type extensionsAPI struct {
	fn         config.Function
	failed     chan *Failure
	registered chan struct{}
	check      func(events []string, external bool) *problem // of a registration
	settled    func()                                        // is called with mu held when an extension becomes ready

	// Subscribe takes a subscription of the extension with this name; it does not block. It is set before the first request. Nil
	// means that the Telemetry API and the Logs API are not supported.
	Subscribe func(name string, api telemetry.API, body []byte) *telemetry.Problem

	mu         sync.Mutex   // also of the session
	sealed     bool         // no internal extension can register any more
	over       bool         // the session is closed
	extensions []*extension // external ones first, by name; then internal ones in the order of their registration
	busy       int          // extensions that are not Ready
}

// open readies s for the external extensions with these names.
func (s *extensionsAPI) open(fn config.Function, external []string) {
	s.fn, s.failed, s.registered, s.busy = fn, make(chan *Failure, 1), make(chan struct{}), len(external)
	for _, name := range external {
		s.extensions = append(s.extensions, &extension{name: name, external: true, state: started})
	}
	if len(external) == 0 {
		close(s.registered)
	}
}

// extension is a program beside the runtime (external) or a part of it (internal). Its session's mu guards it.
type extension struct {
	id       string // given at its registration
	name     string
	external bool
	events   []string // to which it subscribed
	state    state
	fault    string // as it reported it

	waiter  chan *notice // its request for an event; nil if there is none
	pending *notice      // an event for its next request
}

// Extension describes an extension for logs.
type Extension struct {
	Name      string
	External  bool
	State     string // as Lambda names it: Registered, Ready
	Events    []string
	ErrorType string // why it failed, if it did
}

// WantsShutdown reports whether e is an external extension that subscribed to SHUTDOWN.
func (e Extension) WantsShutdown() bool {
	return e.External && slices.Contains(e.Events, shutdownEvent)
}

// Registered returns a channel that is closed when every external extension has registered.
func (s *extensionsAPI) Registered() <-chan struct{} { return s.registered }

// Failed returns a channel that receives at most one Failure: the first that an extension reported. The environment is of no
// use then.
func (s *extensionsAPI) Failed() <-chan *Failure { return s.failed }

// Extensions returns the extensions: external ones, which may not have registered yet, and internal ones that have.
func (s *extensionsAPI) Extensions() []Extension {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Extension, len(s.extensions))
	for i, e := range s.extensions {
		all[i] = Extension{Name: e.name, External: e.external, State: string(e.state), Events: e.events, ErrorType: e.fault}
	}
	return all
}

// Shutdown tells the external extensions that subscribed to SHUTDOWN that the environment ends, and when they are killed at
// the latest. One that works gets the event with its next request. The session must be closed.
func (s *extensionsAPI) Shutdown(why Reason, deadline time.Time) {
	n := shutdownNotice(why, deadline)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.extensions {
		if e.external && slices.Contains(e.events, shutdownEvent) && e.state != exitError && e.state != initError {
			e.give(n)
		}
	}
}

// invoke gives ev to the subscribers. The caller holds mu.
func (s *extensionsAPI) invoke(ev Event) {
	var n *notice
	for _, e := range s.extensions {
		if !slices.Contains(e.events, invokeEvent) {
			continue
		}
		if n == nil {
			n = invokeNotice(ev)
		}
		s.busy++
		e.give(n)
	}
}

// give delivers n to the request that waits for it, or keeps it for the next.
func (e *extension) give(n *notice) {
	e.state, e.pending = running, n
	if e.waiter != nil {
		e.waiter <- n // has room for one, which is all it gets
		e.waiter, e.pending = nil, nil
	}
}

// poll handles an extension's request for an event. It returns the event, or a channel that will receive it.
func (s *extensionsAPI) poll(id string) (*extension, *notice, chan *notice, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.extension(id)
	switch {
	case e == nil:
		return nil, nil, nil, extensionProblem("Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	case e.waiter != nil, e.state == initError, e.state == exitError:
		return nil, nil, nil, e.forbidden(ready, id)
	}
	if n := e.pending; n != nil {
		e.pending = nil
		return e, n, nil, nil
	}
	e.waiter = make(chan *notice, 1)
	if e.state != ready {
		e.state = ready
		s.busy--
		s.settled()
	}
	return e, nil, e.waiter, nil
}

// unpoll withdraws a request whose connection has ended. An event that it was given meanwhile is kept for the next.
func (s *extensionsAPI) unpoll(e *extension, waiter chan *notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.waiter == waiter {
		e.waiter = nil
		return
	}
	if n := <-waiter; e.state == running && e.pending == nil { // otherwise it went on without n
		e.give(n)
	}
}

// fail handles an extension's report that it failed: to is initError or exitError. The environment is not free any more.
func (s *extensionsAPI) fail(id string, to state, fault string) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.extension(id)
	if e == nil {
		return extensionProblem("Extension.UnknownExtensionIdentifier", "Unknown "+identifierHeader)
	}
	switch {
	case e.state == to:
		return nil // the first report counts
	case to == initError && e.state != registered:
		return e.forbidden(initError, id)
	case e.state == initError:
		return e.forbidden(exited, id) // the name that Lambda uses here
	}
	if e.state == ready {
		s.busy++
	}
	e.state, e.fault = to, fault[:min(len(fault), longestErrorType)]
	if !s.over {
		select {
		case s.failed <- extensionFailed(e):
		default: // it is not the first
		}
	}
	return nil
}

func (s *extensionsAPI) extension(id string) *extension {
	for _, e := range s.extensions {
		if e.id == id {
			return e
		}
	}
	return nil
}

// forbidden refuses a transition to a state. It is named by who, the extension's name or identifier.
func (e *extension) forbidden(to state, who string) *problem {
	const format = "State transition from %s to %s failed for extension %s. Error: State transition is not allowed"
	return extensionProblem("Extension.InvalidExtensionState", fmt.Sprintf(format, e.state, to, who))
}
