package observe

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// Monitor keeps the status and the metrics of every mapping and every function up to date with the events of an engine.
// Events about mappings and functions that it does not know are ignored. All methods may be called concurrently.
type Monitor struct {
	Registry *prometheus.Registry // the metrics, with those of Go and of the process

	histograms histograms
	backlogs   atomic.Pointer[func() []async.Backlog]

	environments atomic.Pointer[func() []invoker.Listed]

	mu        sync.RWMutex
	mappings  map[string]*mappingState  // by UUID
	functions map[string]*functionState // by name; one that is missing comes when something is reported of its events
}

// NewMonitor returns a Monitor of mappings and functions that have not started.
func NewMonitor(mappings []Mapping, functions []string) *Monitor {
	m := &Monitor{
		Registry:  prometheus.NewRegistry(),
		functions: map[string]*functionState{},
		mappings:  map[string]*mappingState{},
	}
	m.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.histograms = newHistograms(m.Registry)
	for _, name := range functions {
		m.functions[name] = newFunctionState(name, m.histograms)
	}
	for _, x := range mappings {
		m.Set(x)
	}
	m.Registry.MustRegister(collector{m})
	return m
}

// Set adds a mapping, or changes its description. Its status continues; its metrics do too unless their labels change.
func (m *Monitor) Set(x Mapping) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.mappings[x.UUID]
	if s == nil {
		m.mappings[x.UUID] = newMappingState(x, m.histograms.of(x))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Source != x.Source || s.Function != x.Function {
		m.histograms.remove(s.Mapping)
		s.restartMetrics(m.histograms.of(x))
	}
	s.Mapping = x
}

// Remove forgets a mapping.
func (m *Monitor) Remove(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.mappings[uuid]; s != nil {
		m.histograms.remove(s.Mapping)
		delete(m.mappings, uuid)
	}
}

// Mapping returns a mapping, of which only the UUID is set if it is not known.
func (m *Monitor) Mapping(uuid string) Mapping {
	s := m.state(uuid)
	if s == nil {
		return Mapping{UUID: uuid}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Mapping
}

func (m *Monitor) state(uuid string) *mappingState {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.mappings[uuid]
}

// states returns the states of all mappings, in no order.
func (m *Monitor) states() (all []*mappingState) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range m.mappings {
		all = append(all, s)
	}
	return all
}

// Status returns the status of everything, sorted by source and by function.
func (m *Monitor) Status() Status {
	s := Status{Mappings: []MappingStatus{}}
	for _, x := range m.states() {
		s.Mappings = append(s.Mappings, x.status(time.Now()))
	}
	return m.complete(s)
}

// StatusOf is like Status for the given mappings alone, with their descriptions. Mappings that are not known have not
// started.
func (m *Monitor) StatusOf(mappings []Mapping) Status {
	s := Status{Mappings: []MappingStatus{}}
	for _, x := range mappings {
		state := m.state(x.UUID)
		if state == nil {
			state = newMappingState(x, batchHistograms{})
		}
		is := state.status(time.Now())
		is.Mapping = x
		s.Mappings = append(s.Mappings, is)
	}
	return m.complete(s)
}

// complete sorts the mappings of s and adds the functions.
func (m *Monitor) complete(s Status) Status {
	slices.SortFunc(s.Mappings, func(x, y MappingStatus) int { return x.compare(y.Mapping) })
	s.Functions = m.functionStatuses()
	m.addEnvironments(s.Functions)
	return s
}

// functionStatuses returns the status of all functions, sorted by name.
func (m *Monitor) functionStatuses() []FunctionStatus {
	all := []FunctionStatus{}
	for _, f := range m.functionStates() {
		all = append(all, f.status())
	}
	all = m.addBacklogs(all, time.Now())
	slices.SortFunc(all, func(x, y FunctionStatus) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// Trace is a [trace.Func].
func (m *Monitor) Trace(event trace.Event) {
	switch e := event.(type) {
	case trace.Received:
		m.update(e.Mapping, event, func(s *mappingState) { s.received(e) })
	case trace.Filtered:
		m.update(e.Mapping, event, func(s *mappingState) { s.n.filtered += int64(len(e.Records)) })
	case trace.Invoking:
		m.update(e.Mapping, event, func(s *mappingState) { s.invoking(e) })
	case trace.Invoked:
		m.update(e.Mapping, event, func(s *mappingState) { s.invoked(e) })
	case trace.Deleted:
		m.update(e.Mapping, event, func(s *mappingState) { s.deleted(e) })
	case trace.Left:
		m.update(e.Mapping, event, func(s *mappingState) { s.leftInQueue(e) })
	case trace.Scaled:
		m.update(e.Mapping, event, func(s *mappingState) { s.pollers = e.Pollers })
	case trace.State:
		m.update(e.Mapping, event, func(s *mappingState) { s.state = e.State })
	case trace.Failing:
		m.update(e.Mapping, event, func(s *mappingState) { s.fails(e) })
	case trace.Slowed:
		m.update(e.Mapping, event, func(s *mappingState) { s.lastWarning = noteNow(e.Err.Error()) })
	default:
		m.traceStream(event)
		m.traceFunction(event)
		m.traceEvents(event)
	}
}

// traceStream handles events that only streams have.
func (m *Monitor) traceStream(event trace.Event) {
	switch e := event.(type) {
	case trace.Settled:
		m.update(e.Mapping, event, func(s *mappingState) { s.n.settled += int64(len(e.Records)) })
	case trace.Dropped:
		m.update(e.Mapping, event, func(s *mappingState) { s.dropped(e) })
	case trace.Notified:
		m.update(e.Mapping, event, func(s *mappingState) { s.notified(e) })
	case trace.Reading:
		m.update(e.Mapping, event, func(s *mappingState) { s.reading(e) })
	case trace.Drained:
		m.update(e.Mapping, event, func(*mappingState) {})
	case trace.Listed:
		m.update(e.Mapping, event, func(s *mappingState) { s.listed(e) })
	}
}

// update changes what is known of a mapping and its shards because of an event.
func (m *Monitor) update(uuid string, e trace.Event, change func(*mappingState)) {
	s := m.state(uuid)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	if s.shards != nil {
		s.shards.trace(e)
	}
}

func (m *Monitor) traceFunction(event trace.Event) {
	switch e := event.(type) {
	case trace.Environments:
		m.updateFunction(e.Function, func(f *functionState) { f.environments(e) })
	case trace.Started:
		m.updateFunction(e.Function, func(f *functionState) { f.started(e) })
	case trace.Ran:
		m.updateFunction(e.Function, func(f *functionState) { f.ran(e) })
	}
}

func (m *Monitor) updateFunction(name string, change func(*functionState)) {
	if f := m.function(name); f != nil {
		f.update(change)
	}
}

// function returns the state of a function; nil if it is not known.
func (m *Monitor) function(name string) *functionState {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.functions[name]
}

// functionStates returns the states of all functions, in no order.
func (m *Monitor) functionStates() (all []*functionState) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, f := range m.functions {
		all = append(all, f)
	}
	return all
}
