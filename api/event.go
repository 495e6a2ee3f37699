package api

import (
	"net/http"

	"github.com/esm-run/esm"
)

// maxAsyncEvent is the most bytes of an event of the operation InvokeAsync (AWS: API reference of InvokeAsync).
const maxAsyncEvent = 262_144

// accept accepts an event for asynchronous invocation. It answers when the event is stored, whether the client is still there
// or not, and whether or not the function could be invoked now.
func (s *Server) accept(in invocation) (answer, error) {
	work, end, err := s.calls.accept()
	if err != nil {
		return answer{}, err
	}
	defer end()
	if s.Async == nil {
		return answer{}, throw("ServiceException", "Asynchronous delivery has not started: the event was not accepted.")
	}
	err = s.Async.Accept(work, esm.Event{ID: in.ID, Function: in.Function, Payload: in.Payload, TraceHeader: in.TraceHeader})
	if err != nil {
		return answer{}, err
	}
	header := http.Header{}
	header.Set("X-Amzn-Remapped-Content-Length", "0")
	header.Set("X-Amzn-Trace-Id", in.TraceHeader)
	return answer{status: http.StatusAccepted, header: header}, nil
}

// invokeAsync is the old form of an invocation with an event (AWS: API reference of InvokeAsync). Headers have no effect.
func (s *Server) invokeAsync(c *call) (answer, error) {
	in := invocation{kind: asynchronous}
	in.ID = c.id
	err := s.findInvoked(c, &in)
	if err != nil {
		return answer{}, err
	}
	in.TraceHeader = traceHeader(c.Header.Get("X-Amzn-Trace-Id"))
	if in.Payload, err = payload(c); err != nil {
		return answer{}, err
	}
	a, err := s.accept(in)
	if err != nil {
		return answer{}, err
	}
	a.body = []byte(`{"Status":202}`)
	return a, nil
}

func tooLargeEvent(size, limit int64) error {
	return throw("RequestEntityTooLargeException", "%d byte payload is too large for the Event invocation type (limit %d bytes)", size, limit)
}
