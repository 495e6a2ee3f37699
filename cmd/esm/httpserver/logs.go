package httpserver

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/esm-run/esm/cmd/esm/observe"
)

// LogsPath answers with the lines that handlers wrote, an [observe.LogLine] on each line. The query selects: function,
// request, since (RFC 3339), tail (a number of lines), follow=true.
const LogsPath = "/esm/v1/logs"

const (
	maxLogReaders = 16          // concurrently, since each holds the lines that it has not sent yet
	logsWithin    = time.Minute // for a piece of the answer
	logsPiece     = 500         // lines
)

// logs answers with kept lines. A reader that is too slow loses lines, which is said, and delays nobody.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	wanted, err := logSelection(r)
	switch {
	case err != nil:
		fail(w, http.StatusBadRequest, err)
		return
	case wanted.Function != "" && !s.HasFunction(wanted.Function):
		fail(w, http.StatusNotFound, fmt.Errorf("there is no function %q: `esm status` lists the functions", wanted.Function))
		return
	case s.logReaders.Add(1) > maxLogReaders:
		s.logReaders.Add(-1)
		fail(w, http.StatusServiceUnavailable, fmt.Errorf("%d others read logs already: end one of them", maxLogReaders))
		return
	}
	defer s.logReaders.Add(-1)
	connection := http.NewResponseController(w)
	connection.SetReadDeadline(time.Time{}) //nolint:errcheck // tests have no connection
	w.Header().Set("Content-Type", "application/x-ndjson")
	send := func(lines []observe.LogLine) error {
		for piece := range slices.Chunk(lines, logsPiece) {
			connection.SetWriteDeadline(time.Now().Add(logsWithin)) //nolint:errcheck // tests have no connection
			if err := writeLines(w, piece); err != nil {
				return err
			}
			if err := connection.Flush(); err != nil {
				return err
			}
		}
		return nil
	}
	_ = connection.Flush() // the header: who follows knows that the engine answers
	if s.Logs.Read(r.Context(), wanted, send) == nil {
		connection.SetWriteDeadline(time.Now().Add(logsWithin)) //nolint:errcheck // tests have no connection
	}
}

func writeLines(w http.ResponseWriter, lines []observe.LogLine) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func logSelection(r *http.Request) (s observe.LogSelection, err error) {
	query := r.URL.Query()
	s.Function, s.RequestID, s.Follow = query.Get("function"), query.Get("request"), query.Get("follow") == "true"
	if since := query.Get("since"); since != "" {
		if s.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return s, fmt.Errorf("since %q is not a time such as 2026-01-02T15:04:05Z", since)
		}
	}
	if tail := query.Get("tail"); tail != "" {
		if s.Tail, err = strconv.Atoi(tail); err != nil || s.Tail < 1 {
			return s, errors.New("tail is not a number of lines above 0")
		}
	}
	return s, nil
}
