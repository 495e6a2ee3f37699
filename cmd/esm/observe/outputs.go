package observe

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/esm-run/esm/trace"
)

// Outputs writes what handlers print, each line labeled with function and request ID. Its fields are set before the first
// use. It belongs to one goroutine.
type Outputs struct {
	W        io.Writer // receives whole lines
	JSON     bool      // each line is a JSON object
	Platform bool      // also write the platform's lines: START, END and REPORT

	line []byte
}

// Report writes the line of an Output. It ignores other events.
func (o *Outputs) Report(_ time.Time, e trace.Event) {
	out, ok := e.(trace.Output)
	if !ok || out.Platform && !o.Platform {
		return
	}
	if o.JSON {
		enc := json.NewEncoder(o.W)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(outputLine{out.Time.UTC(), out.Function, out.ID, out.Line})
		return
	}
	id := out.ID
	if id == "" {
		id = "-"
	}
	// Lambda's runtimes join the lines of one event, such as a traceback, by carriage returns: on a terminal each would
	// overwrite the one before.
	o.line = o.line[:0]
	for part := range strings.SplitSeq(strings.TrimRight(out.Line, "\r"), "\r") {
		o.line = append(o.line, '[')
		o.line = append(o.line, out.Function...)
		o.line = append(o.line, ' ')
		o.line = append(o.line, id...)
		o.line = append(o.line, "] "...)
		o.line = append(o.line, part...)
		o.line = append(o.line, '\n')
	}
	_, _ = o.W.Write(o.line)
}

type outputLine struct {
	Time      time.Time `json:"time"`
	Function  string    `json:"function"`
	RequestID string    `json:"requestId,omitempty"`
	Line      string    `json:"line"`
}
