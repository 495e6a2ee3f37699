package api

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/esm-run/esm"
)

// invokeWithResponseStream runs a function and passes its response on while the handler writes it. The response of a handler
// that does not stream is one chunk.
func (s *Server) invokeWithResponseStream(c *call) (answer, error) {
	in, err := s.invocation(c, synchronous, dryRun)
	if err != nil {
		return answer{}, err
	}
	if in.kind == dryRun {
		return answer{status: http.StatusNoContent}, nil
	}
	if err := s.stopRecursion(&in); err != nil {
		return answer{}, err
	}
	work, end, err := s.calls.begin(len(in.Payload))
	if err != nil {
		return answer{}, err
	}
	defer end()
	log := s.watch(in)
	defer s.Tails.forget(log)
	stream := &eventStream{call: c, traceHeader: in.TraceHeader, version: latestVersion}
	in.Stream = stream
	resp, err := s.Invoker.Invoke(work, in.Call)
	if err != nil {
		return notInvoked(in, err)
	}
	return answer{}, stream.end(resp, log.end(work, resp.Fault))
}

// eventStream writes a response as a sequence of messages, in AWS's encoding of event streams. It implements
// [esm.ResponseStream].
type eventStream struct {
	call        *call
	traceHeader string
	version     string // of the function
	encoder     *eventstream.Encoder
	err         error // after which nothing more is written
}

var _ esm.ResponseStream = (*eventStream)(nil)

// Begin implements [esm.ResponseStream]. The media type of the response is lost, as on Lambda.
func (e *eventStream) Begin(string) {
	c := e.call
	c.streamed, e.encoder = true, eventstream.NewEncoder()
	h := c.w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	h.Set("X-Amzn-Requestid", c.id)
	h.Set("X-Amzn-Trace-Id", e.traceHeader)
	h.Set("X-Amz-Executed-Version", e.version)
	h.Set("X-Content-Type-Options", "nosniff")
	c.patience()
	c.w.WriteHeader(http.StatusOK)
	e.err = c.flush()
}

// Write implements [esm.ResponseStream].
func (e *eventStream) Write(p []byte) (int, error) {
	e.send("PayloadChunk", "application/octet-stream", p)
	if e.err != nil {
		return 0, e.err
	}
	return len(p), nil
}

// send writes one message. A client that takes nothing for long is given up.
func (e *eventStream) send(event, contentType string, payload []byte) {
	if e.err != nil {
		return
	}
	var headers eventstream.Headers
	headers.Set(":message-type", eventstream.StringValue("event"))
	headers.Set(":event-type", eventstream.StringValue(event))
	headers.Set(":content-type", eventstream.StringValue(contentType))
	e.call.patience()
	e.err = e.encoder.Encode(e.call.w, eventstream.Message{Headers: headers, Payload: payload})
	if e.err == nil {
		e.err = e.call.flush()
	}
}

// end ends the stream of a function that has answered, with the end of its log, which may be nil.
func (e *eventStream) end(resp esm.Response, log []byte) error {
	if !resp.Streamed {
		if resp.Version != "" {
			e.version = resp.Version
		}
		resp = limited(resp)
		e.Begin("")
		if resp.Fault == "" && len(resp.Payload) > 0 {
			e.send("PayloadChunk", "application/octet-stream", resp.Payload)
		}
	}
	var complete struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
		LogResult    string `json:",omitempty"`
	}
	if resp.Fault != "" {
		complete.ErrorCode, complete.ErrorDetails = resp.Fault, string(resp.Payload)
	}
	if log != nil {
		complete.LogResult = base64.StdEncoding.EncodeToString(log)
	}
	text, err := encode(complete)
	if err != nil {
		return err
	}
	e.send("InvokeComplete", "application/json", text)
	return nil // a client that has left needs no answer
}

// patience limits the time for what is written next.
func (c *call) patience() {
	http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(answerWithin)) //nolint:errcheck // tests have no connection
}

// flush sends what was written.
func (c *call) flush() error {
	err := http.NewResponseController(c.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
