package observe

import (
	"slices"
	"strings"
	"sync"

	"github.com/esm-run/esm/trace"
)

// Board keeps the status of every mapping and function up to date. All methods may be called side by side.
type Board struct {
	mu        sync.Mutex
	mappings  map[string]*MappingStatus  // by UUID
	functions map[string]*FunctionStatus // by name

	// Events of others end here, where nobody looks.
	otherMapping  MappingStatus
	otherFunction FunctionStatus
}

// NewBoard makes a board of mappings and functions that have not begun.
func NewBoard(mappings []Mapping, functions []string) *Board {
	b := &Board{mappings: map[string]*MappingStatus{}, functions: map[string]*FunctionStatus{}}
	for _, m := range mappings {
		b.mappings[m.UUID] = newMappingStatus(m)
	}
	for _, f := range functions {
		b.functions[f] = &FunctionStatus{Name: f}
	}
	return b
}

// Set adds a mapping, or what has changed of it: what it did so far stays.
func (b *Board) Set(m Mapping) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.mappings[m.UUID]; known != nil {
		known.Mapping = m
		return
	}
	b.mappings[m.UUID] = newMappingStatus(m)
}

// Remove forgets a mapping.
func (b *Board) Remove(uuid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mappings, uuid)
}

// Status returns a copy, sorted by source and by function. What its pointers lead to is never changed.
func (b *Board) Status() Status {
	s := b.copy()
	for _, m := range s.Mappings {
		m.StreamStatus.chosen()
	}
	slices.SortFunc(s.Mappings, func(x, y MappingStatus) int { return x.compare(y.Mapping) })
	slices.SortFunc(s.Functions, func(x, y FunctionStatus) int { return strings.Compare(x.Name, y.Name) })
	return s
}

// copy is all there is, in no order: the engine waits meanwhile.
func (b *Board) copy() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{Mappings: []MappingStatus{}, Functions: []FunctionStatus{}}
	for _, m := range b.mappings {
		s.Mappings = append(s.Mappings, m.copy())
	}
	for _, f := range b.functions {
		s.Functions = append(s.Functions, *f)
	}
	return s
}

// StatusOf is Status, of these mappings alone: what the board does not know of has done nothing.
func (b *Board) StatusOf(mappings []Mapping) Status {
	s := b.Status()
	known := map[string]MappingStatus{}
	for _, m := range s.Mappings {
		known[m.UUID] = m
	}
	s.Mappings = make([]MappingStatus, 0, len(mappings))
	for _, m := range mappings {
		is, ok := known[m.UUID]
		if !ok {
			is = newMappingStatus(m).copy()
			is.chosen()
		}
		is.Mapping = m
		s.Mappings = append(s.Mappings, is)
	}
	slices.SortFunc(s.Mappings, func(x, y MappingStatus) int { return x.compare(y.Mapping) })
	return s
}

// Trace is an [trace.Func].
func (b *Board) Trace(e trace.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case trace.Received:
		b.mapping(e.Mapping).received(e)
	case trace.Filtered:
		b.mapping(e.Mapping).filtered(e)
	case trace.Invoking:
		b.mapping(e.Mapping).invoking(e)
	case trace.Invoked:
		b.mapping(e.Mapping).invoked(e)
	case trace.Deleted:
		b.mapping(e.Mapping).deleted(e)
	case trace.Left:
		b.mapping(e.Mapping).left(e)
	case trace.Scaled:
		b.mapping(e.Mapping).Pollers = e.Pollers
	case trace.State:
		b.mapping(e.Mapping).changed(e)
	case trace.Failing:
		b.mapping(e.Mapping).failing(e)
	case trace.Slowed:
		b.mapping(e.Mapping).LastWarning = noteNow(e.Err.Error())
	case trace.Settled, trace.Dropped, trace.Notified, trace.Reading, trace.Drained, trace.Listed:
		b.stream(e)
	case trace.Environments:
		f := b.function(e.Function)
		f.Environments, f.Busy = e.Alive, e.Busy
	case trace.Started:
		b.function(e.Function).started(e)
	case trace.Ran:
		b.function(e.Function).ran(e)
	}
}

// stream notes an event that only streams have.
func (b *Board) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Settled:
		b.mapping(e.Mapping).settled(e)
	case trace.Dropped:
		b.mapping(e.Mapping).dropped(e)
	case trace.Notified:
		b.mapping(e.Mapping).notified(e)
	case trace.Reading:
		b.mapping(e.Mapping).reading(e)
	case trace.Drained:
		b.mapping(e.Mapping).drained(e)
	case trace.Listed:
		b.mapping(e.Mapping).listed(e)
	}
}

func (b *Board) mapping(uuid string) *MappingStatus {
	if m := b.mappings[uuid]; m != nil {
		return m
	}
	return &b.otherMapping
}

func (b *Board) function(name string) *FunctionStatus {
	if f := b.functions[name]; f != nil {
		return f
	}
	return &b.otherFunction
}
