package api

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// The two forms of function URLs: a path of the engine's address, and a host name that browsers resolve to this machine. A
// function whose name has capitals has both, since host names have none.
const (
	urlPrefix = "/url/"
	urlDomain = ".lambda-url.localhost"
)

// urlTarget is the function URL that a request was sent to.
type urlTarget struct {
	function string // with or without a qualifier, which only paths have
	path     string // behind the URL, escaped
	own      bool   // the URL has a host name of its own
}

// targetOf returns the function URL that r was sent to, if it is one.
func targetOf(r *http.Request) (t urlTarget, ok bool) {
	path := r.URL.EscapedPath()
	if name, found := strings.CutSuffix(hostname(r.Host), urlDomain); found {
		return urlTarget{name, "/" + strings.TrimPrefix(path, "/"), true}, true
	}
	rest, found := strings.CutPrefix(path, urlPrefix)
	if !found {
		return t, false
	}
	name, rest, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(name)
	return urlTarget{name, "/" + rest, false}, err == nil
}

// sandbox keeps documents from the origin of the engine's address, whose other paths they could call.
const sandbox = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"

// ServeURL answers a request to a function URL: see [Guard].
func (s *Server) ServeURL(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.callURL) }

// callURL invokes the function whose URL c was sent to.
func (s *Server) callURL(c *call) (answer, error) {
	c.operation = "InvokeFunction"
	target, _ := targetOf(c.Request)
	fn, set, ok := s.findURL(&target)
	if !ok {
		return answer{}, throw("AccessDeniedException", "There is no function %s with a URL here.", target.function)
	}
	if !mayCall(c.Request, set.Cors) {
		return answer{}, throw("AccessDeniedException", "This request was made by a web page of another origin, which Cors of the function's URL does not allow.")
	}
	header := traceHeader(c.Header.Get("X-Amzn-Trace-Id"))
	c.seal = func(h http.Header) {
		h.Set("X-Amzn-Trace-Id", header)
		share(h, c.Request, set.Cors)
		if !target.own {
			h.Add("Content-Security-Policy", sandbox)
		}
	}
	if set.Cors != nil && isPreflight(c.Request) {
		return preflight(c.Request, set.Cors), nil
	}
	if err := s.read(c, esm.MaxPayload); err != nil {
		return answer{}, err
	}
	ref, err := s.parseRef(target.function, "")
	if err != nil {
		return answer{}, err
	}
	in := invocation{function: fn, ref: ref}
	in.ID, in.Function, in.TraceHeader = c.id, target.function, s.passedOn(fn.Name, header)
	if in.Payload, err = urlEvent(c, target, header); err != nil {
		return answer{}, err
	}
	c.body = nil // the event has a copy
	return s.invokeByURL(c, in, set.Streams())
}

// passedOn returns the trace header for the function, which counts this invocation. Lambda does not stop loops that lead through
// URLs.
func (s *Server) passedOn(function, header string) string {
	if s.Recursive == nil {
		return header
	}
	if next, stop := s.Recursive(function, header); !stop {
		return next
	}
	return header
}

// findURL returns the function of a URL and its configuration. It replaces a name from a host by the function's.
func (s *Server) findURL(t *urlTarget) (config.Function, config.FunctionURLConfig, bool) {
	if t.own {
		for _, fn := range s.allFunctions() {
			if strings.EqualFold(fn.Name, t.function) {
				t.function = fn.Name
				break
			}
		}
	}
	name, qualifier := config.SplitQualifier(t.function)
	fn, exists := s.lookUp(functionRef{FunctionName: config.FunctionName{Name: name, Qualifier: qualifier}})
	set, ok := s.URLs.Get(t.function)
	return fn, set.Value, exists && ok
}

// invokeByURL runs the function and returns its response.
func (s *Server) invokeByURL(c *call, in invocation, streams bool) (answer, error) {
	work, end, err := s.calls.begin(len(in.Payload))
	if err != nil {
		return answer{}, err
	}
	defer end()
	stream := &urlStream{call: c, function: in.Function}
	if streams {
		in.Stream = stream
	}
	resp, err := s.Invoker.Invoke(work, in.Call)
	switch {
	case err != nil:
		return notInvoked(in, err)
	case streams && resp.Streamed:
		return s.endStream(stream, resp), nil
	case resp.Fault != "" || len(resp.Payload) > esm.MaxResponse:
		return badGateway(), nil
	case streams && !bytes.Contains(resp.Payload, endOfPrelude): // Lambda passes on what a handler returns that does not stream
		return answer{status: http.StatusOK, body: resp.Payload}, nil
	}
	a, err := urlResponse(resp.Payload)
	if err != nil {
		s.warnf("function %s: request %s: its response is not one for a function URL: %v", in.Function, c.id, err)
		return badGateway(), nil
	}
	return a, nil
}

// badGateway is the answer for a function that has failed.
func badGateway() answer {
	return answer{status: http.StatusBadGateway, body: []byte("Internal Server Error")}
}
