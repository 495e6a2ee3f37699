package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/esm-run/esm/mappings"
)

func TestTypesAndSyntax(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{`, "Could not parse request body into json: unexpected end of JSON input"},
		{`{"FunctionName":"f"}x`, "Could not parse request body into json: invalid character 'x' after top-level value"},
		{"{\"FunctionName\":\"\xff\"}", "The body of the request is not UTF-8"},
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
	}
	f := serve(t)
	for _, tt := range tests {
		want := `400 SerializationException {"Message":"` + tt.want + `"}`
		if got := errorOf(f.ask("POST", mappingsPath, tt.body)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.body, got, want)
		}
	}
}

// White space anywhere, numbers in every form and the last of two members are taken as JSON has them.
func TestJSONInOtherForms(t *testing.T) {
	f := serve(t)
	body := " {\n\t\"FunctionName\" : \"x\" , \"FunctionName\":\n \"f\", \"EventSourceArn\": \"" + queue + "\", \"BatchSize\" : 1e1 , " +
		"\"FilterCriteria\" : { \"Filters\" : [ { \"Pattern\" : \"{}\" } ] } , \"Enabled\" : null }\n"
	if w := f.ask("POST", mappingsPath, body); w.Code != 202 {
		t.Fatal(errorOf(w))
	}
	r, _ := f.register.Get(first)
	if *r.BatchSize != 10 || r.FilterCriteria.Filters[0].Pattern != "{}" || !*r.Enabled || r.FunctionName != "f" {
		t.Errorf("got %+v", r.Mapping)
	}
}

func TestPathsAndMethods(t *testing.T) {
	f := serve(t)
	tests := []struct{ method, path, want string }{
		{"GET", "/", "404 UnknownOperationException"},
		{"GET", "//", "404 UnknownOperationException"},
		{"GET", "/2015-03-31", "404 UnknownOperationException"},
		{"GET", "/2015-03-32/event-source-mappings", "404 UnknownOperationException"},
		{"GET", mappingsPath + "//", "404 UnknownOperationException"},
		{"GET", mappingsPath + "/a/b", "404 UnknownOperationException"},
		{"GET", "/2017-03-31/tags", "404 UnknownOperationException"},
		{"PATCH", mappingsPath, "405 MethodNotAllowedException"},
		{"POST", mappingsPath + "/" + first, "405 MethodNotAllowedException"},
		{"OPTIONS", mappingsPath, "405 MethodNotAllowedException"},
		{"GET", mappingsPath + "/a%2Fb%00", "404 ResourceNotFoundException"},
		{"GET", mappingsPath + "/%61?x=%zz;;", "404 ResourceNotFoundException"},
		{"GET", "/2017-03-31/tags/x", "400 ValidationException"},
		{"GET", "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:f", "400 InvalidParameterValueException"},
	}
	for _, tt := range tests {
		w := f.ask(tt.method, tt.path, "")
		if got := errorOf(w); !strings.HasPrefix(got, tt.want+" {") {
			t.Errorf("%s %s: got %s, want %s", tt.method, tt.path, got, tt.want)
		}
		if _, err := uuid.Parse(w.Header().Get("x-amzn-RequestId")); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: headers %v", tt.method, tt.path, w.Header())
		}
	}
	if got, want := f.ask("PATCH", mappingsPath, "").Header().Get("Allow"), "POST, GET"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	f := serve(t)
	want := "413 RequestEntityTooLargeException {\"Message\":\"Request must be smaller than 262144 bytes for the CreateEventSourceMapping operation\"}"
	body := strings.Repeat(" ", maxDocument+1)
	if got := errorOf(f.ask("POST", mappingsPath, body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r := httptest.NewRequest("POST", mappingsPath, struct{ *strings.Reader }{strings.NewReader(body)})
	r.ContentLength = -1 // chunked: it shows only as it is read
	w := httptest.NewRecorder()
	if f.ServeHTTP(w, r); errorOf(w) != want {
		t.Errorf("chunked: got %s, want %s", errorOf(w), want)
	}
	if got := errorOf(f.ask("POST", mappingsPath, body[1:])); !strings.HasPrefix(got, "400 ValidationException ") {
		t.Errorf("at the bound: got %s", got)
	}
}

// panicking is mappings with a bug in them.
type panicking struct{ Mappings }

func (panicking) List() []mappings.Registered { panic("a bug") }

func TestPanicEndsItsRequestAlone(t *testing.T) {
	f := serve(t)
	f.Mappings = panicking{f.register}
	for range 2 { // over one connection
		resp, err := http.Get(f.url + mappingsPath)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got, want := resp.Header.Get("x-amzn-ErrorType"), "ServiceException"; got != want || resp.StatusCode != 500 {
			t.Errorf("got %d %s", resp.StatusCode, got)
		}
	}
	if got := f.warnings(); !strings.Contains(got, "panic: a bug") || !strings.Contains(got, "request_test.go") {
		t.Errorf("warned %s", got)
	}
}

// A client that has gone holds nothing up and is no failure in the log. It is never told that all is well.
func TestClientsThatLeave(t *testing.T) {
	f := serve(t)
	f.reading = make(chan struct{}) // nobody may read
	f.once.Do(func() {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("POST", mappingsPath, strings.NewReader("{}")).WithContext(ctx)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || f.warnings() != "" {
		t.Errorf("answered %s, warned %s", errorOf(w), f.warnings())
	}
}
