package process

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const jsonFormat = "JSON"

// report is what the platform writes about one invocation (AWS: "Lambda function logs").
type report struct {
	id        string
	took      time.Duration
	init      time.Duration // of an Init before the first invocation; 0 for none
	memory    int           // MB, the most that was used
	status    string        // success, error or timeout
	errorType string
	fault     string              // as in the Response
	failure   *runtimeapi.Failure // nil when the runtime spoke for itself
}

// reporter writes the platform's lines of one function, in its log format. In JSON only what Lambda shows at the level
// INFO is written.
type reporter struct {
	journal *journal
	size    int // MB that the function is configured with
	json    bool
}

func newReporter(j *journal, fn config.Function) reporter {
	return reporter{journal: j, size: fn.Memory(), json: fn.LoggingConfig.LogFormat == jsonFormat}
}

func (r reporter) start(id string) {
	if r.journal.trace == nil {
		return
	}
	if r.json {
		r.event(id, "platform.start", struct {
			ID      string `json:"requestId"`
			Version string `json:"version"`
		}{id, runtimeapi.Version})
		return
	}
	r.journal.platform(id, "START RequestId: "+id+" Version: "+runtimeapi.Version)
}

func (r reporter) end(p report) {
	if r.journal.trace == nil {
		return
	}
	if r.json {
		r.endJSON(p)
		return
	}
	r.journal.platform(p.id, "END RequestId: "+p.id)
	r.journal.platform(p.id, r.line(p))
	if p.failure == nil {
		return
	}
	// Lambda used to say it in these words, for which people search their logs.
	if p.status == "timeout" {
		r.journal.platform(p.id, time.Now().UTC().Format(timeFormat)+" "+p.id+" "+p.failure.Text)
		return
	}
	r.journal.platform(p.id, "RequestId: "+p.id+" Error: "+p.failure.Text)
	r.journal.platform(p.id, p.failure.Type)
}

const timeFormat = "2006-01-02T15:04:05.000Z"

func (r reporter) line(p report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		p.id, milliseconds(p.took), p.billed(), r.size, p.memory)
	if p.init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", milliseconds(p.init))
	}
	switch {
	case p.status == "timeout":
		b.WriteString("Status: timeout")
	case p.fault != "" && p.fault != runtimeapi.Unhandled:
		b.WriteString("Status: error\tError Type: " + p.errorType)
	}
	return b.String()
}

// initFailed tells of an Init that failed or took too long. The phase is init, or invoke for one that ran within an
// invocation.
func (r reporter) initFailed(id, phase string, took time.Duration, status, errorType string) {
	if r.json {
		r.event(id, "platform.initReport", struct {
			Initialization string  `json:"initializationType"`
			Phase          string  `json:"phase"`
			Status         string  `json:"status"`
			ErrorType      string  `json:"errorType,omitempty"`
			Metrics        metrics `json:"metrics"`
		}{"on-demand", phase, status, errorType, metrics{Duration: milliseconds(took)}})
		return
	}
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
	if errorType != "" {
		line += "\tError Type: " + errorType
	}
	r.journal.platform(id, line)
}

type metrics struct {
	Duration float64 `json:"durationMs"`
	Billed   int64   `json:"billedDurationMs,omitempty"`
	Size     int     `json:"memorySizeMB,omitempty"`
	Memory   int     `json:"maxMemoryUsedMB,omitempty"`
	Init     float64 `json:"initDurationMs,omitempty"`
}

func (r reporter) endJSON(p report) {
	record := struct {
		ID        string  `json:"requestId"`
		Status    string  `json:"status"`
		ErrorType string  `json:"errorType,omitempty"`
		Metrics   metrics `json:"metrics"`
	}{p.id, p.status, p.errorType, metrics{Duration: milliseconds(p.took)}}
	if p.status != "success" {
		r.event(p.id, "platform.runtimeDone", record)
	}
	record.Metrics = metrics{milliseconds(p.took), p.billed(), r.size, p.memory, milliseconds(p.init)}
	r.event(p.id, "platform.report", record)
}

func (r reporter) event(id, kind string, record any) {
	line, err := json.Marshal(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{time.Now().UTC().Format(timeFormat), kind, record})
	if err == nil { // the records here always marshal
		r.journal.platform(id, string(line))
	}
}

// billed includes the Init, which Lambda bills since August 2025.
func (p report) billed() int64 { return int64(math.Ceil(milliseconds(p.took + p.init))) }

// milliseconds has a precision of microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
