package observe

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/trace"
)

// Outputs writes what handlers print, apart from the engine's own lines: each line labelled with function and request
// id. Its fields are set before the first use.
type Outputs struct {
	W        io.Writer // gets whole lines, one at a time; where it is gone, lines are lost
	JSON     bool      // an object a line, else text
	Platform bool      // also the platform's lines: START, END and REPORT

	mu sync.Mutex // held while a line is written
}

// Trace is an [trace.Func].
func (o *Outputs) Trace(e trace.Event) {
	line, ok := e.(trace.Output)
	if !ok || line.Platform && !o.Platform {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.JSON {
		out := json.NewEncoder(o.W)
		out.SetEscapeHTML(false)
		_ = out.Encode(outputLine{line.Time.UTC(), line.Function, line.ID, line.Line})
		return
	}
	id := line.ID
	if id == "" {
		id = "-"
	}
	// Lambda's runtimes join the lines of one event, such as a traceback, by carriage returns: on a terminal each would
	// overwrite the one before.
	var text []byte
	for part := range strings.SplitSeq(strings.TrimRight(line.Line, "\r"), "\r") {
		text = fmt.Appendf(text, "[%s %s] %s\n", line.Function, id, part)
	}
	_, _ = o.W.Write(text)
}

type outputLine struct {
	Time      time.Time `json:"time"`
	Function  string    `json:"function"`
	RequestID string    `json:"requestId,omitempty"`
	Line      string    `json:"line"`
}
