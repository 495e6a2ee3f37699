package observe

import (
	"cmp"

	"github.com/esm-run/esm/trace"
)

// LastProcessingResult is what Lambda says of a mapping with a stream (AWS: API reference, EventSourceMappingConfiguration).
// A mapping that is not known has processed nothing.
func (b *Board) LastProcessingResult(uuid string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.mappings[uuid]
	switch {
	case m == nil:
		return noRecords
	case m.Failing && m.LastError != nil:
		return problem + m.LastError.Text
	case m.lastVerdict == nil:
		return noRecords
	}
	switch *m.lastVerdict {
	case trace.Done, trace.Partial:
		return "OK"
	case trace.NotRun, trace.Refused:
		return problem + m.unrun()
	}
	return problem + "Function call failed"
}

const (
	noRecords = "No records processed"
	problem   = "PROBLEM: "
)

// unrun says why the last batch could not be run.
func (m *MappingStatus) unrun() string { return cmp.Or(m.lastDetail, m.LastResult) }
