package api

import (
	"context"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// TestPagesAndURLs tests which pages may call functions, and that none may call anything else.
func TestPagesAndURLs(t *testing.T) {
	const shut, open = 403, 200
	ours := &config.Cors{AllowOrigins: []string{"https://ours.example"}, AllowMethods: []string{"GET", "POST"}}
	all := &config.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}}
	page := func(origin string) []string { return []string{"Origin", origin, "Sec-Fetch-Site", "cross-site"} }
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}
	for _, tt := range []struct {
		name    string
		cors    *config.Cors
		method  string
		url     string
		headers []string
		want    int
	}{
		{"curl", nil, "POST", "/url/f/", nil, open},
		{"an address that was typed", nil, "GET", "/url/f/", []string{"Sec-Fetch-Site", "none"}, open},
		{"its own page", nil, "POST", "http://f.lambda-url.localhost/", []string{"Origin", "http://f.lambda-url.localhost", "Sec-Fetch-Site", "same-origin"}, open},
		{"a sandboxed page", nil, "POST", "/url/f/", page("null"), shut},
		{"another page", nil, "POST", "/url/f/", page("https://ours.example"), shut},
		{"a page of another function", nil, "POST", "http://f.lambda-url.localhost/", []string{"Origin", "http://g.lambda-url.localhost", "Sec-Fetch-Site", "same-site"}, shut},
		{"a page of a function's host", nil, "GET", "http://localhost/url/f/", page("http://f.lambda-url.localhost"), shut},
		{"an allowed page", ours, "POST", "/url/f/", page("https://ours.example"), open},
		{"a method that is not allowed", ours, "DELETE", "/url/f/", page("https://ours.example"), shut},
		{"a page that is not allowed", ours, "POST", "/url/f/", page("https://evil.example"), shut},
		{"two origins", ours, "POST", "/url/f/", append(page("https://ours.example"), "Origin", "https://evil.example"), shut},
		{"a link", nil, "GET", "/url/f/", link, shut},
		{"a link to one that some may call", ours, "GET", "/url/f/", link, shut},
		{"a link to one that all may call", all, "GET", "/url/f/", link, open},
		{"any page", all, "DELETE", "/url/f/", page("https://evil.example"), open},
		{"any sandboxed page", all, "POST", "/url/f/", page("null"), open},
		{"a rebound name", all, "POST", "http://rebound.example/url/f/", nil, shut},
		{"a rebound name of a function", all, "POST", "http://f.lambda-url.localhost.rebound.example/", nil, shut},
		{"the API, from any page", all, "POST", invokePath, page("https://evil.example"), shut},
		{"the API, from a function's page", all, "POST", "http://localhost" + invokePath, page("http://f.lambda-url.localhost"), shut},
		{"the API, from a function's sandboxed page", all, "POST", "http://localhost" + invokePath, []string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, shut},
		{"a path that leads out of the URL", all, "POST", "http://localhost/url/f/../.." + invokePath, page("https://evil.example"), open},
		{"an encoded prefix", all, "POST", "http://localhost/%75rl/f/", page("https://evil.example"), shut},
	} {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{Cors: tt.cors})
		r.answers(`"ran"`)
		w := r.visit(tt.method, tt.url, "{}", tt.headers...)
		if w.Code != tt.want || (len(r.called()) > 0) != (tt.want == open) {
			t.Errorf("%s: got %s after %d calls, want %d", tt.name, errorOf(w), len(r.called()), tt.want)
		}
		for _, c := range r.called() {
			if !strings.Contains(string(c.Payload), `"version":"2.0"`) {
				t.Errorf("%s: the function was invoked with %s", tt.name, c.Payload)
			}
		}
	}
}

func TestCors(t *testing.T) {
	const origin = "https://ours.example"
	some := &config.Cors{
		AllowOrigins: []string{"https://other.example", origin}, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"x-a", "x-b"},
		ExposeHeaders: []string{"x-c", "x-d"}, AllowCredentials: true, MaxAge: 60,
	}
	all := &config.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}
	asking := []string{"Origin", origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "x-a,authorization"}
	for _, tt := range []struct {
		name, method string
		cors         *config.Cors
		headers      []string
		code, calls  int
		want         string
	}{
		{"a preflight", "OPTIONS", some, asking, 200, 0, "Allow-Origin=" + origin + " Allow-Credentials=true Allow-Methods=GET,PUT Allow-Headers=x-a,x-b Expose-Headers=x-c,x-d Max-Age=60"},
		{"a preflight from anywhere", "OPTIONS", all, asking, 200, 0, "Allow-Origin=* Allow-Methods=PUT Allow-Headers=x-a,authorization"},
		{"a preflight for another method", "OPTIONS", some, []string{"Origin", origin, "Access-Control-Request-Method", "DELETE"}, 403, 0, ""},
		{"a preflight without Cors", "OPTIONS", nil, asking, 403, 0, ""},
		{"OPTIONS of no page", "OPTIONS", some, nil, 200, 1, "Allow-Origin=handler's"},
		{"a call", "GET", some, []string{"Origin", origin}, 200, 1, "Allow-Origin=" + origin + " Allow-Credentials=true Expose-Headers=x-c,x-d"},
		{"a call from anywhere", "GET", all, []string{"Origin", origin}, 200, 1, "Allow-Origin=*"},
		{"a call of no page", "GET", all, nil, 200, 1, "Allow-Origin=handler's"},
	} {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{Cors: tt.cors})
		r.answers(`{"statusCode":200,"headers":{"access-control-allow-origin":"handler's","vary":"accept"}}`)
		w := r.visit(tt.method, "/url/f/x", "", tt.headers...)
		var got []string
		for _, name := range []string{"Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age"} {
			if values := w.Header().Values("Access-Control-" + name); len(values) > 0 {
				got = append(got, name+"="+strings.Join(values, "+"))
			}
		}
		if w.Code != tt.code || len(r.called()) != tt.calls || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %d, %d calls, %s\nwant %s", tt.name, w.Code, len(r.called()), strings.Join(got, " "), tt.want)
		}
		if vary := strings.Join(w.Header().Values("Vary"), ","); tt.code == 200 && tt.cors == some && len(tt.headers) > 0 && !strings.Contains(vary, "Origin") {
			t.Errorf("%s: varies with %q", tt.name, vary)
		}
	}
}

// TestReadableFailures tests that a page that may call a function can read its failures.
func TestReadableFailures(t *testing.T) {
	r := newRig(t)
	r.giveURL(t, config.FunctionURLConfig{Cors: &config.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}}})
	r.handler = func(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, esm.ErrThrottled }
	w := r.visit("POST", "/url/f/", "{}", "Origin", "https://any.example")
	if w.Code != 429 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("got %s, headers %v", errorOf(w), w.Header())
	}
}
