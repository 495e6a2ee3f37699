package runtimeapi

import (
	"encoding/base64"
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

func FuzzReadResponse(f *testing.F) {
	f.Add("half", "Function.Late", base64.StdEncoding.EncodeToString([]byte("{}")))
	f.Add("whole", "", "")
	f.Add("half", "<x>", "!")
	f.Fuzz(func(t *testing.T, body, kind, encoded string) {
		a := readResponse([]byte(body), http.Header{errorTypeHeader: {kind}, errorBodyHeader: {encoded}})
		failed := kind != "" || encoded != ""
		if (a.Response.Fault != "") != failed || (a.ErrorType != "") != failed {
			t.Errorf("got %+v", a)
		}
		if !failed && string(a.Response.Payload) != body {
			t.Errorf("got %q, want %q", a.Response.Payload, body)
		}
		if failed && len(a.Response.Payload) == 0 {
			t.Error("a failure without a description")
		}
	})
}
