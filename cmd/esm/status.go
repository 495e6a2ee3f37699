package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/observe"
)

const defaultListen = "127.0.0.1:9001"

func statusCommand() *cobra.Command {
	var listen string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running engine does",
		Long: `Shows, for each event source mapping of a running engine, its state, how many
pollers it runs, how many batches are with the function now, what became of the
last batch and the last error; and for each function its environments.

Exits with 1 when no engine answers.`,
		Example: "  esm status\n  esm status --json | jq '.EventSourceMappings[].State'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, raw, err := askStatus(cmd.Context(), listen)
			if err != nil {
				return err
			}
			if asJSON {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			return writeStatus(cmd.OutOrStdout(), status)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "the engine's address, as in Engine.Listen")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func askStatus(ctx context.Context, address string) (engineStatus, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var status engineStatus
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+statusPath, nil)
	if err != nil {
		return status, nil, usageError{fmt.Errorf("--listen %q: %w", address, err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return status, nil, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", address, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return status, nil, fmt.Errorf("read the status: %w", err)
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &status) != nil {
		return status, nil, fmt.Errorf("%s is answered by something that is not esm (HTTP %d)", address, resp.StatusCode)
	}
	return status, raw, nil
}

func writeStatus(w io.Writer, s engineStatus) error {
	fmt.Fprintf(w, "esm %s, process %d, up %s\n\n", s.Version, s.PID, time.Since(s.Started).Round(time.Second))
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tFUNCTION\tSTATE\tPOLLERS\tIN FLIGHT\tPOLLED\tDELETED\tLAST RESULT\tLAST ERROR")
	for _, m := range s.Mappings {
		state := m.State
		if m.Failing {
			state += " (failing)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", m.SourceName(), m.Function, state, m.Pollers, m.InFlight,
			m.Polled, m.Deleted, orDash(m.LastResult), lastError(m.LastError))
	}
	fmt.Fprintln(table, "\nFUNCTION\tENVIRONMENTS\tBUSY\tINVOCATIONS\tERRORS\tTHROTTLES\tLAST ERROR")
	for _, f := range s.Functions {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", f.Name, f.Environments, f.Busy, f.Invocations, f.Errors, f.Throttles,
			lastError(f.LastError))
	}
	return table.Flush()
}

func lastError(e *observe.Error) string {
	if e == nil {
		return "-"
	}
	return e.Time.Local().Format(time.TimeOnly) + " " + clip(e.Text, 80)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clip shortens s to n characters on one line.
func clip(s string, n int) string {
	runes := []rune(strings.Join(strings.Fields(s), " "))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}
