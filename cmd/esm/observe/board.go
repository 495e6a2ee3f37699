package observe

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/esm-run/esm"
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
		b.mappings[m.UUID] = &MappingStatus{Mapping: m, State: "Creating"}
	}
	for _, f := range functions {
		b.functions[f] = &FunctionStatus{Name: f}
	}
	return b
}

// Status returns a copy, sorted by source and by function. What its pointers lead to is never changed.
func (b *Board) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{Mappings: []MappingStatus{}, Functions: []FunctionStatus{}}
	for _, m := range b.mappings {
		s.Mappings = append(s.Mappings, *m)
	}
	for _, f := range b.functions {
		s.Functions = append(s.Functions, *f)
	}
	slices.SortFunc(s.Mappings, func(x, y MappingStatus) int {
		return cmp.Or(strings.Compare(x.Source, y.Source), strings.Compare(x.Function, y.Function), strings.Compare(x.UUID, y.UUID))
	})
	slices.SortFunc(s.Functions, func(x, y FunctionStatus) int { return strings.Compare(x.Name, y.Name) })
	return s
}

// Waiting names the mappings that are to poll and have not reached their source yet, in the order of Status.
func (b *Board) Waiting() (titles []string) {
	for _, m := range b.Status().Mappings {
		if m.State != "Disabled" && !m.Polling {
			titles = append(titles, m.Title())
		}
	}
	return titles
}

// Trace is an [esm.Trace].
func (b *Board) Trace(e esm.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case esm.Received:
		b.mapping(e.Mapping).received(e)
	case esm.Filtered:
		b.mapping(e.Mapping).FilteredOut += int64(len(e.Records))
	case esm.Invoking:
		b.mapping(e.Mapping).invoking(e)
	case esm.Invoked:
		b.mapping(e.Mapping).invoked(e)
	case esm.Deleted:
		b.mapping(e.Mapping).deleted(e)
	case esm.Left:
		b.mapping(e.Mapping).left(e)
	case esm.Scaled:
		b.mapping(e.Mapping).Pollers = e.Pollers
	case esm.State:
		b.mapping(e.Mapping).State = e.State
	case esm.Failing:
		b.mapping(e.Mapping).failing(e)
	case esm.Environments:
		f := b.function(e.Function)
		f.Environments, f.Busy = e.Alive, e.Busy
	case esm.Started:
		b.function(e.Function).started(e)
	case esm.Ran:
		b.function(e.Function).ran(e)
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
