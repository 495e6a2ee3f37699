package telemetry

import (
	"encoding/json"
	"strings"
	"time"
)

// Categories of events, to which extensions subscribe.
const (
	platform  = "platform"
	function  = "function"
	extension = "extension"
)

// category returns the category of events of this type.
func category(kind string) string {
	name, _, _ := strings.Cut(kind, ".")
	return name
}

// schema is how a subscription wants its events.
type schema struct {
	api     API
	objects bool // lines that are JSON objects are passed on as such
	done    bool // platform.runtimeDone exists
}

// encode returns the event of r as JSON, or nil if the schema does not have it.
func (s schema) encode(at time.Time, r Record) []byte {
	body := s.body(r)
	if body == nil {
		return nil
	}
	text, err := Encode(at, r.Type(), body)
	if err != nil { // a line that only looked like an object; any other record marshals
		return nil
	}
	return text
}

// Encode returns an event as JSON.
func Encode(at time.Time, kind string, record any) ([]byte, error) {
	return json.Marshal(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{FormatTime(at), kind, record})
}

// body returns r as the schema has it, or nil if it does not.
func (s schema) body(r Record) any {
	if l, ok := r.(Line); ok {
		if s.objects && IsObject(l.Text) {
			return json.RawMessage(l.Text)
		}
		return l.Text
	}
	if s.api == Logs {
		return s.logsBody(r)
	}
	switch r.(type) {
	case End, Fault:
		return nil
	}
	return r
}

// logsBody returns a platform record as the Logs API has it (AWS: "Lambda Logs API").
func (s schema) logsBody(r Record) any {
	switch r := r.(type) {
	case InitStart, InitRuntimeDone, InitReport:
		return nil
	case Start:
		r.Tracing = nil
		return r
	case RuntimeDone:
		if !s.done {
			return nil
		}
		status := r.Status
		if status == "error" { // the Logs API has success, failure and timeout
			status = "failure"
		}
		return struct {
			ID     string `json:"requestId"`
			Status string `json:"status"`
		}{r.ID, status}
	case Report:
		return struct {
			ID      string        `json:"requestId"`
			Metrics ReportMetrics `json:"metrics"`
		}{r.ID, r.Metrics}
	}
	return r
}

// IsObject reports whether line is a JSON object.
func IsObject(line string) bool {
	return strings.HasPrefix(strings.TrimLeft(line, " \t\r"), "{") && json.Valid([]byte(line))
}
