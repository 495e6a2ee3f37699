package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

const invokePath = "/2015-03-31/functions/f/invocations"

func TestInvokeBySDK(t *testing.T) {
	h := build(t)
	client, _ := h.serve()
	h.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		h.Tails.Trace(trace.Output{ID: c.ID, Line: "START RequestId: " + c.ID, Platform: true})
		h.Tails.Trace(trace.Output{ID: c.ID, Line: "hello"})
		h.Tails.Trace(trace.Output{ID: c.ID, Line: "REPORT RequestId: " + c.ID + "\t", Platform: true})
		return esm.Response{Payload: c.Payload, Version: "$LATEST"}, nil
	}
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("f"), Payload: []byte(`{"a": 1}`), LogType: types.LogTypeTail,
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"client":{}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := h.called()[0]
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if got, want := string(log), fmt.Sprintf("START RequestId: %[1]s\nhello\nREPORT RequestId: %[1]s\t\n", c.ID); got != want {
		t.Errorf("log: got %q, want %q", got, want)
	}
	if string(out.Payload) != `{"a": 1}` || out.StatusCode != 200 || *out.ExecutedVersion != "$LATEST" || out.FunctionError != nil {
		t.Errorf("got %+v", out)
	}
	if string(c.Payload) != `{"a": 1}` || c.Function != "f" || c.ClientContext != `{"client":{}}` || !traceForm.MatchString(c.TraceHeader) {
		t.Errorf("got call %+v", c)
	}
	if n := h.Tails.watched.Load(); n != 0 || len(h.Tails.of) != 0 {
		t.Errorf("%d logs are kept after the answer", n)
	}
}

