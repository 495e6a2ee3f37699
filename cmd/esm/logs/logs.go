// Package logs asks a running engine for the lines that handlers wrote, and prints them.
package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/usage"
)

// Request asks for lines.
type Request struct {
	Address string // the engine's host:port
	JSON    bool   // print lines as the engine sends them: JSON objects
	observe.LogSelection
}

// Print writes the lines to w. One that follows ends with ctx or the engine.
func (r Request) Print(ctx context.Context, w io.Writer) error {
	body, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	in, out := bufio.NewReader(body), bufio.NewWriter(w)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 && err == nil {
			if err := r.print(out, line); err != nil {
				return err
			}
		}
		if in.Buffered() == 0 || err != nil {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the answer of the engine on %s broke off: %w", r.Address, err)
		}
	}
}

// open returns the engine's answer.
func (r Request) open(ctx context.Context) (io.ReadCloser, error) {
	if _, _, err := net.SplitHostPort(r.Address); err != nil {
		return nil, usage.Errorf("--listen %q is not host:port, such as 127.0.0.1:9001", r.Address)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Address+httpserver.LogsPath+"?"+r.query().Encode(), nil)
	if err != nil {
		return nil, usage.Errorf("--listen %q: %w", r.Address, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", r.Address, err)
	}
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") == "application/x-ndjson" {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var failure httpserver.Failure
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is not a Failure is none
	switch {
	case json.Unmarshal(text, &failure) != nil || failure.Message == "":
		return nil, fmt.Errorf("no engine of this version answers on %s (HTTP %d)", r.Address, resp.StatusCode)
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusBadRequest:
		return nil, usage.Errorf("%s", failure.Message)
	}
	return nil, fmt.Errorf("the engine on %s: %s", r.Address, failure.Message)
}

func (r Request) query() url.Values {
	query := url.Values{}
	for key, value := range map[string]string{"function": r.Function, "request": r.RequestID} {
		if value != "" {
			query.Set(key, value)
		}
	}
	if !r.Since.IsZero() {
		query.Set("since", r.Since.UTC().Format(time.RFC3339Nano))
	}
	if r.Tail > 0 {
		query.Set("tail", strconv.Itoa(r.Tail))
	}
	if r.Follow {
		query.Set("follow", "true")
	}
	return query
}

const timeFormat = "2006-01-02 15:04:05.000"

// print writes one line of the engine's answer.
func (r Request) print(w *bufio.Writer, text []byte) error {
	if r.JSON {
		_, err := w.Write(text)
		return err
	}
	var line observe.LogLine
	if err := json.Unmarshal(bytes.TrimSpace(text), &line); err != nil {
		return fmt.Errorf("the engine on %s answers with a line that is none: %w", r.Address, err)
	}
	at, id := line.Time.Local().Format(timeFormat), line.RequestID
	if id == "" {
		id = "-"
	}
	if line.Dropped > 0 {
		line.Line = fmt.Sprintf("… %d lines before this are not kept any more", line.Dropped)
	}
	// Runtimes join the lines of one entry by carriage returns.
	for part := range strings.SplitSeq(strings.TrimRight(line.Line, "\r"), "\r") {
		if _, err := fmt.Fprintf(w, "%s [%s %s] %s\n", at, line.Function, id, part); err != nil {
			return err
		}
	}
	return nil
}

// ParseSince returns the time that is meant by a duration before now, such as 10m, or by an RFC 3339 time.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, usage.Errorf("--since %q is neither a duration such as 10m nor a time such as 2026-01-02T15:04:05Z", text)
}
