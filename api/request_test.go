package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
)

func TestSerialization(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct{ body, want string }{
		{`{`, "Could not parse request body into json: unexpected end of JSON input"},
		{`{"FunctionName":"f"}x`, "Could not parse request body into json: invalid character 'x' after top-level value"},
		{"{\"FunctionName\":\"\xff\"}", "Could not parse request body into json: invalid UTF-8"},
		{`[]`, "Unexpected field type"},
		{`null`, "Unexpected field type"},
		{`{"FunctionName":1}`, "NUMBER_VALUE can not be converted to a String (FunctionName)"},
		{`{"FunctionName":{}}`, "Start of structure or map found where not expected. (FunctionName)"},
		{`{"BatchSize":"10"}`, "STRING_VALUE can not be converted to an Integer (BatchSize)"},
		{`{"BatchSize":1.5}`, "NUMBER_VALUE can not be converted to an Integer (BatchSize)"},
		{`{"BatchSize":4294967297}`, "NUMBER_VALUE can not be converted to an Integer (BatchSize)"},
		{`{"BatchSize":1e999}`, "NUMBER_VALUE can not be converted to an Integer (BatchSize)"},
		{`{"BatchSize":[1]}`, "Start of list found where not expected (BatchSize)"},
		{`{"Enabled":"true"}`, "STRING_VALUE can not be converted to a Boolean (Enabled)"},
		{`{"BisectBatchOnFunctionError":0}`, "NUMBER_VALUE can not be converted to a Boolean (BisectBatchOnFunctionError)"},
		{`{"FunctionName":true}`, "TRUE_VALUE can not be converted to a String (FunctionName)"},
		{`{"FilterCriteria":[]}`, "Start of list found where not expected (FilterCriteria)"},
		{`{"FilterCriteria":"x"}`, "Expected structure or null (FilterCriteria)"},
		{`{"FilterCriteria":{"Filters":{}}}`, "Expected list or null (FilterCriteria.Filters)"},
		{`{"FilterCriteria":{"Filters":[{"Pattern":{"a":1}}]}}`, "Start of structure or map found where not expected. (FilterCriteria.Filters[0].Pattern)"},
		{`{"FunctionResponseTypes":["a",1]}`, "NUMBER_VALUE can not be converted to a String (FunctionResponseTypes[1])"},
		{`{"FunctionResponseTypes":[null]}`, "NULL_VALUE can not be converted to a String (FunctionResponseTypes[0])"},
		{`{"Tags":{"a":false}}`, "FALSE_VALUE can not be converted to a String (Tags.a)"},
		{`{"StartingPositionTimestamp":"2025-01-01T00:00:00Z"}`, "STRING_VALUE can not be converted to milliseconds since epoch (StartingPositionTimestamp)"},
		{`{"StartingPositionTimestamp":1e300}`, "NUMBER_VALUE can not be converted to milliseconds since epoch (StartingPositionTimestamp)"},
	} {
		want := `400 SerializationException {"Message":"` + tt.want + `"}`
		if got := errorOf(r.ask("POST", mappingsPath, tt.body)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.body, got, want)
		}
	}
}

// TestJSONNotations tests white space, notations of numbers, and repeated members: the last one counts.
func TestJSONNotations(t *testing.T) {
	r := newRig(t)
	body := " {\n\t\"FunctionName\" : \"x\" , \"FunctionName\":\n \"f\", \"EventSourceArn\": \"" + queue + "\", \"BatchSize\" : 1e1 , " +
		"\"FilterCriteria\" : { \"Filters\" : [ { \"Pattern\" : \"{}\" } ] } , \"Enabled\" : null }\n"
	if w := r.ask("POST", mappingsPath, body); w.Code != 202 {
		t.Fatal(errorOf(w))
	}
	m := r.Mappings.List()[0]
	if *m.BatchSize != 10 || m.FilterCriteria.Filters[0].Pattern != "{}" || !*m.Enabled || m.FunctionName != "f" {
		t.Errorf("got %+v", m.Mapping)
	}
}