func TestInvokeAnswers(t *testing.T) {
	h := build(t)
	const id = "8476a536-e9f4-41e8-9739-2dfe598c3fcd"
	const root = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
	w := h.ask("POST", invokePath, "", "X-Amzn-RequestId", strings.ToUpper(id), "X-Amzn-Trace-Id", root)
	for name, want := range map[string]string{
		"X-Amzn-RequestId": id, "X-Amz-Executed-Version": "$LATEST", "X-Amzn-Trace-Id": root, "Content-Type": "application/json",
		"X-Amzn-Remapped-Content-Length": "0", "Content-Length": "2", "X-Amz-Function-Error": "", "X-Amz-Log-Result": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if c := h.called()[0]; w.Code != 200 || w.Body.String() != "{}" || c.ID != id || c.TraceHeader != root {
		t.Errorf("got %d %s, call %+v", w.Code, w.Body, c)
	}
	h.handler = func(context.Context, esm.Call) (esm.Response, error) {
		return esm.Response{Payload: []byte(`{"errorType":"Sandbox.Timedout"}`), Fault: "Sandbox.Timedout", Version: "$LATEST"}, nil
	}
	w = h.ask("POST", invokePath, "null")
	if w.Code != 200 || w.Header().Get("X-Amz-Function-Error") != "Unhandled" || w.Body.String() != `{"errorType":"Sandbox.Timedout"}` {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	h.handler = func(context.Context, esm.Call) (esm.Response, error) {
		return esm.Response{Payload: make([]byte, maxResponse+1)}, nil
	}
	w = h.ask("POST", invokePath, "null")
	if want := `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`; w.Body.String() != want || w.Header().Get("X-Amz-Function-Error") != "Unhandled" {
		t.Errorf("got %v %.200s", w.Header(), w.Body)
	}
}

func TestDryRunRunsNothing(t *testing.T) {
	h := build(t)
	w := h.ask("POST", invokePath, "{}", "X-Amz-Invocation-Type", "DryRun")
	if w.Code != 204 || w.Body.Len() != 0 || len(h.called()) != 0 {
		t.Errorf("got %d %q after %d calls", w.Code, w.Body, len(h.called()))
	}
	if w := h.ask("POST", "/2015-03-31/functions/nope/invocations", "{}", "X-Amz-Invocation-Type", "DryRun"); w.Code != 404 {
		t.Errorf("got %d", w.Code)
	}
}

func TestWhatMayStandForAFunction(t *testing.T) {
	const notFound = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: `
	const mismatch = `400 InvalidParameterValueException {"Type":"User","message":"The derived qualifier from the function name does not match the specified qualifier."}`
	const pattern = `400 ValidationException {"message":"1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: ` +
		`Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?` +
		`(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"}`
	tests := []struct{ name, want string }{
		{"f", "f"}, {"f:$LATEST", "f:$LATEST"}, {"f%3A%24LATEST", "f:$LATEST"}, {"f?Qualifier=%24LATEST", "f:$LATEST"},
		{"f:$LATEST?Qualifier=$LATEST", "f:$LATEST"},
		{"123456789012:function:f", "f"}, {"123456789012:function:f:$LATEST", "f:$LATEST"}, {"function:f", "f"},
		{"arn:aws:lambda:us-east-1:123456789012:function:f", "f"},
		{"arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3A%24LATEST", "f:$LATEST"},
		{"away:live", "away:live"}, {"away?Qualifier=7", "away:7"},

		{"f:1?Qualifier=2", mismatch}, {"f:$LATEST?Qualifier=1", mismatch},
		{"nope", notFound + houseArn + `nope:$LATEST"}`},
		{"nope:1", notFound + houseArn + `nope:1"}`},
		{"f:live", notFound + houseArn + `f:live"}`},
		{"f?Qualifier=$LATEST.PUBLISHED", notFound + houseArn + `f:$LATEST.PUBLISHED"}`},
		{"210987654321:function:f", notFound + `arn:aws:lambda:us-east-1:210987654321:function:f:$LATEST"}`},
		{"a.b", notFound + houseArn + `a.b:$LATEST"}`},
		{"arn:aws:lambda:eu-west-1:123456789012:function:f", `404 ResourceNotFoundException {"Type":"User","Message":` +
			`"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}`},
		{"bad%20name", fmt.Sprintf(pattern, "bad name")}, {"f:", fmt.Sprintf(pattern, "f:")}, {"a%2Fb", fmt.Sprintf(pattern, "a/b")},
		{"f?Qualifier=", `400 ValidationException {"message":"2 validation errors detected: Value '' at 'qualifier' failed to satisfy constraint: ` +
			`Member must have length greater than or equal to 1; Value '' at 'qualifier' failed to satisfy constraint: ` +
			`Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"}`},
		{strings.Repeat("n", 257), `400 ValidationException {"message":"1 validation error detected: Value '` + strings.Repeat("n", 257) +
			`' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 256"}`},
	}
	for _, tt := range tests {
		h := build(t)
		name, query, _ := strings.Cut(tt.name, "?")
		w := h.ask("POST", "/2015-03-31/functions/"+name+"/invocations?"+query, "1")
		got := errorOf(w)
		if w.Code == 200 {
			got = h.called()[0].Function
		}
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// limit is a throttle that knows its reason.
type limit struct{ reason string }

func (l limit) Error() string  { return l.reason }
func (l limit) Reason() string { return l.reason }
func (l limit) Unwrap() error  { return esm.ErrThrottled }

// away is what an SDK makes of an answer elsewhere.
type elsewhere struct {
	code   string
	status int
}

func (e elsewhere) Error() string        { return e.code }
func (e elsewhere) ErrorCode() string    { return e.code }
func (e elsewhere) ErrorMessage() string { return "words" }
func (e elsewhere) HTTPStatusCode() int  { return e.status }

func TestInvocationsWithoutAResponse(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("invoker: %w", err) }
	tests := []struct {
		function string
		err      error
		want     string
	}{
		{"f", wrap(limit{"ReservedFunctionConcurrentInvocationLimitExceeded"}),
			`429 TooManyRequestsException {"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"f", wrap(esm.ErrThrottled), `429 TooManyRequestsException {"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"f", wrap(esm.ErrNotRun), `500 ServiceException {"Type":"Service","Message":"invoker: the function was not run"}`},
		{"f", errors.New("lost"), `500 ServiceException {"Type":"Service","Message":"lost"}`},
		{"f", wrap(esm.ErrRefused), `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + houseArn + `f:$LATEST"}`},
		{"f", wrap(esm.ErrTooLarge), `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"away", wrap(elsewhere{"ResourceConflictException", 409}), `409 ResourceConflictException {"Type":"User","message":"words"}`},
		{"away", wrap(elsewhere{"ResourceNotFoundException", 404}), `404 ResourceNotFoundException {"Type":"User","Message":"words"}`},
		{"away", wrap(elsewhere{"KMSDisabledException", 502}), `502 KMSDisabledException {"Type":"Service","Message":"words"}`},
		{"away", wrap(elsewhere{"RecursiveInvocationException", 400}), `400 RecursiveInvocationException {"Type":"User","Message":"words"}`},
		{"away", wrap(elsewhere{"ResourceNotReadyException", 0}), `502 ResourceNotReadyException {"Type":"Service","message":"words"}`},
		{"away", wrap(elsewhere{"UnrecognizedClientException", 403}), `500 ServiceException {"Type":"Service","Message":"invoker: UnrecognizedClientException"}`},
		{"away", wrap(esm.ErrRefused), `500 ServiceException {"Type":"Service","Message":"invoker: the invocation was refused"}`},
	}
	for _, tt := range tests {
		h := build(t)
		h.handler = func(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, tt.err }
		w := h.ask("POST", "/2015-03-31/functions/"+tt.function+"/invocations", "{}")
		if got := errorOf(w); got != tt.want || w.Header().Get("X-Amz-Function-Error") != "" {
			t.Errorf("%v:\ngot  %s\nwant %s", tt.err, got, tt.want)
		}
	}
}

func TestInvokeRefusals(t *testing.T) {
	tests := []struct {
		name, body string
		headers    []string
		want       string
	}{
		{"an event", "{}", []string{"X-Amz-Invocation-Type", "Event"}, `400 InvalidParameterValueException {"Type":"User","message":"The invocation type Event is not served. ` + eventText + `"}`},
		{"types", "{}", []string{"X-Amz-Invocation-Type", "x", "X-Amz-Log-Type", "y"}, `400 ValidationException {"message":"2 validation errors detected: ` +
			`Value 'x' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]; ` +
			`Value 'y' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [None, Tail]"}`},
		{"an id", "{}", []string{"X-Amzn-RequestId", "x"}, `400 InvalidRequestContentException {"Type":"User","message":"The x-amzn-RequestId header is not a valid UUID."}`},
		{"context", "{}", []string{"X-Amz-Client-Context", "e30"}, `400 InvalidRequestContentException {"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		{"context", "{}", []string{"X-Amz-Client-Context", "WzFd"}, `400 InvalidRequestContentException {"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		{"a page", "<p>", []string{"Content-Type", "text/html; charset=utf-8"}, `415 UnsupportedMediaTypeException {"Type":"User","message":"The Content-Type of the request is text/html, and not JSON."}`},
		{"no type", "{}", []string{"Content-Type", "/"}, `415 UnsupportedMediaTypeException {"Type":"User","message":"The Content-Type of the request is not a media type."}`},
		{"no JSON", "\x99", nil, `400 InvalidRequestContentException {"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: ` +
			"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')" +
			"\\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]\"}"},
		{"too large", `"` + strings.Repeat("x", esm.MaxPayload-1) + `"`, nil, `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"a tenant", "{}", []string{"X-Amz-Tenant-Id", "t"}, `400 InvalidParameterValueException {"Type":"User","message":"X-Amz-Tenant-Id is not supported: no function of this engine has durable executions or tenants."}`},
	}
	for _, tt := range tests {
		h := build(t)
		if got := errorOf(h.ask("POST", invokePath, tt.body, tt.headers...)); got != tt.want || len(h.called()) != 0 {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestPayloadsOfEveryKind(t *testing.T) {
	h := build(t)
	largest := `"` + strings.Repeat("x", esm.MaxPayload-2) + `"`
	if w := h.ask("POST", invokePath, largest); w.Code != 200 || w.Body.String() != largest {
		t.Errorf("the largest: got %d %.100s", w.Code, w.Body)
	}
	for _, payload := range []string{`{}`, ` [1] `, `"é"`, `-0.5e3`, `true`, `null`} {
		for _, media := range []string{"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "application/x-amz-json-1.0; charset=utf-8"} {
			if w := h.ask("POST", invokePath+"/", payload, "Content-Type", media); w.Code != 200 || w.Body.String() != payload {
				t.Errorf("%.40s as %s: got %d %.100s", payload, media, w.Code, w.Body)
			}
		}
	}
}

func FuzzFunctionNames(f *testing.F) {
	for _, seed := range []string{"f", "f:$LATEST", "123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:live", "arn:aws:lambda::", "a.b:c", "::", ""} {
		f.Add(seed, "", true)
		f.Add(seed, "$LATEST", false)
	}
	s := build(nil).Server
	f.Fuzz(func(t *testing.T, name, qualifier string, bare bool) {
		c := &call{Request: newRequest(t, qualifier, bare), names: []string{name}}
		a, err := s.named(c)
		if refused := (*refusal)(nil); err != nil && !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		fn, ok := s.function(a)
		if err == nil && (a.arn == "" || ok && fn.Name != a.Name) {
			t.Errorf("got %+v, %+v", a, fn)
		}
		if parsed, perr := config.ParseFunctionName(name); err == nil && perr == nil && parsed.Name != a.Name {
			t.Errorf("got %+v, want the name %s", a, parsed.Name)
		}
	})
}
