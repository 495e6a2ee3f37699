// Package status asks a running engine for its status and prints it.
package status

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/mappings"
)

// Limits of an engine's response.
const (
	timeout = 5 * time.Second
	maxSize = 64 << 20 // bytes
)

// Ask asks the engine at address for its status. Raw is its response.
func Ask(ctx context.Context, address string) (status httpserver.Status, raw []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+httpserver.StatusPath, nil)
	if err != nil {
		return status, nil, usage.Errorf("--listen %q: %w", address, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return status, nil, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", address, err)
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(resp.Body, maxSize))
	if err != nil {
		return status, nil, fmt.Errorf("no engine answers on %s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &status) != nil || status.Version == "" {
		return status, nil, fmt.Errorf("no engine answers on %s, but something else does (HTTP %d)", address, resp.StatusCode)
	}
	return status, raw, nil
}

// Write writes a status for people, as of now.
func Write(out io.Writer, s httpserver.Status, now time.Time) error {
	w := new(bytes.Buffer)
	fmt.Fprintf(w, "esm %s, process %d, up %s\n", s.Version, s.PID, now.Sub(s.Started).Round(time.Second))
	if !s.Ready {
		fmt.Fprintf(w, "not ready, waiting for %s\n", strings.Join(s.Waiting, ", "))
	}
	var queues, streams []observe.MappingStatus
	for _, m := range s.Mappings {
		if m.StreamStatus == nil {
			queues = append(queues, m)
		} else {
			streams = append(streams, m)
		}
	}
	if len(queues) > 0 {
		writeQueues(w, queues)
	}
	writeStreams(w, streams, now)
	writeFunctions(w, s.Functions)
	writeEnvironments(w, s.Functions, now)
	writeEvents(w, s.Functions)
	writeWarnings(w, s.Mappings)
	_, err := out.Write(w.Bytes())
	return err
}

// columns begins a table, which is written when it is flushed.
func columns(w io.Writer, header string) *tabwriter.Writer {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, header)
	return table
}

func writeQueues(w io.Writer, queues []observe.MappingStatus) {
	table := columns(w, "\nSOURCE\tFUNCTION\tSTATE\tPOLLERS\tIN FLIGHT\tPOLLED\tDELETED\tLAST RESULT\tLAST ERROR")
	defer table.Flush()
	for _, m := range queues {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", m.SourceName(), m.Function, stateOf(m), m.Pollers, m.InFlight,
			m.Polled, m.Deleted, orDash(m.LastResult), note(m.LastError, 80))
	}
}

func writeFunctions(w io.Writer, functions []observe.FunctionStatus) {
	table := columns(w, "\nFUNCTION\tENVIRONMENTS\tBUSY\tINVOCATIONS\tERRORS\tTHROTTLES\tLAST ERROR")
	defer table.Flush()
	for _, f := range functions {
		if f.Missing {
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", f.Name, f.Environments, f.Busy, f.Invocations, f.Errors, f.Throttles,
			note(f.LastError, 80))
	}
}

// writeEvents writes a table of the functions that have, or had, asynchronous events.
func writeEvents(w io.Writer, functions []observe.FunctionStatus) {
	functions = slices.DeleteFunc(slices.Clone(functions), func(f observe.FunctionStatus) bool {
		e := f.Events
		return e.Waiting+e.InFlight == 0 && e.Received+e.Succeeded+e.Dropped == 0
	})
	if len(functions) == 0 {
		return
	}
	table := columns(w, "\nASYNC EVENTS OF\tWAITING\tIN FLIGHT\tOLDEST\tNEXT DUE\tRECEIVED\tSUCCEEDED\tDROPPED\tLAST DROPPED")
	defer table.Flush()
	for _, f := range functions {
		e, oldest, next := f.Events, "-", "-"
		if e.Waiting+e.InFlight > 0 {
			oldest = e.OldestAge.Round(time.Second).String()
		}
		if !e.NextDue.IsZero() {
			next = e.NextDue.Local().Format(time.TimeOnly)
		}
		name := f.Name
		if f.Missing {
			name += " (not in the file)"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%s\n", name, e.Waiting, e.InFlight, oldest, next, e.Received, e.Succeeded,
			e.Dropped, note(e.LastDropped, 80))
	}
}

// stateOf returns a mapping's state, followed by what is special about it.
func stateOf(m observe.MappingStatus) string {
	var marks []string
	switch {
	case m.Origin == mappings.OriginHTTP:
		marks = append(marks, "created over HTTP")
	case m.Changed:
		marks = append(marks, "changed over HTTP")
	}
	if m.Failing {
		marks = append(marks, "failing")
	}
	if len(marks) == 0 {
		return m.State
	}
	return m.State + " (" + strings.Join(marks, ", ") + ")"
}

// writeWarnings writes warnings about functions' responses, which are too long and too rare for a column.
func writeWarnings(w io.Writer, mappings []observe.MappingStatus) {
	for _, m := range mappings {
		if m.LastWarning != nil {
			fmt.Fprintf(w, "\nwarning: %s: %s\n", m.Title(), note(m.LastWarning, 300))
		}
	}
}

// note formats a note of at most limit characters on one line.
func note(n *observe.Note, limit int) string {
	if n == nil {
		return "-"
	}
	return n.Time.Local().Format(time.TimeOnly) + " " + logging.OneLine(n.Text, limit)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
