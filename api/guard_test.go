package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGuard(t *testing.T) {
	const open, shut = http.StatusOK, http.StatusForbidden
	none := map[string]string{}
	tests := []struct {
		name   string
		host   string
		header map[string]string
		want   int
	}{
		{"an SDK", "127.0.0.1:9001", none, open},
		{"IPv6", "[::1]:9001", none, open},
		{"IPv6 without port", "[::1]", none, open},
		{"another address of the machine", "192.168.1.4", none, open},
		{"localhost", "localhost:9001", none, open},
		{"a container's name", "esm:9001", none, open},
		{"the host of a container", "host.docker.internal:9001", none, open},
		{"a name below localhost", "app.localhost", none, open},
		{"a name that ends like one", "evilinternal.example", none, shut},
		{"localhost in other letters", "LocalHost.:9001", none, open},
		{"HTTP/1.0 without Host", "", none, open},
		{"a configured name", "Engine.example:9001", none, open},
		{"a name of somebody", "rebound.example:9001", none, shut},
		{"a name that looks like an address", "127.0.0.1.rebound.example", none, shut},
		{"a name that begins like localhost", "localhost.rebound.example", none, shut},
		{"a name below a configured one", "x.engine.example", none, shut},
		{"what is no name", "a b:c:d", none, shut},
		{"its own page", "localhost:9001", map[string]string{"Origin": "http://localhost:9001", "Sec-Fetch-Site": "same-origin"}, open},
		{"its own page over TLS", "engine.example", map[string]string{"Origin": "https://engine.example"}, open},
		{"a page of a rebound name", "rebound.example", map[string]string{"Origin": "http://rebound.example"}, shut},
		{"another page", "localhost:9001", map[string]string{"Origin": "https://evil.example"}, shut},
		{"another port", "localhost:9001", map[string]string{"Origin": "http://localhost:3000"}, shut},
		{"a sandboxed page", "localhost:9001", map[string]string{"Origin": "null"}, shut},
		{"an empty origin", "localhost:9001", map[string]string{"Origin": ""}, shut},
		{"an origin without its name", "localhost:9001", map[string]string{"Origin": "%"}, shut},
		{"a form", "localhost:9001", map[string]string{"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"}, shut},
		{"an image of the same site", "localhost:9001", map[string]string{"Sec-Fetch-Site": "same-site"}, shut},
		{"an address that was typed", "localhost:9001", map[string]string{"Sec-Fetch-Site": "none"}, open},
		{"curl -d", "localhost:9001", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, open},
	}
	guarded := Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, "engine.example")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/metrics", nil)
			r.Host = tt.host
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			if guarded.ServeHTTP(w, r); w.Code != tt.want {
				t.Errorf("got %d, want %d: %s", w.Code, tt.want, w.Body)
			}
			if tt.want == shut && w.Header().Get("x-amzn-ErrorType") != "AccessDeniedException" {
				t.Errorf("headers %v", w.Header())
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("a page may read the answer")
			}
		})
	}
}

// TestGuardWithoutURLs tests that paths of function URLs are paths like any other where there are none: a bucket may be named url.
func TestGuardWithoutURLs(t *testing.T) {
	guarded := Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), nil)
	for origin, want := range map[string]int{"": http.StatusTeapot, "https://evil.example": http.StatusForbidden} {
		r := httptest.NewRequest("PUT", "http://localhost/url/key", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		if guarded.ServeHTTP(w, r); w.Code != want {
			t.Errorf("from %q: got %d, want %d", origin, w.Code, want)
		}
	}
}
