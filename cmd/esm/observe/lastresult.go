package observe

import (
	"cmp"

	"github.com/esm-run/esm/trace"
)

const (
	noRecords = "No records processed"
	problem   = "PROBLEM: "
)

// LastProcessingResult returns Lambda's LastProcessingResult of a stream mapping (AWS: API reference,
// EventSourceMappingConfiguration).
func (m *Monitor) LastProcessingResult(uuid string) string {
	s := m.state(uuid)
	if s == nil {
		return noRecords
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failing && s.lastError != nil:
		return problem + s.lastError.Text
	case !s.judged:
		return noRecords
	}
	switch s.lastVerdict {
	case trace.Done, trace.Partial:
		return "OK"
	case trace.NotRun, trace.Refused:
		return problem + cmp.Or(s.lastDetail, s.lastResult)
	}
	return problem + "Function call failed"
}
