package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Paths of asynchronous events that wait.
const (
	EventsPath      = "/esm/v1/events"       // GET with an EventSelection as query: Events
	EventsRetryPath = "/esm/v1/events/retry" // POST an EventSelection: makes events due, answers EventsChanged
	EventsDropPath  = "/esm/v1/events/drop"  // POST an EventSelection: removes events, answers EventsChanged
)

// Events are the asynchronous events that wait for their next try. The engine's feed of events implements it.
type Events interface {
	List(ctx context.Context, function string) iter.Seq2[esm.Event, error]
	Drop(ctx context.Context, events ...esm.Event) (int, error)
	Retry(ctx context.Context, events ...esm.Event) (int, error)
}

// EventSelection selects events that wait: those of a function, which may be empty, with one of the request IDs, if there are
// any. All must be set where neither is given.
type EventSelection struct {
	Function   string   `json:"FunctionName,omitempty"`
	RequestIDs []string `json:"RequestIds,omitempty"`
	All        bool     `json:"All,omitempty"`
}

func (s EventSelection) selects(e esm.Event) bool {
	return len(s.RequestIDs) == 0 || slices.Contains(s.RequestIDs, requestID(e))
}

// requestID returns the request ID of an event, or a name for one that is damaged, whose ID is not known.
func requestID(e esm.Event) string {
	if e.Damaged != nil {
		return fmt.Sprintf("damaged-%d", e.Place)
	}
	return e.ID
}

// EventList is the answer to a GET of EventsPath: events in the order of acceptance.
type EventList struct {
	Events []Event `json:"Events"`
	More   bool    `json:"More"` // there are more than maxEvents
}

// Event is an asynchronous event that waits.
type Event struct {
	RequestID string          `json:"RequestId"`    // damaged-<number> for one that is damaged, whose ID is not known
	Function  string          `json:"FunctionName"` // with its qualifier, if the caller gave one
	Accepted  time.Time       `json:"Accepted"`
	Due       time.Time       `json:"Due"` // the next try; in the past if it waits for a permit
	Tries     int             `json:"Tries"`
	Throttles int             `json:"Throttles,omitempty"` // since the last try that ran
	Crashes   int             `json:"Crashes,omitempty"`
	LastError string          `json:"LastError,omitempty"` // of the last try, for people; or what is damaged
	Damaged   bool            `json:"Damaged,omitempty"`   // it cannot be read, and holds up its function's events until it is dropped
	Size      int             `json:"Size"`                // bytes of payload
	Payload   json.RawMessage `json:"Payload,omitempty"`   // with ?payload=true
}

// EventsChanged is the answer to a change of events.
type EventsChanged struct {
	Events int `json:"Events"` // that were found and changed
}

// Bounds of an answer.
const (
	maxEvents       = 1000
	maxEventsBytes  = 32 << 20 // of payload
	eventsPerChange = 1000
	eventsWithin    = 5 * time.Minute // for a million events; other answers have a minute
)

func (s *Server) handleEvents(mux *http.ServeMux) {
	mux.HandleFunc("GET "+EventsPath, s.withEvents(listEvents))
	mux.HandleFunc("POST "+EventsRetryPath, s.withEvents(func(w http.ResponseWriter, r *http.Request, all Events) {
		changeEvents(w, r, all, all.Retry)
	}))
	mux.HandleFunc("POST "+EventsDropPath, s.withEvents(func(w http.ResponseWriter, r *http.Request, all Events) {
		changeEvents(w, r, all, all.Drop)
	}))
}

func (s *Server) withEvents(handle func(http.ResponseWriter, *http.Request, Events)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Events != nil {
			if all := s.Events(); all != nil {
				http.NewResponseController(w).SetWriteDeadline(time.Now().Add(eventsWithin)) //nolint:errcheck // tests have no connection
				handle(w, r, all)
				return
			}
		}
		Starting(w)
	}
}

func listEvents(w http.ResponseWriter, r *http.Request, all Events) {
	query := r.URL.Query()
	wanted := EventSelection{Function: query.Get("function"), RequestIDs: query["id"]}
	answer, bytes := EventList{Events: []Event{}}, 0
	for e, err := range all.List(r.Context(), wanted.Function) {
		if err != nil {
			fail(w, http.StatusInternalServerError, err)
			return
		}
		if !wanted.selects(e) {
			continue
		}
		if bytes += len(e.Payload); len(answer.Events) == maxEvents || bytes > maxEventsBytes && len(answer.Events) > 0 {
			answer.More = true
			break
		}
		answer.Events = append(answer.Events, describeEvent(e, query.Get("payload") == "true"))
	}
	writeJSON(w, answer)
}

func describeEvent(e esm.Event, payload bool) Event {
	d := Event{
		RequestID: requestID(e), Function: e.Function, Accepted: e.Accepted, Due: e.Due, Tries: e.Tries, Throttles: e.Throttles,
		Crashes: e.Crashes, Size: len(e.Payload),
	}
	if e.Last != nil {
		d.LastError = e.Last.Error
	}
	if e.Damaged != nil {
		d.Damaged, d.LastError = true, e.Damaged.Error()
	}
	if payload {
		d.Payload = e.Payload
	}
	return d
}

// changeEvents applies change to the selected events, a thousand at a time.
func changeEvents(w http.ResponseWriter, r *http.Request, all Events, change func(context.Context, ...esm.Event) (int, error)) {
	var wanted EventSelection
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&wanted); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("the body is not a selection of events: %w", err))
		return
	}
	if wanted.Function == "" && len(wanted.RequestIDs) == 0 && !wanted.All {
		fail(w, http.StatusBadRequest, errors.New("nothing is selected: give FunctionName, RequestIds or All"))
		return
	}
	var done EventsChanged
	var found []esm.Event
	apply := func() error {
		n, err := change(r.Context(), found...)
		done.Events += n
		found = found[:0]
		return err
	}
	for e, err := range all.List(r.Context(), wanted.Function) {
		if err == nil && wanted.selects(e) {
			e.Payload, e.Last = nil, nil // not needed, and a million events may be selected
			if found = append(found, e); len(found) == eventsPerChange {
				err = apply()
			}
		}
		if err != nil {
			fail(w, http.StatusInternalServerError, err)
			return
		}
	}
	if err := apply(); err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	writeJSON(w, done)
}

// Failure is the answer to a request of the engine's own API that failed.
type Failure struct {
	Message string `json:"Message"`
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	writeJSON(w, Failure{err.Error()})
}
