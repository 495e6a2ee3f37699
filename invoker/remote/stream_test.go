package remote

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/esm-run/esm"
)

const streamPath = "/2021-11-15/functions/f/response-streaming-invocations"

// chunk and complete encode the events of a streamed response.
func chunk(data string) []byte { return message("PayloadChunk", data) }

func complete(members string) []byte { return message("InvokeComplete", members) }

func message(kind, payload string) []byte {
	var out bytes.Buffer
	err := eventstream.NewEncoder().Encode(&out, eventstream.Message{Payload: []byte(payload), Headers: eventstream.Headers{
		{Name: ":message-type", Value: eventstream.StringValue("event")},
		{Name: ":event-type", Value: eventstream.StringValue(kind)},
	}})
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// caller is a caller's ResponseStream.
type caller struct {
	got   string
	fails bool
	parts chan string // if it is not nil
}

func (c *caller) Begin(mediaType string) { c.got += "<" + mediaType + ">" }

func (c *caller) Write(p []byte) (int, error) {
	if c.fails {
		c.got += "!"
		return 0, errors.New("the client is gone")
	}
	c.got += string(p)
	if c.parts != nil {
		c.parts <- string(p)
	}
	return len(p), nil
}

func TestStreamedResponses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		events  [][]byte
		fails   bool
		got     string
		want    esm.Response
		unknown bool // whether the function has failed
	}{
		{"parts", [][]byte{chunk("a"), chunk(""), chunk("b"), complete("{}")}, false, "<>ab", esm.Response{Streamed: true}, false},
		{"no parts", [][]byte{complete("{}")}, false, "<>", esm.Response{Streamed: true}, false},
		{"failure", [][]byte{complete(`{"ErrorCode":"Unhandled","ErrorDetails":"{\"errorType\":\"E\"}"}`)}, false, "",
			esm.Response{Fault: "Unhandled", Payload: []byte(`{"errorType":"E"}`)}, false},
		{"failure in the middle", [][]byte{chunk("half"), complete(`{"ErrorCode":"Sandbox.Timedout","ErrorDetails":"too late"}`)}, false, "<>half",
			esm.Response{Streamed: true, Fault: "Sandbox.Timedout", Payload: []byte(`{"errorMessage":"too late","errorType":"Sandbox.Timedout"}`)}, false},
		{"receiver that fails", [][]byte{chunk("a"), chunk("b"), complete("{}")}, true, "<>!", esm.Response{Streamed: true}, false},
		{"no end", [][]byte{chunk("a")}, false, "<>a", esm.Response{}, true},
		{"nothing", nil, false, "", esm.Response{}, true},
		{"no events", [][]byte{[]byte("<html>")}, false, "", esm.Response{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, asked := serve(t, func(w http.ResponseWriter, req *http.Request) {
				body, _ := io.ReadAll(req.Body)
				if req.URL.Path != streamPath || req.URL.RawQuery != "Qualifier=live" || string(body) != "{}" ||
					req.Header.Get("X-Amzn-Trace-Id") != "Root=1" || req.Header.Get("X-Amz-Client-Context") != "e30=" {
					t.Errorf("got %s %v %s", req.URL, req.Header, body)
				}
				w.Header().Set("Content-Type", eventStream)
				w.Header().Set("X-Amz-Executed-Version", "7")
				for _, e := range tt.events {
					_, _ = w.Write(e)
				}
			})
			to := &caller{fails: tt.fails}
			got, err := r.Invoke(t.Context(), esm.Call{Function: "f:live", Payload: []byte("{}"), Stream: to, TraceHeader: "Root=1", ClientContext: "{}"})
			if asked.Load() != 1 || to.got != tt.got {
				t.Errorf("%d requests, the caller got %q", asked.Load(), to.got)
			}
			if tt.unknown {
				if kind(err) != "unknown" || !strings.HasPrefix(err.Error(), "remote: invoke f:live: ") {
					t.Errorf("got %s (%v), want an unknown outcome", kind(err), err)
				}
				return
			}
			if err != nil || string(got.Payload) != string(tt.want.Payload) || got.Fault != tt.want.Fault || got.Streamed != tt.want.Streamed ||
				got.Status != 200 || got.Version != "7" {
				t.Errorf("got %s %+v, %v", got.Payload, got, err)
			}
		})
	}
}

// Each part is passed on when it arrives.
func TestPartsArriveAtOnce(t *testing.T) {
	to := &caller{parts: make(chan string)}
	r, _ := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", eventStream)
		for _, text := range []string{"one", "two"} {
			_, _ = w.Write(chunk(text))
			w.(http.Flusher).Flush()
			if got := <-to.parts; got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
		_, _ = w.Write(complete("{}"))
	})
	if _, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}"), Stream: to}); err != nil {
		t.Error(err)
	}
}

// An endpoint that cannot stream is asked once. After that its responses are whole.
func TestEndpointWithoutStreams(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		status     int
		whole      bool
	}{
		{"an emulator that does not know the path", "", 404, true},
		{"one that knows no POST there", "", 405, true},
		{"one that has not implemented it", "InternalFailure", 501, true},
		{"no such function", "ResourceNotFoundException", 404, false},
		{"a throttle", "TooManyRequestsException", 429, false},
		{"a failure", "", 500, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, asked := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == streamPath {
					w.Header().Set("X-Amzn-Errortype", tt.code)
					w.WriteHeader(tt.status)
					return
				}
				_, _ = io.WriteString(w, "[1]")
			})
			to := &caller{}
			for calls := range int32(2) {
				got, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}"), Stream: to})
				if ok := err == nil && string(got.Payload) == "[1]" && !got.Streamed; ok != tt.whole || to.got != "" {
					t.Errorf("got %+v, %v, and the caller %q", got, err, to.got)
				}
				if want := calls + 1; !tt.whole && asked.Load() != want || tt.whole && asked.Load() != want+1 {
					t.Errorf("%d requests after call %d", asked.Load(), want)
				}
			}
		})
	}
}
