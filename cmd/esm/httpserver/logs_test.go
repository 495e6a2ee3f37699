package httpserver

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/trace"
)

// logServer returns a server with some lines of f and g.
func logServer() *Server {
	s := &Server{Logs: observe.NewKept(), HasFunction: func(name string) bool { return name == "f" || name == "g" }}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, line := range []trace.Output{
		{Function: "f", ID: "1", Line: "START RequestId: 1", Platform: true},
		{Function: "f", ID: "1", Line: "<one>"},
		{Function: "g", Line: "two"},
	} {
		line.Time = at.Add(time.Duration(i) * time.Second)
		s.Logs.Trace(line)
	}
	return s
}

func TestLogs(t *testing.T) {
	const (
		start = `{"time":"2026-01-02T03:04:05Z","function":"f","requestId":"1","line":"START RequestId: 1","platform":true}` + "\n"
		one   = `{"time":"2026-01-02T03:04:06Z","function":"f","requestId":"1","line":"<one>"}` + "\n"
		two   = `{"time":"2026-01-02T03:04:07Z","function":"g","line":"two"}` + "\n"
	)
	h := http.HandlerFunc(logServer().logs)
	for query, want := range map[string]string{
		"":                            start + one + two,
		"?function=g":                 two,
		"?request=1&tail=1":           one,
		"?since=2026-01-02T03:04:06Z": one + two,
		"?request=2":                  "",
	} {
		got := httptest.NewRecorder()
		h.ServeHTTP(got, httptest.NewRequest("GET", LogsPath+query, nil))
		if got.Code != http.StatusOK || got.Body.String() != want || got.Header().Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: got %d, %v\n%s\nwant\n%s", query, got.Code, got.Header(), got.Body, want)
		}
	}
	for query, want := range map[string]int{"?function=h": 404, "?since=yesterday": 400, "?tail=0": 400, "?tail=x": 400} {
		got := httptest.NewRecorder()
		h.ServeHTTP(got, httptest.NewRequest("GET", LogsPath+query, nil))
		if got.Code != want || !strings.Contains(got.Body.String(), `"Message":"`) {
			t.Errorf("%s: got %d %s, want %d", query, got.Code, got.Body, want)
		}
	}
}

// A reader that follows gets each line at once, until the engine ends.
func TestLogsAreFollowed(t *testing.T) {
	s := logServer()
	url, stop := serving(t, http.HandlerFunc(s.logs))
	resp, err := http.Get(url + "?function=g&follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"two"`) {
		t.Errorf("got %s", lines.Text())
	}
	s.Logs.Trace(trace.Output{Function: "g", Line: "three"})
	if !lines.Scan() || !strings.Contains(lines.Text(), `"three"`) {
		t.Errorf("got %s", lines.Text())
	}
	s.Logs.End()
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("got %q, %v, want a clean end", lines.Text(), lines.Err())
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTooManyReadersOfLogs(t *testing.T) {
	s := logServer()
	url, stop := serving(t, http.HandlerFunc(s.logs))
	get := func() *http.Response {
		resp, err := http.Get(url + "?follow=true")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	first := get()
	for range maxLogReaders - 1 {
		get()
	}
	if resp := get(); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d, want that there are too many", resp.StatusCode)
	}
	first.Body.Close()
	for get().StatusCode != http.StatusOK { // its end is noticed
		time.Sleep(time.Millisecond)
	}
	s.Logs.End()
	if err := stop(); err != nil {
		t.Error(err)
	}
}
