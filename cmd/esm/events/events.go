// Package events asks a running engine for the asynchronous events that wait, and changes them.
package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/usage"
)

// Limits of an engine's answer. A change of a million events takes a while.
const (
	timeout = 5 * time.Minute
	maxSize = 64 << 20 // bytes
)

// Engine is a running engine.
type Engine struct {
	Address string // host:port
}

// List returns the selected events that wait, in the order of acceptance, and at most a thousand of them. Payloads are left out
// unless payload is set.
func (e Engine) List(ctx context.Context, s httpserver.EventSelection, payload bool) (list httpserver.EventList, err error) {
	query := url.Values{"function": {s.Function}, "id": s.RequestIDs}
	if payload {
		query.Set("payload", "true")
	}
	err = e.ask(ctx, http.MethodGet, httpserver.EventsPath+"?"+query.Encode(), nil, &list)
	return list, err
}

// Retry makes the selected events due at once, and returns their number.
func (e Engine) Retry(ctx context.Context, s httpserver.EventSelection) (int, error) {
	return e.change(ctx, httpserver.EventsRetryPath, s)
}

// Drop removes the selected events without a notice, and returns their number.
func (e Engine) Drop(ctx context.Context, s httpserver.EventSelection) (int, error) {
	return e.change(ctx, httpserver.EventsDropPath, s)
}

func (e Engine) change(ctx context.Context, path string, s httpserver.EventSelection) (int, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return 0, err
	}
	var changed httpserver.EventsChanged
	if err := e.ask(ctx, http.MethodPost, path, body, &changed); err != nil {
		return 0, err
	}
	if len(s.RequestIDs) > 0 && changed.Events == 0 {
		return 0, fmt.Errorf("no event that waits has such a request ID: it has ended, or is being tried; `esm events list` shows those that wait")
	}
	return changed.Events, nil
}

func (e Engine) ask(ctx context.Context, method, path string, body []byte, answer any) error {
	if _, _, err := net.SplitHostPort(e.Address); err != nil {
		return usage.Errorf("--listen %q is not host:port, such as 127.0.0.1:9001", e.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+e.Address+path, bytes.NewReader(body))
	if err != nil {
		return usage.Errorf("--listen %q: %w", e.Address, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", e.Address, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSize))
	if err != nil {
		return fmt.Errorf("the answer of the engine on %s broke off: %w", e.Address, err)
	}
	var failure httpserver.Failure
	switch {
	case resp.StatusCode == http.StatusOK && json.Unmarshal(text, answer) == nil:
		return nil
	case json.Unmarshal(text, &failure) == nil && failure.Message != "":
		return fmt.Errorf("the engine on %s: %s", e.Address, failure.Message)
	}
	return fmt.Errorf("no engine of this version answers on %s (HTTP %d)", e.Address, resp.StatusCode)
}

// WriteTable writes events as a table for people, as of now.
func WriteTable(w io.Writer, list httpserver.EventList, now time.Time) error {
	if len(list.Events) == 0 {
		_, err := fmt.Fprintln(w, "no event waits")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "REQUEST ID\tFUNCTION\tAGE\tNEXT TRY\tTRIES\tTHROTTLES\tBYTES\tLAST ERROR")
	for _, e := range list.Events {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", e.RequestID, e.Function, now.Sub(e.Accepted).Round(time.Second),
			nextTry(e, now), e.Tries, e.Throttles, e.Size, cmp.Or(logging.OneLine(e.LastError, 80), "-"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if list.More {
		_, err := fmt.Fprintf(w, "and more: these are the oldest %d\n", len(list.Events))
		return err
	}
	return nil
}

// nextTry says when an event is tried next.
func nextTry(e httpserver.Event, now time.Time) string {
	switch {
	case e.Damaged:
		return "never: drop it"
	case !e.Due.After(now):
		return "when a permit is free"
	}
	return "in " + e.Due.Sub(now).Round(time.Second).String()
}

// WriteJSON writes one JSON object for each event.
func WriteJSON(w io.Writer, list httpserver.EventList) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range list.Events {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return nil
}
