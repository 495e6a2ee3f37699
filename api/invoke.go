package api

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Limits of Invoke (AWS: "Lambda quotas", and API reference of Invoke).
const (
	maxResponse      = esm.MaxPayload + 100 // bytes of a handler's answer
	maxClientContext = 3583                 // bytes of base64
	maxTrace         = 512                  // bytes of a trace header; longer ones are not traces
)

// What a request may ask of an invocation.
const (
	synchronous  = "RequestResponse"
	asynchronous = "Event"
	dryRun       = "DryRun"
	logTail      = "Tail"
)

// invocation is a request to invoke a function.
type invocation struct {
	esm.Call
	asked    asked
	function config.Function
	kind     string // one of the invocation types
	tail     bool   // the end of the log is wanted
}

// invoke runs a function and waits for its answer. The invocation goes on when the client goes away.
func (s *Server) invoke(c *call) (answer, error) {
	in, err := s.invocation(c)
	if err != nil {
		return answer{}, err
	}
	if in.kind == dryRun {
		return answer{status: http.StatusNoContent}, nil
	}
	work, end, err := s.calls.begin(len(in.Payload))
	if err != nil {
		return answer{}, err
	}
	defer end()
	var log *tail
	if in.tail && s.Tails != nil {
		log = s.Tails.watch(in.ID)
		defer s.Tails.forget(log)
	}
	resp, err := s.Invoker.Invoke(work, in.Call)
	if err != nil {
		return s.notInvoked(in, err)
	}
	a := invoked(resp)
	a.header.Set("X-Amzn-Trace-Id", in.TraceHeader)
	if text := log.end(work, resp.Fault); text != nil {
		a.header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(text))
	}
	return a, nil
}

// invoked is the answer to an invocation that ran.
func invoked(resp esm.Response) answer {
	if len(resp.Payload) > maxResponse {
		resp.Fault, resp.Payload = "Function.ResponseSizeTooLarge", fmt.Appendf(nil,
			`{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).","errorType":"Function.ResponseSizeTooLarge"}`,
			maxResponse)
	}
	header := http.Header{}
	header.Set("X-Amz-Executed-Version", cmp.Or(resp.Version, latestVersion))
	header.Set("X-Amzn-Remapped-Content-Length", "0")
	if resp.Fault != "" {
		header.Set("X-Amz-Function-Error", "Unhandled")
	}
	return answer{http.StatusOK, header, resp.Payload}
}

// invocation reads and checks a request, in Lambda's order as far as it is known.
func (s *Server) invocation(c *call) (in invocation, err error) {
	if err := c.takeID(); err != nil {
		return in, err
	}
	in.ID = c.id
	var broken violations
	in.kind = cmp.Or(c.Header.Get("X-Amz-Invocation-Type"), synchronous)
	broken.oneOf(in.kind, "invocationType", asynchronous, synchronous, dryRun)
	log := cmp.Or(c.Header.Get("X-Amz-Log-Type"), "None")
	broken.oneOf(log, "logType", "None", logTail)
	in.tail = log == logTail
	encoded := c.Header.Get("X-Amz-Client-Context")
	if len(encoded) > maxClientContext {
		broken.add(encoded, "clientContext", fmt.Sprintf("Member must have length less than or equal to %d", maxClientContext))
	}
	if err := broken.err(); err != nil {
		return in, err
	}
	if err := s.lookUp(c, &in); err != nil {
		return in, err
	}
	if in.ClientContext, err = clientContext(encoded); err != nil {
		return in, err
	}
	in.TraceHeader = traceHeader(c.Header.Get("X-Amzn-Trace-Id"))
	in.Payload, err = payload(c)
	return in, err
}

// lookUp finds the function that is to be invoked.
func (s *Server) lookUp(c *call, in *invocation) (err error) {
	if in.asked, err = s.named(c); err != nil {
		return err
	}
	var ok bool
	if in.function, ok = s.function(in.asked); !ok {
		return notFound(in.asked.qualified())
	}
	in.Function = in.asked.Qualified()
	if in.kind == asynchronous {
		return invalid("The invocation type Event is not served. %s", eventText)
	}
	for _, header := range []string{"X-Amz-Durable-Execution-Name", "X-Amz-Tenant-Id"} {
		if c.Header.Get(header) != "" {
			return invalid("%s is not supported: no function of this engine has durable executions or tenants.", header)
		}
	}
	return nil
}

// takeID makes the caller's id that of the request, if there is one.
func (c *call) takeID() error {
	given := c.Header.Get("X-Amzn-Requestid")
	if given == "" {
		return nil
	}
	id, err := uuid.Parse(given)
	if err != nil || len(given) != len(c.id) { // Parse knows other forms too
		return refuse("InvalidRequestContentException", "The x-amzn-RequestId header is not a valid UUID.")
	}
	c.id = id.String()
	return nil
}

// payload is the event of a request.
func payload(c *call) (json.RawMessage, error) {
	if err := checkMediaType(c.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if len(c.body) == 0 {
		return json.RawMessage("{}"), nil
	}
	return c.body, checkPayload(c.body)
}

// checkMediaType refuses what calls itself something else than JSON. SDKs call an event application/octet-stream, curl
// a form, and browsers and others plain text.
func checkMediaType(text string) error {
	media, _, err := mime.ParseMediaType(text)
	switch {
	case text == "":
	case err != nil && media == "":
		return refuse("UnsupportedMediaTypeException", "The Content-Type of the request is not a media type.")
	case media == "application/octet-stream", media == "binary/octet-stream", media == "application/x-www-form-urlencoded",
		media == "text/plain", strings.Contains(media, "json"):
	default:
		return refuse("UnsupportedMediaTypeException", "The Content-Type of the request is %s, and not JSON.", media)
	}
	return nil
}

// clientContext decodes what the handler sees of its client.
func clientContext(encoded string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	var object map[string]any
	if encoded != "" && (err != nil || json.Unmarshal(text, &object) != nil) {
		return "", refuse("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
	}
	return string(text), nil
}

var traceForm = regexp.MustCompile(`(^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)`)

// traceHeader returns given if it is a valid X-Amzn-Trace-Id, and otherwise a new header that is not sampled.
func traceHeader(given string) string {
	if len(given) <= maxTrace && traceForm.MatchString(given) {
		return given
	}
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(time.Now().Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
