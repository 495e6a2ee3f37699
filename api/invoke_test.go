package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

const invokePath = "/2015-03-31/functions/f/invocations"

func TestInvoke(t *testing.T) {
	const id = "8476a536-e9f4-41e8-9739-2dfe598c3fcd"
	const root = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
	r := newRig(t)
	r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		r.Tails.Trace(trace.Output{ID: c.ID, Line: "hello"})
		return esm.Response{Payload: c.Payload, Version: "$LATEST"}, nil
	}
	w := r.ask("POST", invokePath, "", "X-Amzn-RequestId", strings.ToUpper(id), "X-Amzn-Trace-Id", root, "X-Amz-Log-Type", "Tail",
		"X-Amz-Client-Context", base64.StdEncoding.EncodeToString([]byte(`{"client":{}}`)))
	for name, want := range map[string]string{
		"X-Amzn-RequestId": id, "X-Amz-Executed-Version": "$LATEST", "X-Amzn-Trace-Id": root, "Content-Type": "application/json",
		"X-Amzn-Remapped-Content-Length": "0", "Content-Length": "2", "X-Amz-Function-Error": "",
		"X-Amz-Log-Result": base64.StdEncoding.EncodeToString([]byte("hello\n")),
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	c := r.called()[0]
	if w.Code != 200 || w.Body.String() != "{}" || c.ID != id || c.TraceHeader != root || c.Function != "f" || c.ClientContext != `{"client":{}}` {
		t.Errorf("got %d %s, call %+v", w.Code, w.Body, c)
	}
	if n := r.Tails.watched.Load(); n != 0 || len(r.Tails.tails) != 0 {
		t.Errorf("%d logs are kept after the answer", n)
	}
	w = r.ask("POST", invokePath, "1")
	if c := r.called()[1]; !esm.IsTraceHeader(c.TraceHeader) || w.Header().Get("X-Amz-Log-Result") != "" {
		t.Errorf("got headers %v, call %+v", w.Header(), c)
	}
}

func TestInvokeFaults(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		resp esm.Response
		want string
	}{
		{esm.Response{Payload: []byte(`{"errorType":"Sandbox.Timedout"}`), Fault: "Sandbox.Timedout"}, `{"errorType":"Sandbox.Timedout"}`},
		{esm.Response{Payload: make([]byte, esm.MaxResponse+1)}, `{"errorMessage":"Response payload size exceeded maximum allowed payload size ` +
			`(6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`},
	} {
		r.handler = func(context.Context, esm.Call) (esm.Response, error) { return tt.resp, nil }
		w := r.ask("POST", invokePath, "null")
		if w.Code != 200 || w.Header().Get("X-Amz-Function-Error") != "Unhandled" || w.Body.String() != tt.want {
			t.Errorf("got %d %v %.200s", w.Code, w.Header(), w.Body)
		}
	}
}

func TestDryRun(t *testing.T) {
	r := newRig(t)
	w := r.ask("POST", invokePath, "{}", "X-Amz-Invocation-Type", "DryRun")
	if w.Code != 204 || w.Body.Len() != 0 || len(r.called()) != 0 {
		t.Errorf("got %d %q after %d calls", w.Code, w.Body, len(r.called()))
	}
	if w := r.ask("POST", "/2015-03-31/functions/nope/invocations", "{}", "X-Amz-Invocation-Type", "DryRun"); w.Code != 404 {
		t.Errorf("got %d", w.Code)
	}
}

