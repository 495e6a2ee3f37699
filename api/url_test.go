package api

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// streams makes the function write a response in parts, with a second between them, and end as given.
func (r *rig) streams(contentType string, end esm.Response, parts ...string) {
	r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		if c.Stream == nil {
			return esm.Response{Payload: []byte(strings.Join(parts, ""))}, nil
		}
		c.Stream.Begin(contentType)
		for _, p := range parts {
			if n, err := c.Stream.Write([]byte(p)); err == nil && n != len(p) {
				return esm.Response{}, errors.New("a short write without an error")
			}
			time.Sleep(time.Second)
		}
		end.Streamed = true
		return end, nil
	}
}

func TestStreamedURL(t *testing.T) {
	const nul = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct {
		name, media string
		end         esm.Response
		parts       []string
		want        string // status, media type, header x-a, cookie, body; ! is a connection that is cut
	}{
		{"of a type", "text/plain", esm.Response{}, []string{"Hello, ", "world!"}, "200 text/plain   Hello, world!"},
		{"of no type", "", esm.Response{}, []string{"a"}, "200 application/octet-stream   a"},
		{"empty", "text/html", esm.Response{}, nil, "200 text/html   "},
		{"described", integrationResponse, esm.Response{}, []string{`{"statusCode":201,"headers":{"x-a":"b","Content-Type":"text/html"},"cookies":["c=d"]}` + nul + "<p>", "more"}, "201 text/html b c=d <p>more"},
		{"described in pieces", integrationResponse, esm.Response{}, []string{`{"statusC`, `ode":202}`, nul[:3], nul[3:], "x"}, "202 application/octet-stream   x"},
		{"described, without a status", integrationResponse, esm.Response{}, []string{"{}" + nul + "x"}, "200 application/octet-stream   x"},
		{"badly described", integrationResponse, esm.Response{}, []string{"{" + nul + "x"}, "502 application/json   Internal Server Error"},
		{"never described", integrationResponse, esm.Response{}, []string{"{}"}, "502 application/json   Internal Server Error"},
		{"described without end", integrationResponse, esm.Response{}, []string{strings.Repeat("x", maxPrelude+1)}, "502 application/json   Internal Server Error"},
		{"failing before its body", integrationResponse, esm.Response{Fault: "Unhandled"}, nil, "502 application/json   Internal Server Error"},
		{"failing in its body", "text/plain", esm.Response{Fault: "Unhandled"}, []string{"Hello"}, "200 text/plain   Hello!"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
			r.streams(tt.media, tt.end, tt.parts...)
			conn := r.serveURL(t)
			fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			cut := ""
			if err != nil {
				cut = "!"
			}
			got := fmt.Sprintf("%d %s %s %s %s%s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("X-A"), resp.Header.Get("Set-Cookie"), body, cut)
			if got != tt.want || resp.Header.Get("X-Amzn-Requestid") == "" || resp.Header.Get("Content-Security-Policy") != sandbox {
				t.Errorf("%s: got %q, want %q, headers %v", tt.name, got, tt.want, resp.Header)
			}
		})
	}
}

// serveURL serves r behind its guard, and returns a connection.
func (r *rig) serveURL(t *testing.T) io.ReadWriteCloser {
	return serve(t, r.guarded())()
}

// TestStreamArrivesInParts tests that a part reaches the client before the next is written.
func TestStreamArrivesInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
		r.streams("text/plain", esm.Response{}, "one", "two", "six")
		conn := r.serveURL(t)
		began := time.Now()
		fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"one", "two", "six"} {
			part := make([]byte, 3)
			if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != want || time.Since(began) != time.Duration(i)*time.Second {
				t.Errorf("got %q, %v after %v", part, err, time.Since(began))
			}
		}
		r.Close(t.Context())
	})
}

// TestStreamWithoutReader tests that a client that stops reading delays the function for a bounded time, and that the invocation
// continues.
func TestStreamWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
		var took time.Duration
		over := make(chan struct{})
		r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
			defer close(over)
			began := time.Now()
			c.Stream.Begin("text/plain")
			for range 10 {
				c.Stream.Write(make([]byte, 1<<20))
			}
			took = time.Since(began)
			return esm.Response{Streamed: true}, nil
		}
		conn := r.serveURL(t)
		fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
		<-over
		if took != answerWithin {
			t.Errorf("the function was delayed by %v, want %v", took, answerWithin)
		}
	})
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
