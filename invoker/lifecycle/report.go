package lifecycle

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const jsonFormat = "JSON"

// reporter writes the platform's lines of one environment, in the function's log format (AWS: "Lambda function logs"). In
// JSON it writes only what Lambda shows at the level INFO.
type reporter struct {
	output *Output
	size   int // MB that the function is configured with
	json   bool
	as     invoker.Initialization
}

func newReporter(o *Output, fn config.Function, as invoker.Initialization) reporter {
	return reporter{output: o, size: fn.Memory(), json: fn.LoggingConfig.LogFormat == jsonFormat, as: as}
}

func (r reporter) start(id string) {
	switch {
	case r.output.trace == nil:
	case r.json:
		r.event(id, "platform.start", struct {
			ID      string `json:"requestId"`
			Version string `json:"version"`
		}{id, runtimeapi.Version})
	default:
		r.output.platform(id, "START RequestId: "+id+" Version: "+runtimeapi.Version)
	}
}

// end reports an invocation that is over. memory is the most that the environment has used, in MB.
func (r reporter) end(inv *invocation, memory int) {
	switch {
	case r.output.trace == nil:
	case r.json:
		r.endJSON(inv, memory)
	default:
		r.output.platform(inv.id, "END RequestId: "+inv.id)
		r.output.platform(inv.id, r.line(inv, memory))
		r.oldLines(inv)
	}
}

// oldLines writes the lines by which Lambda used to report a timeout or a crash: people search their logs for them.
func (r reporter) oldLines(inv *invocation) {
	switch {
	case inv.failure == nil:
	case inv.status == "timeout":
		r.output.platform(inv.id, time.Now().UTC().Format(timeFormat)+" "+inv.id+" "+inv.failure.Text)
	default:
		r.output.platform(inv.id, "RequestId: "+inv.id+" Error: "+inv.failure.Text)
		r.output.platform(inv.id, inv.failure.Type)
	}
}

const timeFormat = "2006-01-02T15:04:05.000Z"

func (r reporter) line(inv *invocation, memory int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, milliseconds(inv.took), inv.billed(), r.size, memory)
	if inv.init > 0 {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", milliseconds(inv.init))
	}
	switch {
	case inv.status == "timeout":
		b.WriteString("Status: timeout")
	case inv.fault != "" && inv.fault != runtimeapi.Unhandled:
		b.WriteString("Status: error\tError Type: " + inv.errorType)
	}
	return b.String()
}

// initEnded reports an Init that failed, took too long or ran in advance; the first invocation reports any other. It ran
// within the invocation id, or before any if id is empty.
func (r reporter) initEnded(id string, took time.Duration, status, errorType string) {
	phase := "init"
	if id != "" {
		phase = "invoke"
	}
	if r.json {
		r.event(id, "platform.initReport", struct {
			Initialization string  `json:"initializationType"`
			Phase          string  `json:"phase"`
			Status         string  `json:"status"`
			ErrorType      string  `json:"errorType,omitempty"`
			Metrics        metrics `json:"metrics"`
		}{string(r.as), phase, status, errorType, metrics{Duration: milliseconds(took)}})
		return
	}
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
	if errorType != "" {
		line += "\tError Type: " + errorType
	}
	r.output.platform(id, line)
}

type metrics struct {
	Duration float64 `json:"durationMs"`
	Billed   int64   `json:"billedDurationMs,omitempty"`
	Size     int     `json:"memorySizeMB,omitempty"`
	Memory   int     `json:"maxMemoryUsedMB,omitempty"`
	Init     float64 `json:"initDurationMs,omitempty"`
}

func (r reporter) endJSON(inv *invocation, memory int) {
	record := struct {
		ID        string  `json:"requestId"`
		Status    string  `json:"status"`
		ErrorType string  `json:"errorType,omitempty"`
		Metrics   metrics `json:"metrics"`
	}{inv.id, inv.status, inv.errorType, metrics{Duration: milliseconds(inv.took)}}
	if inv.status != "success" {
		r.event(inv.id, "platform.runtimeDone", record)
	}
	record.Metrics = metrics{milliseconds(inv.took), inv.billed(), r.size, memory, milliseconds(inv.init)}
	r.event(inv.id, "platform.report", record)
}

func (r reporter) event(id, kind string, record any) {
	line, err := json.Marshal(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{time.Now().UTC().Format(timeFormat), kind, record})
	if err == nil { // the records here always marshal
		r.output.platform(id, string(line))
	}
}

// billed returns the milliseconds that Lambda bills: since August 2025, with the Init.
func (i *invocation) billed() int64 { return int64(math.Ceil(milliseconds(i.took + i.init))) }

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
