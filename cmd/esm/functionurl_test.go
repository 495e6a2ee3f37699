package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFunctionURL tests that a running engine answers at the URLs of the file's functions, and beside that its own paths.
func TestFunctionURL(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		path := "another"
		if strings.Contains(string(event), `"rawPath":"/metrics"`) {
			path = "the same"
		}
		io.WriteString(w, `{"statusCode":201,"body":"ran, `+path+` path"}`)
	}))
	defer remote.Close()
	r := startRun(t, `
Aws: {Region: us-east-1}
Functions:
  f: {InvokeEndpoint: `+remote.URL+`, FunctionUrlConfig: {Cors: {AllowOrigins: ["https://a.example"], AllowMethods: ["*"]}}}
  g: {InvokeEndpoint: `+remote.URL+`}
EventSourceMappings: []
`)
	address := r.address()
	for _, tt := range []struct{ host, path, origin, want string }{
		{"", "/url/f/metrics", "", "201 ran, the same path"},
		{"", "/url/f//x", "", "201 ran, another path"},
		{"f.lambda-url.localhost", "/metrics", "", "201 ran, the same path"},
		{"f.lambda-url.localhost", "/healthz", "https://a.example", "201 ran, another path"},
		{"f.lambda-url.localhost", "/healthz", "https://b.example", "403 "},
		{"", "/healthz", "", "200 ok"},
		{"", "/healthz", "https://a.example", "403 "},
		{"", "/url/g/", "", "403 "},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if req.Host = tt.host; tt.origin != "" {
			req.Header.Set("Origin", tt.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := resp.Status[:4] + strings.TrimSpace(string(body)); err != nil || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s %s: got %s, %v, want %s", tt.host, tt.path, got, err, tt.want)
		}
	}
	if code, body := get(t, "http://"+address+"/2021-10-31/functions/f/url"); code != 200 || !strings.Contains(body, `"FunctionUrl":"http://`+address+`/url/f/"`) {
		t.Errorf("got %d %s", code, body)
	}
}
