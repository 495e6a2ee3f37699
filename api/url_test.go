package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// giveURL gives the function f a URL.
func (r *rig) giveURL(t testing.TB, c config.FunctionURLConfig) {
	t.Helper()
	if _, err := r.URLs.Change(t.Context(), "f", func(*config.FunctionURLConfig) (*config.FunctionURLConfig, error) { return &c, nil }); err != nil {
		t.Fatal(err)
	}
}

// answers makes the function answer every event with a payload.
func (r *rig) answers(payload string) {
	r.handler = func(context.Context, esm.Call) (esm.Response, error) {
		return esm.Response{Payload: []byte(payload)}, nil
	}
}

// visit sends one request through the guard, to localhost if the URL is a path; headers are names and values in turn.
func (r *rig) visit(method, url, body string, headers ...string) *httptest.ResponseRecorder {
	if strings.HasPrefix(url, "/") {
		url = "http://localhost" + url
	}
	req := httptest.NewRequest(method, url, strings.NewReader(body))
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.guarded().ServeHTTP(w, req)
	return w
}

func (r *rig) guarded() http.Handler { return Guard(r, http.HandlerFunc(r.ServeURL)) }

func TestURLEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{})
		const root = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
		w := r.visit("POST", "http://127.0.0.1:9001/url/f/a%2Fb//c?q=x&multi=1&multi=%2Fb&bad=%zz&empty", `{"<é>": 1}`, "Content-Type", "application/json", "X-Amzn-Trace-Id", root,
			"Cookie", "a=1; b=2", "Cookie", "c=3", "Many", "1", "Many", "2", "User-Agent", "test", "X-Forwarded-For", "203.0.113.9", "Connection", "close")
		got := r.called()[0]
		want := `{"version":"2.0","routeKey":"$default","rawPath":"/a%2Fb//c","rawQueryString":"q=x&multi=1&multi=%2Fb&bad=%zz&empty",` +
			`"cookies":["a=1","b=2","c=3"],"headers":{"content-length":"11","content-type":"application/json","host":"127.0.0.1:9001","many":"1,2",` +
			`"user-agent":"test","x-amzn-trace-id":"` + root + `","x-forwarded-for":"203.0.113.9, 192.0.2.1","x-forwarded-port":"9001","x-forwarded-proto":"http"},` +
			`"queryStringParameters":{"bad":"%zz","empty":"","multi":"1,/b","q":"x"},` +
			`"requestContext":{"accountId":"anonymous","apiId":"f","authentication":null,"domainName":"127.0.0.1","domainPrefix":"f",` +
			`"http":{"method":"POST","path":"/a%2Fb//c","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"test"},"requestId":"` + got.ID + `",` +
			`"routeKey":"$default","stage":"$default","time":"01/Jan/2000:00:00:00 +0000","timeEpoch":946684800000},` +
			`"body":"{\"<é>\": 1}","pathParameters":null,"isBase64Encoded":false,"stageVariables":null}`
		if string(got.Payload) != want || got.Function != "f" || got.TraceHeader != root {
			t.Errorf("got  %s\nwant %s", got.Payload, want)
		}
		if h := w.Header(); h.Get("X-Amzn-Requestid") != got.ID || h.Get("X-Amzn-Trace-Id") != root {
			t.Errorf("headers %v", h)
		}
		r.visit("GET", "http://F.Lambda-URL.localhost:9001", "")
		want = `{"version":"2.0","routeKey":"$default","rawPath":"/","rawQueryString":"","headers":{"host":"F.Lambda-URL.localhost:9001",` +
			`"x-amzn-trace-id":"TRACE","x-forwarded-for":"192.0.2.1","x-forwarded-port":"9001","x-forwarded-proto":"http"},` +
			`"requestContext":{"accountId":"anonymous","apiId":"f","authentication":null,"domainName":"f.lambda-url.localhost","domainPrefix":"f",` +
			`"http":{"method":"GET","path":"/","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":""},"requestId":"ID",` +
			`"routeKey":"$default","stage":"$default","time":"01/Jan/2000:00:00:00 +0000","timeEpoch":946684800000},` +
			`"pathParameters":null,"isBase64Encoded":false,"stageVariables":null}`
		got = r.called()[1]
		want = strings.NewReplacer("TRACE", got.TraceHeader, `"ID"`, `"`+got.ID+`"`).Replace(want)
		if string(got.Payload) != want {
			t.Errorf("got  %s\nwant %s", got.Payload, want)
		}
	})
}

