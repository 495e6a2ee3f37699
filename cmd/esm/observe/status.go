package observe

import (
	"errors"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// Status is what the engine does at the moment.
type Status struct {
	Mappings  []MappingStatus  `json:"EventSourceMappings"`
	Functions []FunctionStatus `json:"Functions"`
}

// Waiting names the mappings that are to poll and have not reached their source yet.
func (s Status) Waiting() (titles []string) {
	for _, m := range s.Mappings {
		if !m.Polling && m.State != mappings.Disabled && m.State != mappings.Disabling && m.State != mappings.Deleting {
			titles = append(titles, m.Title())
		}
	}
	return titles
}

// MappingStatus is what one mapping does at the moment.
type MappingStatus struct {
	Mapping
	State    string `json:"State"`             // Creating, Enabled, Disabled …
	Origin   string `json:"Origin,omitempty"`  // File or HTTP
	Changed  bool   `json:"Changed,omitempty"` // over HTTP, what the file has
	Polling  bool   `json:"Polling"`           // the source was read at least once
	Failing  bool   `json:"Failing"`           // the last try to read the source failed
	Pollers  int    `json:"Pollers"`           // loops, each with one batch in hand at a time
	InFlight int    `json:"InFlight"`          // batches with the function now

	LastResult  string         `json:"LastResult"` // Done, or the reason why the last batch was not; empty before the first
	lastVerdict *trace.Verdict // of the same batch
	lastDetail  string         // likewise
	LastBatch   *Batch         `json:"LastBatch,omitempty"`
	LastError   *Note          `json:"LastError,omitempty"`   // also when it has passed
	LastWarning *Note          `json:"LastWarning,omitempty"` // an answer whose author probably meant something else, or a queue whose polls do not wait

	// Records since the start, counted as AWS counts its metrics of these names.
	Polled       int64 `json:"Polled"`
	FilteredOut  int64 `json:"FilteredOut"`
	Invoked      int64 `json:"Invoked"`
	FailedInvoke int64 `json:"FailedInvoke"`
	Deleted      int64 `json:"Deleted"` // of queues alone

	*StreamStatus // nil for queues
}

// Batch is one that the function was called with.
type Batch struct {
	Time    time.Time     `json:"Time"`
	Records int           `json:"Records"`
	Took    time.Duration `json:"TookNanoseconds"`
}

// Note is something that a mapping or a function met, in words for people.
type Note struct {
	Time time.Time `json:"Time"`
	Text string    `json:"Text"`
}

// FunctionStatus is what one function does at the moment.
type FunctionStatus struct {
	Name         string `json:"FunctionName"`
	Environments int    `json:"Environments"`
	Busy         int    `json:"Busy"`

	// Invocations since the start, as AWS counts them: what was throttled is neither an invocation nor an error.
	Invocations int64 `json:"Invocations"`
	Errors      int64 `json:"Errors"`
	Throttles   int64 `json:"Throttles"`
	LastError   *Note `json:"LastError,omitempty"` // also when it has passed
}

func noteNow(text string) *Note { return &Note{time.Now(), text} }

func (m *MappingStatus) received(e trace.Received) {
	m.Polled += int64(len(e.Records))
	if e.Err == nil {
		m.Polling = true
		m.Failing = m.Failing && e.Shard != "" // a shard that can be read says nothing of its stream
	}
	if m.StreamStatus != nil {
		m.shards.received(e)
	}
}

func (m *MappingStatus) failing(e trace.Failing) {
	m.Failing = m.Failing || e.Shard == ""
	m.LastError = noteNow(e.Err.Error())
	if errors.Is(e.Err, esm.ErrRefused) { // there is no function to run, so that nothing comes to be invoked
		m.lastVerdict, m.lastDetail = new(trace.Refused), e.Err.Error()
	}
	if m.StreamStatus != nil {
		m.shards.failed(e)
	}
}

func (m *MappingStatus) filtered(e trace.Filtered) {
	m.FilteredOut += int64(len(e.Records))
	if m.StreamStatus != nil {
		m.shards.filtered(e)
	}
}

func (m *MappingStatus) invoking(e trace.Invoking) {
	if m.StreamStatus != nil {
		m.shards.invoking(e)
	}
	m.InFlight++
	m.Invoked += int64(len(e.Records))
}

func (m *MappingStatus) invoked(e trace.Invoked) {
	if m.StreamStatus != nil {
		m.shards.invoked(e)
	}
	m.InFlight--
	m.FailedInvoke += int64(failedRecords(e))
	m.LastBatch = &Batch{Time: time.Now(), Records: len(e.Records), Took: e.Took}
	m.LastResult, m.lastVerdict, m.lastDetail = result(e), &e.Verdict, e.Detail
	switch {
	case e.Detail == "":
	case e.Verdict == trace.Done:
		m.LastWarning = noteNow(e.Detail)
	default:
		m.LastError = noteNow(brief(e.Detail))
	}
}

func (m *MappingStatus) deleted(e trace.Deleted) {
	if !e.Filtered {
		m.Deleted += int64(len(e.Records))
	}
}

func (m *MappingStatus) left(e trace.Left) {
	switch {
	case e.Err != nil:
		m.LastError = noteNow(string(e.Reason) + ": " + e.Err.Error())
	case untold(e) && !expected(e):
		m.LastError = noteNow(string(e.Reason))
	}
}

func (f *FunctionStatus) started(e trace.Started) {
	if e.Err != nil {
		f.LastError = noteNow(e.Err.Error())
	}
}

func (f *FunctionStatus) ran(e trace.Ran) {
	switch {
	case e.Throttled:
		f.Throttles++
		return
	case e.Err != nil:
		f.LastError = noteNow(e.Err.Error())
		return
	case e.Fault != "":
		f.Errors++
		f.LastError = noteNow(e.Fault)
	}
	f.Invocations++
}
