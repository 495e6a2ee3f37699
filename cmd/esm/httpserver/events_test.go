package httpserver

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// waitingEvents are events that wait. What is done with them is noted.
type waitingEvents struct {
	events  []esm.Event
	fails   error
	dropped []string
	retried []string
}

func (w *waitingEvents) List(_ context.Context, function string) iter.Seq2[esm.Event, error] {
	return func(yield func(esm.Event, error) bool) {
		for _, e := range w.events {
			if (function == "" || e.Function == function) && !yield(e, nil) {
				return
			}
		}
		if w.fails != nil {
			yield(esm.Event{}, w.fails)
		}
	}
}

func (w *waitingEvents) Drop(_ context.Context, events ...esm.Event) (int, error) {
	for _, e := range events {
		w.dropped = append(w.dropped, requestID(e))
	}
	return len(events), nil
}

func (w *waitingEvents) Retry(_ context.Context, events ...esm.Event) (int, error) {
	for _, e := range events {
		w.retried = append(w.retried, e.ID)
	}
	return len(events), nil
}

func TestEvents(t *testing.T) {
	at := time.Date(2026, 9, 14, 15, 0, 0, 0, time.UTC)
	some := func() *waitingEvents {
		return &waitingEvents{events: []esm.Event{
			{ID: "a", Function: "f", Payload: []byte(`{"n":1}`), Accepted: at, Due: at.Add(time.Minute), Tries: 1, Last: &esm.EventResult{Error: "no stock"}},
			{ID: "b", Function: "g", Payload: []byte(`2`), Accepted: at, Due: at},
			{ID: "c", Function: "f", Payload: []byte(`3`), Accepted: at, Due: at},
			{Place: 17, Function: "broken", Accepted: at, Due: at, Damaged: errors.New("event 17 is damaged")},
		}}
	}
	for _, c := range []struct {
		name, method, path, body string
		code                     int
		says                     string
		dropped, retried         string
		fails                    error
	}{
		{name: "all", method: "GET", path: EventsPath, code: 200, says: `"RequestId":"b","FunctionName":"g"`},
		{name: "why", method: "GET", path: EventsPath + "?id=a", code: 200, says: `"Tries":1,"LastError":"no stock","Size":7}],"More":false}`},
		{name: "one", method: "GET", path: EventsPath + "?id=c&function=f&payload=true", code: 200, says: `"Size":1,"Payload":3}],"More":false}`},
		{name: "none", method: "GET", path: EventsPath + "?function=h", code: 200, says: `{"Events":[],"More":false}`},
		{name: "a store that fails", method: "GET", path: EventsPath, code: 500, says: `{"Message":"disk"}`, fails: errors.New("disk")},
		{name: "retry a function's", method: "POST", path: EventsRetryPath, body: `{"FunctionName":"f"}`, code: 200, says: `{"Events":2}`, retried: "a c"},
		{name: "drop one", method: "POST", path: EventsDropPath, body: `{"RequestIds":["b","z"]}`, code: 200, says: `{"Events":1}`, dropped: "b"},
		{name: "drop all", method: "POST", path: EventsDropPath, body: `{"All":true}`, code: 200, says: `{"Events":4}`, dropped: "a b c damaged-17"},
		{name: "a damaged one", method: "GET", path: EventsPath + "?id=damaged-17", code: 200, says: `{"Events":[{"RequestId":"damaged-17","FunctionName":"broken","Accepted":"2026-09-14T15:00:00Z","Due":"2026-09-14T15:00:00Z","Tries":0,"LastError":"event 17 is damaged","Damaged":true,"Size":0}],"More":false}`},
		{name: "drop a damaged one", method: "POST", path: EventsDropPath, body: `{"RequestIds":["damaged-17"]}`, code: 200, says: `{"Events":1}`, dropped: "damaged-17"},
		{name: "nothing selected", method: "POST", path: EventsDropPath, body: `{}`, code: 400, says: "nothing is selected"},
		{name: "no JSON", method: "POST", path: EventsDropPath, body: `x`, code: 400, says: "not a selection"},
		{name: "a store that fails while changing", method: "POST", path: EventsDropPath, body: `{"All":true}`, code: 500, says: "disk", fails: errors.New("disk")},
	} {
		events := some()
		events.fails = c.fails
		s := &Server{Lambda: func() http.Handler { return nil }, Events: func() Events { return events }}
		mux := http.NewServeMux()
		s.handleEvents(mux)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if answer.Code != c.code || !strings.Contains(answer.Body.String(), c.says) {
			t.Errorf("%s: got %d %s, want %d %s", c.name, answer.Code, answer.Body, c.code, c.says)
		}
		if dropped, retried := strings.Join(events.dropped, " "), strings.Join(events.retried, " "); dropped != c.dropped || retried != c.retried {
			t.Errorf("%s: dropped %q and retried %q, want %q and %q", c.name, dropped, retried, c.dropped, c.retried)
		}
	}
}

func TestManyEvents(t *testing.T) {
	events := &waitingEvents{}
	for range maxEvents + 1 {
		events.events = append(events.events, esm.Event{ID: "a"})
	}
	mux := http.NewServeMux()
	(&Server{Events: func() Events { return events }}).handleEvents(mux)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", EventsPath, nil))
	if n := strings.Count(answer.Body.String(), "RequestId"); n != maxEvents || !strings.Contains(answer.Body.String(), `"More":true`) {
		t.Errorf("%d events are listed, want %d and More", n, maxEvents)
	}
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", EventsDropPath, strings.NewReader(`{"All":true}`)))
	if len(events.dropped) != maxEvents+1 {
		t.Errorf("%d events were dropped, want all", len(events.dropped))
	}
}

func TestEventsWhileStarting(t *testing.T) {
	mux := http.NewServeMux()
	(&Server{Events: func() Events { return nil }}).handleEvents(mux)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", EventsPath, nil))
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", answer.Code)
	}
}

// deadlined is a response whose connection has a deadline.
type deadlined struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (d *deadlined) SetWriteDeadline(t time.Time) error {
	d.until = t
	return nil
}

// A million events take longer than the server allows for other answers.
func TestManyEventsMayTakeTime(t *testing.T) {
	mux := http.NewServeMux()
	(&Server{Events: func() Events { return &waitingEvents{} }}).handleEvents(mux)
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", EventsPath, nil),
		httptest.NewRequest("POST", EventsDropPath, strings.NewReader(`{"All":true}`)),
	} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		if mux.ServeHTTP(w, r); w.Code != 200 || time.Until(w.until) < eventsWithin-time.Minute {
			t.Errorf("%s: got %d, until %v", r.URL, w.Code, w.until)
		}
	}
}