func TestURLBodies(t *testing.T) {
	r := newRig(t)
	r.giveURL(t, config.FunctionURLConfig{})
	for i, tt := range []struct {
		media, body string
		encoded     bool
	}{
		{"text/plain; charset=utf-8", "é", false},
		{"application/json", "[]", false},
		{"application/vnd.api+json", "[]", false},
		{"application/xml", "<a/>", false},
		{"application/javascript", "1", false},
		{"", "text", false},
		{"", "\xff", true},
		{"text/plain", "\xff", true},
		{"application/x-www-form-urlencoded", "a=1", true},
		{"multipart/form-data; boundary=x", "--x", true},
		{"image/png", "\x89PNG", true},
		{"application/octet-stream", "text", true},
	} {
		headers := []string{"Content-Type", tt.media}
		if tt.media == "" {
			headers = nil
		}
		r.visit("PUT", "/url/f", tt.body, headers...)
		var e struct {
			RawPath, Body   string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(r.called()[i].Payload, &e); err != nil {
			t.Fatal(err)
		}
		want := tt.body
		if tt.encoded {
			want = base64.StdEncoding.EncodeToString([]byte(tt.body))
		}
		if e.Body != want || e.IsBase64Encoded != tt.encoded || e.RawPath != "/" {
			t.Errorf("%s: got %+v, want %s, %v", tt.media, e, want, tt.encoded)
		}
	}
}

func TestURLResponses(t *testing.T) {
	const failed = "502 application/json Internal Server Error"
	for _, tt := range []struct{ payload, want string }{
		{`{"hello": "world"}`, `200 application/json {"hello":"world"}`},
		{`"hello"`, "200 application/json hello"},
		{`["hello", 3, true]`, `200 application/json ["hello",3,true]`},
		{"3", "200 application/json 3"}, {"3.1", "200 application/json 3.1"}, {"true", "200 application/json true"}, {"null", "200 application/json null"},
		{"no JSON", "200 application/json no JSON"},
		{`{"statusCode": 200, "body": "body123"}`, "200 application/json body123"},
		{`{"statusCode": 201}`, "201  "},
		{`{"statusCode": "404", "body": null, "headers": null, "cookies": null}`, "404  "},
		{`{"statusCode": null, "body": "x"}`, `200 application/json {"statusCode":null,"body":"x"}`},
		{`{"StatusCode": 500}`, `200 application/json {"StatusCode":500}`},
		{`{"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<p>"}`, "200 text/html <p>"},
		{`{"statusCode": 200, "body": {"a": [1, 2]}}`, `200 application/json {"a":[1,2]}`},
		{`{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}`, "200 application/json hi"},
		{`{"statusCode": 204, "body": "x"}`, "204 application/json x"},
		{"{\"statusCode\":203,\"headers\":{\"Content-Type\":\"text/plain\"}}\x00\x00\x00\x00\x00\x00\x00\x00a stream", "203 text/plain a stream"},
		{`{"statusCode": 200, "body": "no base64", "isBase64Encoded": true}`, failed},
		{`{"statusCode": 199}`, failed}, {`{"statusCode": 600}`, failed}, {`{"statusCode": "x"}`, failed}, {`{"statusCode": {}}`, failed},
		{`{"statusCode": 200, "headers": []}`, failed}, {`{"statusCode": 200, "headers": {"a": ["b"]}}`, failed}, {`{"statusCode": 200, "cookies": "a=b"}`, failed},
		{`"` + strings.Repeat("x", esm.MaxResponse) + `"`, failed},
	} {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{})
		r.answers(tt.payload)
		w := r.visit("GET", "/url/f/", "")
		if got := fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body); got != tt.want {
			t.Errorf("%.200s:\ngot  %.200s\nwant %s", tt.payload, got, tt.want)
		}
		if explained := strings.Contains(r.warnings(), "is not one for a function URL"); explained != (tt.want == failed && len(tt.payload) < 1000) {
			t.Errorf("%.200s: warned %q", tt.payload, r.warnings())
		}
	}
}

