package api

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// maxClientContext is the longest client context (AWS: API reference of Invoke).
const maxClientContext = 3583 // bytes of base64

// Values of the headers X-Amz-Invocation-Type and X-Amz-Log-Type.
const (
	synchronous  = "RequestResponse"
	asynchronous = "Event"
	dryRun       = "DryRun"
	logTail      = "Tail"
)

// invocation is a request to invoke a function.
type invocation struct {
	esm.Call
	ref      functionRef
	function config.Function
	kind     string // the invocation type
	wantsLog bool
}

// invoke runs a function and waits for its response. The invocation continues when the client goes away.
func (s *Server) invoke(c *call) (answer, error) {
	in, err := s.invocation(c, asynchronous, synchronous, dryRun)
	if err != nil {
		return answer{}, err
	}
	switch in.kind {
	case dryRun:
		return answer{status: http.StatusNoContent}, nil
	case asynchronous:
		return s.accept(in)
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
	resp, err := s.Invoker.Invoke(work, in.Call)
	if err != nil {
		return notInvoked(in, err)
	}
	a := invoked(resp)
	a.header.Set("X-Amzn-Trace-Id", in.TraceHeader)
	if text := log.end(work, resp.Fault); text != nil {
		a.header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(text))
	}
	return a, nil
}

// watch begins to collect the log of an invocation whose caller asked for it. It returns nil otherwise.
func (s *Server) watch(in invocation) *tail {
	if !in.wantsLog || s.Tails == nil {
		return nil
	}
	return s.Tails.watch(in.ID)
}

// stopRecursion refuses an invocation that its function has caused too often.
func (s *Server) stopRecursion(in *invocation) error {
	if s.Recursive == nil {
		return nil
	}
	next, stop := s.Recursive(in.function.Name, in.TraceHeader)
	if stop {
		s.Trace.Emit(trace.RecursionStopped{Function: in.Function, Count: 1})
		return throw("RecursiveInvocationException", "The function was not invoked, because it is part of a loop that invokes it again and again.")
	}
	in.TraceHeader = next
	return nil
}

// limited returns resp, or the failure that a response becomes that is too large.
func limited(resp esm.Response) esm.Response {
	if len(resp.Payload) > esm.MaxResponse {
		return esm.ResponseTooLarge(resp.Version, esm.MaxResponse)
	}
	return resp
}

// invoked returns the answer to an invocation with a response.
func invoked(resp esm.Response) answer {
	resp = limited(resp)
	header := http.Header{}
	header.Set("X-Amz-Executed-Version", cmp.Or(resp.Version, latestVersion))
	header.Set("X-Amzn-Remapped-Content-Length", "0")
	if resp.Fault != "" {
		header.Set("X-Amz-Function-Error", "Unhandled")
	}
	return answer{http.StatusOK, header, resp.Payload}
}

// invocation reads and checks a request, in Lambda's order as far as that is known. Kinds are the invocation types that the
// operation has. The client context of an event is not looked at, since no handler receives it.
func (s *Server) invocation(c *call, kinds ...string) (in invocation, err error) {
	if err := c.adoptID(); err != nil {
		return in, err
	}
	in.ID = c.id
	var broken violations
	in.kind = cmp.Or(c.Header.Get("X-Amz-Invocation-Type"), synchronous)
	broken.oneOf(in.kind, "invocationType", kinds...)
	logType := cmp.Or(c.Header.Get("X-Amz-Log-Type"), "None")
	broken.oneOf(logType, "logType", "None", logTail)
	in.wantsLog = logType == logTail
	encoded := c.Header.Get("X-Amz-Client-Context")
	if c.event {
		encoded = ""
	}
	if len(encoded) > maxClientContext {
		broken.add(encoded, "clientContext", fmt.Sprintf("have length less than or equal to %d", maxClientContext))
	}
	if err := broken.err(); err != nil {
		return in, err
	}
	if err := s.findInvoked(c, &in); err != nil {
		return in, err
	}
	if in.ClientContext, err = clientContext(encoded); err != nil {
		return in, err
	}
	in.TraceHeader = traceHeader(c.Header.Get("X-Amzn-Trace-Id"))
	in.Payload, err = payload(c)
	return in, err
}

// findInvoked fills in the function to invoke.
func (s *Server) findInvoked(c *call, in *invocation) (err error) {
	if in.ref, err = s.functionRef(c); err != nil {
		return err
	}
	var ok bool
	if in.function, ok = s.lookUp(in.ref); !ok {
		return functionNotFound(in.ref.qualified())
	}
	in.Function = in.ref.Qualified()
	for _, header := range []string{"X-Amz-Durable-Execution-Name", "X-Amz-Tenant-Id"} {
		if c.Header.Get(header) != "" {
			return invalidParameter("%s is not supported: no function of this engine has durable executions or tenants.", header)
		}
	}
	return nil
}

// adoptID makes the ID in the request's x-amzn-RequestId, if any, the ID of the call.
func (c *call) adoptID() error {
	given := c.Header.Get("X-Amzn-Requestid")
	if given == "" {
		return nil
	}
	id, err := uuid.Parse(given)
	if err != nil || len(given) != len(c.id) { // Parse accepts other forms too
		return throw("InvalidRequestContentException", "The x-amzn-RequestId header is not a valid UUID.")
	}
	c.id = id.String()
	return nil
}

// payload returns the event of a request.
func payload(c *call) (json.RawMessage, error) {
	if err := checkMediaType(c.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if len(c.body) == 0 {
		return json.RawMessage("{}"), nil
	}
	if err := checkJSON(c.body); err != nil {
		return nil, throw("InvalidRequestContentException", "Could not parse request body into json: Could not parse payload into json: %v", err)
	}
	return c.body, nil
}

// checkMediaType refuses a Content-Type other than JSON, except those that clients send with JSON: SDKs
// application/octet-stream, curl a form, browsers plain text.
func checkMediaType(text string) error {
	media, _, err := mime.ParseMediaType(text)
	switch {
	case text == "":
	case err != nil && media == "":
		return throw("UnsupportedMediaTypeException", "The Content-Type of the request is not a media type.")
	case media == "application/octet-stream", media == "binary/octet-stream", media == "application/x-www-form-urlencoded",
		media == "text/plain", strings.Contains(media, "json"):
	default:
		return throw("UnsupportedMediaTypeException", "The Content-Type of the request is %s, and not JSON.", media)
	}
	return nil
}

// clientContext decodes the client context, which the handler receives.
func clientContext(encoded string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	var object map[string]any
	if encoded != "" && (err != nil || json.Unmarshal(text, &object) != nil) {
		return "", throw("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
	}
	return string(text), nil
}

// traceHeader returns given if it is a valid X-Amzn-Trace-Id, and otherwise a new one.
func traceHeader(given string) string {
	if esm.IsTraceHeader(given) {
		return given
	}
	return esm.NewTraceHeader(time.Now())
}
