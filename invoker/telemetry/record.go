package telemetry

import "time"

// Record is the record of an event: a value of one of the types below. Its fields are those of AWS's schema.
type Record interface {
	// Type returns the event's type, such as platform.start, function or extension.
	Type() string
}

// InitStart begins an Init.
type InitStart struct {
	Initialization string `json:"initializationType"`
	Phase          string `json:"phase"` // init, or invoke for an Init within an invocation
	Function       string `json:"functionName"`
	Version        string `json:"functionVersion"`
	RuntimeVersion string `json:"runtimeVersion,omitempty"`
	Instance       string `json:"instanceId,omitempty"`
	InstanceMemory int    `json:"instanceMaxMemory,omitempty"` // bytes
}

// InitRuntimeDone ends the runtime's part of an Init.
type InitRuntimeDone struct {
	Initialization string `json:"initializationType"`
	Phase          string `json:"phase"`
	Status         string `json:"status"` // success, error, failure or timeout
	ErrorType      string `json:"errorType,omitempty"`
}

// InitReport ends an Init.
type InitReport struct {
	Initialization string   `json:"initializationType"`
	Phase          string   `json:"phase"`
	Status         string   `json:"status"`
	ErrorType      string   `json:"errorType,omitempty"`
	Metrics        Duration `json:"metrics"`
}

// Start begins an invocation.
type Start struct {
	ID      string   `json:"requestId"`
	Version string   `json:"version,omitempty"`
	Tracing *Tracing `json:"tracing,omitempty"`
}

// RuntimeDone ends the runtime's part of an invocation.
type RuntimeDone struct {
	ID        string             `json:"requestId"`
	Status    string             `json:"status"`
	ErrorType string             `json:"errorType,omitempty"`
	Metrics   RuntimeDoneMetrics `json:"metrics"`
	Spans     []Span             `json:"spans,omitempty"` // responseLatency, responseDuration and runtimeOverhead
	Tracing   *Tracing           `json:"tracing,omitempty"`
}

// Report ends an invocation.
type Report struct {
	ID        string        `json:"requestId"`
	Status    string        `json:"status"`
	ErrorType string        `json:"errorType,omitempty"`
	Metrics   ReportMetrics `json:"metrics"`
	Spans     []Span        `json:"spans,omitempty"` // extensionOverhead
	Tracing   *Tracing      `json:"tracing,omitempty"`
}

// End ends an invocation, for the Logs API only.
type End struct {
	ID string `json:"requestId"`
}

// Fault is the text about an invocation that did not end by itself, for the Logs API only.
type Fault string

// Extension is the state of an extension at the end of Init.
type Extension struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Events    []string `json:"events"`
	ErrorType string   `json:"errorType,omitempty"`
}

// Subscribed is a new subscription.
type Subscribed struct {
	Name  string   `json:"name"` // of the extension
	State string   `json:"state"`
	Types []string `json:"types"`
	API   API      `json:"-"`
}

// LogsDropped reports events that were not delivered.
type LogsDropped struct {
	Reason  string `json:"reason"`
	Records int    `json:"droppedRecords"`
	Bytes   int    `json:"droppedBytes"`
}

// Line is a line that the function or an extension wrote.
type Line struct {
	Text      string
	Extension bool
}

// Duration is the metric of an Init.
type Duration struct {
	Milliseconds float64 `json:"durationMs"`
}

// RuntimeDoneMetrics are the metrics of a runtime's part of an invocation.
type RuntimeDoneMetrics struct {
	Duration float64 `json:"durationMs"`
	Produced *int    `json:"producedBytes,omitempty"` // by the handler, of the response; nil without one
}

// ReportMetrics are the metrics of an invocation.
type ReportMetrics struct {
	Duration float64 `json:"durationMs"`
	Billed   int64   `json:"billedDurationMs"`
	Size     int     `json:"memorySizeMB"`
	Memory   int     `json:"maxMemoryUsedMB"`
	Init     float64 `json:"initDurationMs,omitempty"`
}

// Span is a part of an invocation.
type Span struct {
	Name     string  `json:"name"`
	Start    string  `json:"start"`
	Duration float64 `json:"durationMs"`
}

// NewSpan returns the span from start to end.
func NewSpan(name string, start, end time.Time) Span {
	return Span{Name: name, Start: FormatTime(start), Duration: Milliseconds(end.Sub(start))}
}

// Tracing is the X-Ray context of an invocation.
type Tracing struct {
	SpanID string `json:"spanId,omitempty"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// Milliseconds returns d in milliseconds, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// FormatTime returns t as events have it.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Types of events.
func (InitStart) Type() string       { return "platform.initStart" }
func (InitRuntimeDone) Type() string { return "platform.initRuntimeDone" }
func (InitReport) Type() string      { return "platform.initReport" }
func (Start) Type() string           { return "platform.start" }
func (RuntimeDone) Type() string     { return "platform.runtimeDone" }
func (Report) Type() string          { return "platform.report" }
func (End) Type() string             { return "platform.end" }
func (Fault) Type() string           { return "platform.fault" }
func (Extension) Type() string       { return "platform.extension" }
func (LogsDropped) Type() string     { return "platform.logsDropped" }

// Type returns platform.telemetrySubscription or platform.logsSubscription.
func (s Subscribed) Type() string {
	if s.API == Logs {
		return "platform.logsSubscription"
	}
	return "platform.telemetrySubscription"
}

// Type returns function or extension.
func (l Line) Type() string {
	if l.Extension {
		return extension
	}
	return function
}
