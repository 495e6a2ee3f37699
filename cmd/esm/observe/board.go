// Package observe turns what the engine tells into what people and machines read: lines on a terminal, structured logs,
// Prometheus metrics and the status of every mapping.
package observe

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// Tee tells every trace.
func Tee(traces ...esm.Trace) esm.Trace {
	return func(e esm.Event) {
		for _, t := range traces {
			t.Tell(e)
		}
	}
}

// Mapping says which mapping the events mean by its UUID.
type Mapping struct {
	UUID     string            `json:"UUID"`
	Source   string            `json:"EventSourceArn"`
	Function string            `json:"FunctionName"`
	Tags     map[string]string `json:"Tags,omitempty"`
}

// SourceName is the last part of the source's ARN: the queue's name.
func (m Mapping) SourceName() string { return m.Source[strings.LastIndex(m.Source, ":")+1:] }

// MappingStatus is what one mapping does at the moment.
type MappingStatus struct {
	Mapping
	State      string `json:"State"` // Creating, Enabled, Disabled or Disabling, as in Lambda's API
	Pollers    int    `json:"Pollers"`
	InFlight   int    `json:"InFlight"`   // batches with the function now
	LastResult string `json:"LastResult"` // Done, or the reason why the last batch was not; empty before the first
	LastBatch  *Batch `json:"LastBatch,omitempty"`
	LastError  *Error `json:"LastError,omitempty"` // the last error, also when it has passed
	Failing    bool   `json:"Failing"`             // the source cannot be read at the moment
	Polling    bool   `json:"Polling"`             // the source was read at least once

	Polled, FilteredOut, Invoked, FailedInvoke, Deleted int64 // records since the start
}

// Batch is one that the function was called with.
type Batch struct {
	Time    time.Time     `json:"Time"`
	Records int           `json:"Records"`
	Took    time.Duration `json:"TookNanoseconds"`
}

// Error is one that a mapping met.
type Error struct {
	Time time.Time `json:"Time"`
	Text string    `json:"Text"`
}

// FunctionStatus is what one function does at the moment.
type FunctionStatus struct {
	Name         string `json:"FunctionName"`
	Environments int    `json:"Environments"`
	Busy         int    `json:"Busy"`
	Invocations  int64  `json:"Invocations"`
	Errors       int64  `json:"Errors"`
	Throttles    int64  `json:"Throttles"`
	LastError    *Error `json:"LastError,omitempty"`
}

// Status is the whole engine's.
type Status struct {
	Mappings  []MappingStatus  `json:"EventSourceMappings"`
	Functions []FunctionStatus `json:"Functions"`
}

// Board keeps the status up to date. Its Trace may be told from many goroutines.
type Board struct {
	now func() time.Time

	mu        sync.Mutex
	mappings  map[string]*MappingStatus
	functions map[string]*FunctionStatus
}

// NewBoard makes a board of mappings and functions that have not begun.
func NewBoard(mappings []Mapping, functions []string) *Board {
	b := &Board{now: time.Now, mappings: map[string]*MappingStatus{}, functions: map[string]*FunctionStatus{}}
	for _, m := range mappings {
		b.mappings[m.UUID] = &MappingStatus{Mapping: m, State: "Creating"}
	}
	for _, f := range functions {
		b.functions[f] = &FunctionStatus{Name: f}
	}
	return b
}

// Status returns a copy, sorted by source and by function.
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
		return strings.Compare(x.Source+x.Function, y.Source+y.Function)
	})
	slices.SortFunc(s.Functions, func(x, y FunctionStatus) int { return strings.Compare(x.Name, y.Name) })
	return s
}

// Ready reports whether every enabled mapping has reached its source, and names those that have not.
func (b *Board) Ready() (waiting []string) {
	for _, m := range b.Status().Mappings {
		if m.State != "Disabled" && !m.Polling {
			waiting = append(waiting, m.SourceName()+" → "+m.Function)
		}
	}
	return waiting
}

// Trace keeps the board up to date.
func (b *Board) Trace(e esm.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case esm.Received, esm.Filtered, esm.Invoking, esm.Invoked, esm.Deleted, esm.Left, esm.Scaled, esm.State, esm.Failing:
		b.ofMapping(e)
	case esm.Environments:
		if f := b.functions[e.Function]; f != nil {
			f.Environments, f.Busy = e.Alive, e.Busy
		}
	case esm.Started:
		if f := b.functions[e.Function]; f != nil && e.Err != nil {
			f.LastError = &Error{b.now(), e.Err.Error()}
		}
	case esm.Ran:
		b.ran(e)
	}
}

func (b *Board) ran(e esm.Ran) {
	f := b.functions[e.Function]
	if f == nil {
		return
	}
	switch {
	case e.Throttled:
		f.Throttles++
	case e.Fault != "":
		f.Invocations++
		f.Errors++
	case e.Err == nil:
		f.Invocations++
	}
}

func (b *Board) ofMapping(e esm.Event) {
	switch e := e.(type) {
	case esm.Received:
		b.with(e.Mapping, func(m *MappingStatus) {
			if e.Err == nil {
				m.Polling, m.Failing = true, false
			}
			m.Polled += int64(len(e.Records))
		})
	case esm.Filtered:
		b.with(e.Mapping, func(m *MappingStatus) { m.FilteredOut += int64(len(e.Records)) })
	case esm.Invoking:
		b.with(e.Mapping, func(m *MappingStatus) {
			m.InFlight++
			m.Invoked += int64(len(e.Records))
		})
	case esm.Invoked:
		b.with(e.Mapping, func(m *MappingStatus) { m.invoked(e, b.now()) })
	case esm.Deleted:
		b.with(e.Mapping, func(m *MappingStatus) {
			if !e.Filtered {
				m.Deleted += int64(len(e.Records))
			}
		})
	case esm.Left:
		b.with(e.Mapping, func(m *MappingStatus) {
			if e.Err != nil {
				m.LastError = &Error{b.now(), e.Err.Error()}
			}
		})
	case esm.Scaled:
		b.with(e.Mapping, func(m *MappingStatus) { m.Pollers = e.Pollers })
	case esm.State:
		b.with(e.Mapping, func(m *MappingStatus) { m.State = e.State })
	case esm.Failing:
		b.with(e.Mapping, func(m *MappingStatus) { m.Failing, m.LastError = true, &Error{b.now(), e.Err.Error()} })
	}
}

func (b *Board) with(uuid string, change func(*MappingStatus)) {
	if m := b.mappings[uuid]; m != nil {
		change(m)
	}
}

func (m *MappingStatus) invoked(e esm.Invoked, now time.Time) {
	m.InFlight--
	m.FailedInvoke += int64(failedRecords(e))
	m.LastBatch = &Batch{Time: now, Records: len(e.Records), Took: e.Took}
	m.LastResult = e.Verdict
	if e.Reason != "" {
		m.LastResult = e.Reason
	}
	if e.Detail != "" {
		m.LastError = &Error{now, e.Detail}
	}
}

// failedRecords counts what AWS's FailedInvokeEventCount does: the reported records of a partial failure, else all.
func failedRecords(e esm.Invoked) int {
	switch e.Verdict {
	case "Done":
		return 0
	case "Partial":
		return len(e.Failed)
	}
	return len(e.Records)
}
