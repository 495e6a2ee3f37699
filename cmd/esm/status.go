package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/mappings"
)

const defaultListen = "127.0.0.1:9001"

func statusCommand() *cobra.Command {
	var listen string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running engine does",
		Long: `Shows, for each event source mapping of a running engine, its state, how many
pollers it runs or shards it reads, how many batches are with the function now,
what became of the last batch and the last error; below a stream, the shards
that are in trouble; and for each function its environments. Where each shard
stands is in --json.

Exits with 1 when no engine answers.`,
		Example:           "  esm status\n  esm status --json | jq '.EventSourceMappings[].State'",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usageError{fmt.Errorf("--listen %q is not host:port, such as %s", listen, defaultListen)}
			}
			status, raw, err := askStatus(cmd.Context(), listen)
			if err != nil {
				return err
			}
			if asJSON {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			return writeStatus(cmd.OutOrStdout(), status, time.Now())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	completeFlag(cmd, "listen", defaultListen)
	return cmd
}

// statusWithin is how long a running engine may take to answer, and mostStatus how much.
const (
	statusWithin = 5 * time.Second
	mostStatus   = 64 << 20 // bytes
)

// askStatus asks the engine at an address. Raw is its answer as it came.
func askStatus(ctx context.Context, address string) (status engineStatus, raw []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+statusPath, nil)
	if err != nil {
		return status, nil, usageError{fmt.Errorf("--listen %q: %w", address, err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return status, nil, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", address, err)
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(io.LimitReader(resp.Body, mostStatus))
	if err != nil {
		return status, nil, fmt.Errorf("no engine answers on %s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &status) != nil || status.Version == "" {
		return status, nil, fmt.Errorf("no engine answers on %s, but something else does (HTTP %d)", address, resp.StatusCode)
	}
	return status, raw, nil
}

// writeStatus writes a status for people, as it is at the time now.
func writeStatus(out io.Writer, s engineStatus, now time.Time) error {
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
	if len(queues) > 0 || len(streams) == 0 {
		writeQueues(w, queues)
	}
	writeStreams(w, streams, now)
	writeFunctions(w, s.Functions)
	writeWarnings(w, s.Mappings)
	_, err := out.Write(w.Bytes())
	return err
}

// columns begins a table. It is written when it is flushed.
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
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", f.Name, f.Environments, f.Busy, f.Invocations, f.Errors, f.Throttles,
			note(f.LastError, 80))
	}
}

// stateOf is a mapping's state, with what is special about it.
func stateOf(m observe.MappingStatus) string {
	var marks []string
	switch {
	case m.Origin == mappings.OriginHTTP:
		marks = append(marks, "made over HTTP")
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

// writeWarnings writes what is odd about functions' answers, which is too long and too rare for a column.
func writeWarnings(w io.Writer, mappings []observe.MappingStatus) {
	for _, m := range mappings {
		if m.LastWarning != nil {
			fmt.Fprintf(w, "\nwarning: %s: %s\n", m.Title(), note(m.LastWarning, 300))
		}
	}
}

// note is a note of at most so many characters, on one line.
func note(n *observe.Note, most int) string {
	if n == nil {
		return "-"
	}
	return n.Time.Local().Format(time.TimeOnly) + " " + clip(n.Text, most)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clip shortens s to n characters on one line, none of which steers a terminal.
func clip(s string, n int) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	runes := []rune(strings.Join(words, " "))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}