func TestFunctionNames(t *testing.T) {
	const notFound = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: `
	const mismatch = `400 InvalidParameterValueException {"Type":"User","message":"The derived qualifier from the function name does not match the specified qualifier."}`
	const pattern = `400 ValidationException {"message":"1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: ` +
		`Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?` +
		`(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"}`
	r := newRig(t)
	for _, tt := range []struct{ name, want string }{
		{"f", "f"}, {"f:$LATEST", "f:$LATEST"}, {"f%3A%24LATEST", "f:$LATEST"}, {"f?Qualifier=%24LATEST", "f:$LATEST"},
		{"f:$LATEST?Qualifier=$LATEST", "f:$LATEST"},
		{"123456789012:function:f", "f"}, {"123456789012:function:f:$LATEST", "f:$LATEST"}, {"function:f", "f"},
		{"arn:aws:lambda:us-east-1:123456789012:function:f", "f"},
		{"arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3A%24LATEST", "f:$LATEST"},
		{"away:live", "away:live"}, {"away?Qualifier=7", "away:7"},

		{"f:1?Qualifier=2", mismatch}, {"f:$LATEST?Qualifier=1", mismatch},
		{"nope", notFound + functionARN + `nope:$LATEST"}`},
		{"nope:1", notFound + functionARN + `nope:1"}`},
		{"f:live", notFound + functionARN + `f:live"}`},
		{"f?Qualifier=$LATEST.PUBLISHED", notFound + functionARN + `f:$LATEST.PUBLISHED"}`},
		{"210987654321:function:f", notFound + `arn:aws:lambda:us-east-1:210987654321:function:f:$LATEST"}`},
		{"a.b", notFound + functionARN + `a.b:$LATEST"}`},
		{"arn:aws:lambda:eu-west-1:123456789012:function:f", `404 ResourceNotFoundException {"Type":"User","Message":` +
			`"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}`},
		{"bad%20name", fmt.Sprintf(pattern, "bad name")}, {"f:", fmt.Sprintf(pattern, "f:")}, {"a%2Fb", fmt.Sprintf(pattern, "a/b")},
		{"f?Qualifier=", `400 ValidationException {"message":"2 validation errors detected: Value '' at 'qualifier' failed to satisfy constraint: ` +
			`Member must have length greater than or equal to 1; Value '' at 'qualifier' failed to satisfy constraint: ` +
			`Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"}`},
		{strings.Repeat("n", 257), `400 ValidationException {"message":"1 validation error detected: Value '` + strings.Repeat("n", 257) +
			`' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 256"}`},
	} {
		name, query, _ := strings.Cut(tt.name, "?")
		before := len(r.called())
		got := errorOf(r.ask("POST", "/2015-03-31/functions/"+name+"/invocations?"+query, "1"))
		if calls := r.called(); len(calls) > before {
			got = calls[before].Function
		}
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// throttle is an error that knows which limit was met.
type throttle string

func (e throttle) Error() string  { return string(e) }
func (e throttle) Reason() string { return string(e) }
func (e throttle) Unwrap() error  { return esm.ErrThrottled }

// remoteError is the error of an SDK that invokes a remote function.
type remoteError struct {
	code   string
	status int
}

func (e remoteError) Error() string        { return e.code }
func (e remoteError) ErrorCode() string    { return e.code }
func (e remoteError) ErrorMessage() string { return "words" }
func (e remoteError) HTTPStatusCode() int  { return e.status }

func TestInvocationErrors(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("invoker: %w", err) }
	for _, tt := range []struct {
		function string
		err      error
		want     string
	}{
		{"f", wrap(throttle("ReservedFunctionConcurrentInvocationLimitExceeded")),
			`429 TooManyRequestsException {"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"f", wrap(esm.ErrThrottled), `429 TooManyRequestsException {"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"f", wrap(esm.ErrNotRun), `500 ServiceException {"Type":"Service","Message":"` + wrap(esm.ErrNotRun).Error() + `"}`},
		{"f", errors.New("lost"), `500 ServiceException {"Type":"Service","Message":"lost"}`},
		{"f", wrap(esm.ErrRefused), `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `f:$LATEST"}`},
		{"f", wrap(esm.ErrTooLarge), `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"away", wrap(remoteError{"ResourceConflictException", 409}), `409 ResourceConflictException {"Type":"User","message":"words"}`},
		{"away", wrap(remoteError{"ResourceNotFoundException", 404}), `404 ResourceNotFoundException {"Type":"User","Message":"words"}`},
		{"away", wrap(remoteError{"KMSDisabledException", 502}), `502 KMSDisabledException {"Type":"Service","Message":"words"}`},
		{"away", wrap(remoteError{"RecursiveInvocationException", 400}), `400 RecursiveInvocationException {"Type":"User","Message":"words"}`},
		{"away", wrap(remoteError{"ResourceNotReadyException", 0}), `502 ResourceNotReadyException {"Type":"Service","message":"words"}`},
		{"away", wrap(remoteError{"UnrecognizedClientException", 403}), `500 ServiceException {"Type":"Service","Message":"invoker: UnrecognizedClientException"}`},
		{"away", wrap(esm.ErrRefused), `500 ServiceException {"Type":"Service","Message":"` + wrap(esm.ErrRefused).Error() + `"}`},
	} {
		r := newRig(t)
		r.handler = func(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, tt.err }
		w := r.ask("POST", "/2015-03-31/functions/"+tt.function+"/invocations", "{}")
		if got := errorOf(w); got != tt.want || w.Header().Get("X-Amz-Function-Error") != "" {
			t.Errorf("%v:\ngot  %s\nwant %s", tt.err, got, tt.want)
		}
	}
}

func TestInvokeRefusals(t *testing.T) {
	const content = `400 InvalidRequestContentException {"Type":"User","message":"`
	const notJSON = content + `Could not parse request body into json: Could not parse payload into json: `
	r := newRig(t)
	for _, tt := range []struct {
		name, body string
		headers    []string
		want       string
	}{
		{"types", "{}", []string{"X-Amz-Invocation-Type", "x", "X-Amz-Log-Type", "y"}, `400 ValidationException {"message":"2 validation errors detected: ` +
			`Value 'x' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]; ` +
			`Value 'y' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [None, Tail]"}`},
		{"an id", "{}", []string{"X-Amzn-RequestId", "x"}, content + `The x-amzn-RequestId header is not a valid UUID."}`},
		{"half a context", "{}", []string{"X-Amz-Client-Context", "e30"}, content + `Client context must be a valid Base64-encoded JSON object."}`},
		{"a context that is a list", "{}", []string{"X-Amz-Client-Context", "WzFd"}, content + `Client context must be a valid Base64-encoded JSON object."}`},
		{"a page", "<p>", []string{"Content-Type", "text/html; charset=utf-8"}, `415 UnsupportedMediaTypeException {"Type":"User","message":"The Content-Type of the request is text/html, and not JSON."}`},
		{"no type", "{}", []string{"Content-Type", "/"}, `415 UnsupportedMediaTypeException {"Type":"User","message":"The Content-Type of the request is not a media type."}`},
		{"no JSON", "test", nil, notJSON + `invalid character 'e' in literal true (expecting 'r')"}`},
		{"half an event", " {", nil, notJSON + `unexpected end of JSON input"}`},
		{"no UTF-8", "\"\x87\"", nil, notJSON + `invalid UTF-8"}`},
		{"great depth", strings.Repeat("[", 300_000), nil, notJSON + `invalid character '[' exceeded max depth"}`},
		{"too large", `"` + strings.Repeat("x", esm.MaxPayload-1) + `"`, nil, `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"a tenant", "{}", []string{"X-Amz-Tenant-Id", "t"}, `400 InvalidParameterValueException {"Type":"User","message":"X-Amz-Tenant-Id is not supported: no function of this engine has durable executions or tenants."}`},
	} {
		if got := errorOf(r.ask("POST", invokePath, tt.body, tt.headers...)); got != tt.want || len(r.called()) != 0 {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestPayloads(t *testing.T) {
	r := newRig(t)
	largest := `"` + strings.Repeat("x", esm.MaxPayload-2) + `"`
	if w := r.ask("POST", invokePath, largest); w.Code != 200 || w.Body.String() != largest {
		t.Errorf("the largest: got %d %.100s", w.Code, w.Body)
	}
	for _, payload := range []string{`{}`, ` [1] `, `"é"`, `-0.5e3`, `true`, `null`} {
		for _, media := range []string{"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "application/x-amz-json-1.0; charset=utf-8"} {
			if w := r.ask("POST", invokePath+"/", payload, "Content-Type", media); w.Code != 200 || w.Body.String() != payload {
				t.Errorf("%.40s as %s: got %d %.100s", payload, media, w.Code, w.Body)
			}
		}
	}
}

func FuzzFunctionNames(f *testing.F) {
	for _, seed := range []string{"f", "f:$LATEST", "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:live", "arn:aws:lambda::", "a.b:c", "::", ""} {
		f.Add(seed, "")
		f.Add(seed, "$LATEST")
	}
	s := newRig(f).Server
	f.Fuzz(func(t *testing.T, name, qualifier string) {
		target := "/"
		if qualifier != "" {
			target += "?Qualifier=" + url.QueryEscape(qualifier)
		}
		ref, err := s.functionRef(&call{Request: httptest.NewRequest("POST", target, nil), names: []string{name}})
		if refused := (*exception)(nil); err != nil && !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		fn, ok := s.lookUp(ref)
		if err == nil && (ref.arn == "" || ok && fn.Name != ref.Name) {
			t.Errorf("got %+v, %+v", ref, fn)
		}
		if parsed, perr := config.ParseFunctionName(name); err == nil && perr == nil && parsed.Name != ref.Name {
			t.Errorf("got %+v, want the name %s", ref, parsed.Name)
		}
	})
}