func TestURLResponseHeaders(t *testing.T) {
	r := newRig(t)
	r.giveURL(t, config.FunctionURLConfig{})
	r.answers(`{"statusCode": 200, "cookies": ["a=1; Secure", "b=2"], "headers": {"x-number": 7, "x-true": true, "x-null": null, "x-text": "t",` +
		`"content-length": "999", "transfer-encoding": "chunked", "connection": "close", "x-amzn-requestid": "mine", "content-security-policy": "default-src 'self'"}, "body": "hi"}`)
	w := r.visit("GET", "/url/f/", "")
	want := http.Header{
		"X-Number": {"7"}, "X-True": {"true"}, "X-Text": {"t"}, "Set-Cookie": {"a=1; Secure", "b=2"}, "Content-Length": {"2"}, "Content-Type": {"application/json"},
		"X-Amzn-Requestid": {r.called()[0].ID}, "X-Amzn-Trace-Id": {r.called()[0].TraceHeader}, "Content-Security-Policy": {"default-src 'self'", sandbox},
	}
	if got := w.Header(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	w = r.visit("GET", "http://f.lambda-url.localhost:9001/metrics", "")
	if got := w.Header().Values("Content-Security-Policy"); w.Body.String() != "hi" || len(got) != 1 {
		t.Errorf("at its own host: got %s, policies %q", w.Body, got)
	}
}

func TestURLFailures(t *testing.T) {
	const forbidden = `403 AccessDeniedException {"Message":"There is no function `
	r := newRig(t)
	r.giveURL(t, config.FunctionURLConfig{})
	for _, tt := range []struct {
		url  string
		resp esm.Response
		err  error
		want string
	}{
		{"/url/f/", esm.Response{Fault: "Unhandled", Payload: []byte(`{"errorMessage":"secret"}`)}, nil, "502  Internal Server Error"},
		{"/url/f/", esm.Response{}, fmt.Errorf("invoker: %w", throttle("ReservedFunctionConcurrentInvocationLimitExceeded")),
			`429 TooManyRequestsException {"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"/url/f/", esm.Response{}, errors.New("lost"), `500 ServiceException {"Type":"Service","Message":"lost"}`},
		{"/url/nope/", esm.Response{}, nil, forbidden + `nope with a URL here."}`},
		{"/url/away/", esm.Response{}, nil, forbidden + `away with a URL here."}`},
		{"/url/f:live/", esm.Response{}, nil, forbidden + `f:live with a URL here."}`},
		{"/url/", esm.Response{}, nil, forbidden + ` with a URL here."}`},
		{"http://nope.lambda-url.localhost/", esm.Response{}, nil, forbidden + `nope with a URL here."}`},
		{"/url", esm.Response{}, nil, `404 UnknownOperationException {"Message":"This engine has no operation of Lambda's API at this path: docs/api.md lists what it has."}`},
	} {
		r.handler = func(context.Context, esm.Call) (esm.Response, error) { return tt.resp, tt.err }
		if got := errorOf(r.visit("GET", tt.url, "")); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.url, got, tt.want)
		}
	}
	const large = `413 RequestEntityTooLargeException {"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`
	for _, size := range []int{esm.MaxPayload + 1, esm.MaxPayload - 100} { // the event is larger than the body
		if got := errorOf(r.visit("POST", "/url/f/", strings.Repeat("x", size), "Content-Type", "text/plain")); got != large {
			t.Errorf("%d bytes: got %s", size, got)
		}
	}
}

// TestURLCapitals tests that host names, which have no capitals, find functions that do.
func TestURLCapitals(t *testing.T) {
	r := newRig(t)
	r.functions["MyF"] = config.Function{Name: "MyF", Command: []string{"x"}}
	r.URLs.(*settings[config.FunctionURLConfig]).values["MyF"] = Setting[config.FunctionURLConfig]{}
	if w := r.visit("GET", "http://myf.lambda-url.localhost/", ""); w.Code != 200 || r.called()[0].Function != "MyF" {
		t.Errorf("got %s, calls %+v", errorOf(w), r.called())
	}
	if w := r.visit("GET", "/url/myf/", ""); w.Code != 403 {
		t.Errorf("a path: got %s", errorOf(w))
	}
}

// TestBufferedURL tests handlers that do not stream behind a URL that does, whose response Lambda passes on as it is, and the
// reverse.
func TestBufferedURL(t *testing.T) {
	r := newRig(t)
	r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
	r.answers(`{"statusCode": 201, "body": "x"}`)
	if w := r.visit("GET", "/url/f/", ""); w.Code != 200 || w.Body.String() != `{"statusCode": 201, "body": "x"}` {
		t.Errorf("got %s", errorOf(w))
	}
	r.giveURL(t, config.FunctionURLConfig{})
	if w := r.visit("GET", "/url/f/", ""); w.Code != 201 || w.Body.String() != "x" || r.called()[1].Stream != nil {
		t.Errorf("got %s, call %+v", errorOf(w), r.called()[1])
	}
}

// FuzzURLResponses tests that no response of a handler breaks the server, and what is described properly is passed on.
func FuzzURLResponses(f *testing.F) {
	for _, seed := range []string{`{"statusCode":200,"body":"x"}`, `{"statusCode":"200","headers":{"a":1},"cookies":["b"],"isBase64Encoded":true,"body":""}`, `"x`, " ", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		a, err := urlResponse(json.RawMessage(payload))
		if err == nil && (a.status < 200 || a.status > 599) {
			t.Errorf("status %d", a.status)
		}
	})
}
