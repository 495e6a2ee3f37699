package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRequests sends arbitrary requests about mappings: the answer has Lambda's form and is no failure of the engine, and
// only accepted requests make mappings. UUID in a target stands for an existing mapping.
func FuzzRequests(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[{}]`, `{"FunctionName":"g","EventSourceArn":"` + queue + `","BatchSize":1e1,"Enabled":false}`,
		`{"FunctionName":"f:1","EventSourceArn":"` + stream + `","StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":1.5,` +
			`"DestinationConfig":{"OnFailure":{"Destination":""}},"FilterCriteria":{"Filters":[{"Pattern":"{}"},{}]}}`,
		`{"FunctionName":"f","EventSourceArn":"` + fifo + `","ScalingConfig":{"MaximumConcurrency":2},"Tags":{"a":null,"b":"c"},"Topics":[null]}`,
	} {
		f.Add("POST", mappingsPath, body)
	}
	const tags = "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:event-source-mapping:UUID"
	f.Add("PUT", mappingsPath+"/UUID", `{"BatchSize":3,"FilterCriteria":{},"ScalingConfig":{}}`)
	f.Add("PUT", mappingsPath+"/UUID", `{"FunctionName":"","FunctionResponseTypes":[],"ProvisionedPollerConfig":{"PollerGroupName":""}}`)
	f.Add("GET", mappingsPath+"?MaxItems=1&Marker=x", "")
	f.Add("DELETE", tags+"?tagKeys=a", "{")
	f.Add("POST", tags, `{"Tags":{"a":"b"}}`)
	f.Add("PUT", "//%2F%", "x")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r := newRig(t)
		target = strings.ReplaceAll(target, "UUID", r.create(t, queue))
		req, err := http.NewRequest(method, "http://localhost"+target, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") || strings.Contains(req.URL.Path, "/functions") {
			return // net/http refuses the request, or it is not about a mapping
		}
		before := r.Mappings.List()[0]
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		checkForm(t, w)
		if w.Code >= 500 {
			t.Errorf("failed: %s %s", w.Body, r.warnings())
		}
		after := r.Mappings.List()
		if w.Code >= 400 && (len(after) != 1 || *after[0].BatchSize != *before.BatchSize) {
			t.Errorf("refused with %s, and the mappings are %+v", errorOf(w), after)
		}
	})
}

// checkForm checks the form of an answer.
func checkForm(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var body map[string]any
	if w.Code == http.StatusNoContent {
		if w.Body.Len() > 0 {
			t.Errorf("status 204 with the body %s", w.Body)
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
		t.Errorf("status %d: the exception needs one message: %s", w.Code, w.Body)
	}
}