func TestPathsAndMethods(t *testing.T) {
	r := newRig(t)
	const uuidPath = mappingsPath + "/00000001-0000-4000-8000-000000000000"
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/", "404 UnknownOperationException"},
		{"GET", "//", "404 UnknownOperationException"},
		{"GET", "/2015-03-31", "404 UnknownOperationException"},
		{"GET", "/2015-03-32/event-source-mappings", "404 UnknownOperationException"},
		{"GET", mappingsPath + "//", "404 UnknownOperationException"},
		{"GET", mappingsPath + "/a/b", "404 UnknownOperationException"},
		{"GET", "/2017-03-31/tags", "404 UnknownOperationException"},
		{"PATCH", mappingsPath, "405 MethodNotAllowedException"},
		{"POST", uuidPath, "405 MethodNotAllowedException"},
		{"OPTIONS", mappingsPath, "405 MethodNotAllowedException"},
		{"GET", mappingsPath + "/a%2Fb%00", "404 ResourceNotFoundException"},
		{"GET", mappingsPath + "/%61?x=%zz;;", "404 ResourceNotFoundException"},
		{"GET", "/2017-03-31/tags/x", "400 ValidationException"},
		{"GET", "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:f", "400 InvalidParameterValueException"},
	} {
		w := r.ask(tt.method, tt.path, "")
		if got := errorOf(w); !strings.HasPrefix(got, tt.want+" {") {
			t.Errorf("%s %s: got %s, want %s", tt.method, tt.path, got, tt.want)
		}
		if _, err := uuid.Parse(w.Header().Get("x-amzn-RequestId")); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: headers %v", tt.method, tt.path, w.Header())
		}
	}
	if got, want := r.ask("PATCH", mappingsPath, "").Header().Get("Allow"), "POST, GET"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBodySize(t *testing.T) {
	r := newRig(t)
	want := "413 RequestEntityTooLargeException {\"Message\":\"Request must be smaller than 262144 bytes for the CreateEventSourceMapping operation\"}"
	body := strings.Repeat(" ", maxDocument+1)
	if got := errorOf(r.ask("POST", mappingsPath, body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	req := httptest.NewRequest("POST", mappingsPath, struct{ *strings.Reader }{strings.NewReader(body)})
	req.ContentLength = -1 // chunked
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); errorOf(w) != want {
		t.Errorf("chunked: got %s, want %s", errorOf(w), want)
	}
	if got := errorOf(r.ask("POST", mappingsPath, body[1:])); !strings.HasPrefix(got, "400 ValidationException ") {
		t.Errorf("at the limit: got %s", got)
	}
}

func TestPanic(t *testing.T) {
	r := newRig(t)
	r.handler = func(context.Context, esm.Call) (esm.Response, error) { panic("a bug") }
	for range 2 {
		if got := errorOf(r.ask("POST", invokePath, "{}")); !strings.HasPrefix(got, `500 ServiceException {"Type":"Service","Message":"The engine failed at this request`) {
			t.Errorf("got %s", got)
		}
	}
	if got := r.warnings(); !strings.Contains(got, "panic: a bug") || !strings.Contains(got, "request_test.go") {
		t.Errorf("warned %s", got)
	}
	r.Close(t.Context()) // the invocations have ended
}

// TestCanceledRequest tests that a client that has gone away is no failure, and is not answered with a success.
func TestCanceledRequest(t *testing.T) {
	r := newRig(t)
	r.once.Do(func() { r.reading = make(chan struct{}) }) // no body may be read
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", mappingsPath, strings.NewReader("{}")))
	if w.Code != http.StatusInternalServerError || r.warnings() != "" {
		t.Errorf("answered %s, warned %s", errorOf(w), r.warnings())
	}
}
