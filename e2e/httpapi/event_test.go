package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/esm-run/esm/e2e/rig"
)

// text returns a JSON string of n bytes.
func text(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

// Events are refused as on Lambda before anything of them is kept.
func TestEventsAreChecked(t *testing.T) {
	t.Parallel()
	const limit, older = 1_048_576, 262_144
	e := rig.New(t)
	f := e.Function("f", rig.Succeed)
	engine := e.Run(f)
	invoke := func(function string) string { return "/2015-03-31/functions/" + function + "/invocations" }
	const async, notJSON = "/2014-11-13/functions/f/invoke-async/", "Could not parse request body into json: Could not parse payload into json: "
	for _, test := range []struct {
		path, body string
		header     []string
		status     int
		code, text string
	}{
		{invoke("f"), `{"a":`, nil, 400, "InvalidRequestContentException", notJSON},
		{invoke("f"), `{} {}`, nil, 400, "InvalidRequestContentException", notJSON},
		{invoke("f"), "\"a\x87\"", nil, 400, "InvalidRequestContentException", notJSON},
		{invoke("f"), text(limit + 1), nil, 413, "RequestEntityTooLargeException", "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"},
		{invoke("f"), "{}", []string{"X-Amzn-RequestId", "not a UUID"}, 400, "InvalidRequestContentException", ""},
		{invoke("f"), "{}", []string{"Content-Type", "image/png"}, 415, "UnsupportedMediaTypeException", ""},
		{invoke("nobody"), "{}", nil, 404, "ResourceNotFoundException", "Function not found: " + rig.FunctionARN + "nobody:$LATEST"},
		{invoke("f") + "?Qualifier=live", "{}", nil, 404, "ResourceNotFoundException", "Function not found: " + rig.FunctionARN + "f:live"},
		{async, text(older + 1), nil, 413, "RequestEntityTooLargeException", ""},
		{async, "]", nil, 400, "InvalidRequestContentException", notJSON},
		{invoke("f"), text(limit), nil, 202, "", ""},
		{invoke("f"), "", []string{"Content-Type", "text/plain"}, 202, "", ""},
		{invoke("f") + "?Qualifier=$LATEST", "null", []string{"X-Amz-Client-Context", "not base64"}, 202, "", ""},
		{async, text(older), nil, 202, "", ""},
	} {
		status, body, header := request(t, "POST", engine.URL(test.path), test.body, append(test.header, "X-Amz-Invocation-Type", "Event")...)
		if status != test.status || header.Get("X-Amzn-Errortype") != test.code || !strings.Contains(body, test.text) {
			t.Errorf("%s %.40q: %d %s %s, want %d %s %s", test.path, test.body, status, header.Get("X-Amzn-Errortype"), body, test.status, test.code, test.text)
		}
	}
	rig.Eventually(t, "what was accepted has run", func() bool { return len(f.Calls()) == 4 })
	sizes := map[int]bool{}
	for _, c := range f.Calls() {
		sizes[len(c.Event)] = true
	}
	if len(sizes) != 4 || !sizes[limit] || !sizes[older] || !sizes[len("null")] || !sizes[len("{}")] {
		t.Errorf("events of %v bytes", sizes)
	}
	if n := engine.Metric("esm_async_events_received_total"); n != 4 {
		t.Errorf("%v events were received", n)
	}
}

// A thousand clients send events at once: all are accepted, and each runs once, under the request ID of its answer.
func TestManyEvents(t *testing.T) {
	t.Parallel()
	const clients = 1000
	e := rig.New(t)
	f := e.Function("f", rig.Succeed)
	f.Keys = append(f.Keys, "ReservedConcurrentExecutions: 4")
	engine := e.Run(f)
	sdk := http.Client{Transport: &http.Transport{}} // a connection for each
	defer sdk.CloseIdleConnections()
	var sending sync.WaitGroup
	var accepted atomic.Int32
	for range clients {
		sending.Go(func() {
			id := uuid.NewString()
			for { // on a busy machine, a request may come too late: SDKs send it again
				req, _ := http.NewRequest(http.MethodPost, engine.URL("/2015-03-31/functions/f/invocations"), strings.NewReader(fmt.Sprintf("%q", id)))
				req.Header.Set("X-Amz-Invocation-Type", "Event")
				req.Header.Set("X-Amzn-RequestId", id)
				resp, err := sdk.Do(req)
				if err != nil {
					continue
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusAccepted {
					accepted.Add(1)
					return
				}
				if resp.StatusCode != http.StatusRequestTimeout {
					t.Errorf("a client gets %s", resp.Status)
					return
				}
			}
		})
	}
	sending.Wait()
	rig.Eventually(t, "all events have succeeded", func() bool {
		now := engine.Metrics()
		return now["esm_async_events_succeeded_total"] >= clients && now["esm_async_events_waiting"]+now["esm_async_events_in_flight"] == 0
	})
	ran := map[string]bool{}
	for _, c := range f.Calls() {
		if fmt.Sprintf("%q", c.RequestID) != string(c.Event) {
			t.Errorf("the event %s ran under the ID %s", c.Event, c.RequestID)
		}
		ran[c.RequestID] = true
	}
	if accepted.Load() != clients || len(ran) != clients || f.Peak() > 4 {
		t.Errorf("%d events were accepted, %d ran, at most %d at a time", accepted.Load(), len(ran), f.Peak())
	}
	if rss := engine.Metric("process_resident_memory_bytes"); rss > 512<<20 {
		t.Errorf("esm holds %v bytes", rss)
	}
}
