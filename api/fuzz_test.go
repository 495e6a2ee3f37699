package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// FuzzBodies sends anything as the body of Create: the answer is a mapping that is valid, or an error of the client's.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[{}]`, `{"FunctionName":"f","EventSourceArn":"` + queue + `","BatchSize":1e1,"Enabled":false}`,
		`{"FunctionName":"f:1","EventSourceArn":"` + stream + `","StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":1.5,` +
			`"DestinationConfig":{"OnFailure":{"Destination":""}},"FilterCriteria":{"Filters":[{"Pattern":"{}"},{}]}}`,
		`{"FunctionName":"f","EventSourceArn":"` + fifo + `","ScalingConfig":{"MaximumConcurrency":2},"Tags":{"a":null,"b":"c"},"Topics":[null]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := serveQuietly()
		w := s.ask("POST", mappingsPath, body)
		sound(t, w)
		switch made := s.register.List(); {
		case w.Code == http.StatusAccepted && len(made) != 1, w.Code != http.StatusAccepted && len(made) != 0:
			t.Errorf("status %d, and %d mappings", w.Code, len(made))
		case w.Code >= 500:
			t.Errorf("failed: %s %s", w.Body, s.warnings())
		}
	})
}

// FuzzUpdates sends anything as the body of Update: a mapping that is refused is as it was.
func FuzzUpdates(f *testing.F) {
	f.Add(`{"BatchSize":3,"FilterCriteria":{},"ScalingConfig":{}}`)
	f.Add(`{"FunctionName":"","FunctionResponseTypes":[],"ProvisionedPollerConfig":{"PollerGroupName":""}}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := serveQuietly()
		s.register.Create(t.Context(), config.Mapping{FunctionName: "f", EventSourceArn: queue})
		s.register.settle()
		w := s.ask("PUT", mappingsPath+"/"+first, body)
		sound(t, w)
		r, _ := s.register.Get(first)
		if w.Code >= 500 || w.Code != http.StatusAccepted && r.State != mappings.Enabled {
			t.Errorf("status %d and state %s: %s %s", w.Code, r.State, w.Body, s.warnings())
		}
	})
}

// FuzzRequests sends anything anywhere: the answer is in Lambda's form and is no failure of the engine's.
func FuzzRequests(f *testing.F) {
	f.Add("GET", mappingsPath+"?MaxItems=1&Marker=x", "")
	f.Add("DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Aevent-source-mapping%3A"+first+"?tagKeys=a", "{")
	f.Add("POST", "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:event-source-mapping:"+first, `{"Tags":{"a":"b"}}`)
	f.Add("PUT", "//%2F%", "x")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://localhost"+target, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(r.URL.Path, "/2015-03-31/functions") {
			return // net/http takes no such request, or it is not of a mapping
		}
		s := serveQuietly()
		s.register.Create(t.Context(), config.Mapping{FunctionName: "f", EventSourceArn: queue})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		sound(t, w)
		if w.Code >= 500 {
			t.Errorf("failed: %s %s", w.Body, s.warnings())
		}
	})
}

func serveQuietly() *face {
	f := &face{register: &register{}}
	f.Server = &Server{Mappings: f.register, Warn: f.warn}
	return f
}

// sound checks the form of an answer.
func sound(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body map[string]any
	if w.Code == http.StatusNoContent {
		if w.Body.Len() > 0 {
			t.Errorf("a body where there is none: %s", w.Body)
		}
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || !utf8.Valid(w.Body.Bytes()) {
		t.Errorf("status %d: %v: %q", w.Code, err, w.Body)
	}
	if typed := w.Header().Get("x-amzn-ErrorType") != ""; typed != (w.Code >= 400) {
		t.Errorf("status %d: headers %v", w.Code, w.Header())
	}
	_, lower := body["message"]
	_, upper := body["Message"]
	if w.Code >= 400 && lower == upper {
		t.Errorf("status %d: no one message: %s", w.Code, w.Body)
	}
}
