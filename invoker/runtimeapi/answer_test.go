package runtimeapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func FuzzReportedAnswer(f *testing.F) {
	f.Add(`{"errorMessage":"m","errorType":"t","stackTrace":["a"],"errorCause":{}}`, causeType, "Runtime.NoSuchHandler")
	f.Add("no JSON", causeType, "Function.x")
	f.Add("{}", "application/json", "")
	f.Fuzz(func(t *testing.T, body, contentType, kind string) {
		a := reportedAnswer(http.Header{"Content-Type": {contentType}, errorTypeHeader: {kind}}, []byte(body))
		got := string(a.Response.Payload)
		if strings.HasPrefix(contentType, causeType) {
			if !json.Valid(a.Response.Payload) && got != "Invalid error body" {
				t.Errorf("got %q", got)
			}
		} else if got != body {
			t.Errorf("got %q, want %q", got, body)
		}
		if a.Response.Fault != Unhandled || a.ErrorType == "" || len(a.ErrorType) > longestErrorType {
			t.Errorf("got %+v", a)
		}
	})
}
