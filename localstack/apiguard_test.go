package localstack_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestPagesCannotUseTheFace has requests as web pages make them refused, on every path.
func TestPagesCannotUseTheFace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	e := h.run(h.scaled())
	_, port, _ := net.SplitHostPort(e.listen)
	paths := []string{
		"/metrics", "/healthz", "/readyz", "/esm/v1/status", "/esm/v1/mappings", "/", "/2015-03-31/event-source-mappings", "/2015-03-31/functions",
	}
	own := "http://" + e.listen
	for _, path := range paths {
		for _, test := range []struct {
			header []string
			shut   bool
		}{
			{[]string{}, false},
			{[]string{"Host", "localhost:" + port}, false},
			{[]string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, false},
			{[]string{"Host", "rebound.example:" + port}, true},
			{[]string{"Host", "rebound.example:" + port, "Origin", "http://rebound.example:" + port, "Sec-Fetch-Site", "same-origin"}, true},
			{[]string{"Origin", "https://evil.example"}, true},
			{[]string{"Origin", "null"}, true},
			{[]string{"Origin", "http://127.0.0.1:1"}, true},
			{[]string{"Sec-Fetch-Site", "cross-site"}, true},
			{[]string{"Sec-Fetch-Site", "same-site"}, true},
		} {
			status, body, header := raw(t, "GET", own+path, "", test.header...)
			if (status == http.StatusForbidden) != test.shut {
				t.Errorf("%s with %q: %d", path, test.header, status)
			}
			if test.shut && (header.Get("X-Amzn-Errortype") != "AccessDeniedException" || strings.Contains(body, "esm_")) {
				t.Errorf("%s with %q: %s %s", path, test.header, header.Get("X-Amzn-Errortype"), body)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s with %q: %s permits a page to read on", path, test.header, name)
				}
			}
		}
	}
	const invoke = "/2015-03-31/functions/f/invocations"
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded"} { // a page may send these without asking first
		if status, _, _ := raw(t, "POST", own+invoke, "{}", "Content-Type", kind, "Origin", "https://evil.example"); status != http.StatusForbidden {
			t.Errorf("a form of %s is answered with %d", kind, status)
		}
	}
	status, _, _ := raw(t, "OPTIONS", own+invoke, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT")
	if status < 400 {
		t.Errorf("a page that asks first is answered with %d", status)
	}
	if n := len(h.fn.seen()); n > 0 {
		t.Errorf("pages invoked the function %d times", n)
	}
}

// TestOddRequests is what no client of AWS sends.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	_, arn := h.queue("odd", map[string]string{})
	e := h.run(h.scaled())
	const path = "/2015-03-31/event-source-mappings"
	good := fmt.Sprintf(`{"FunctionName":"f","EventSourceArn":%q,"Enabled":false`, arn)
	tests := []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", path, `{"FunctionName"`, 400, "SerializationException"},
		{"POST", path, `[]`, 400, "SerializationException"},
		{"POST", path, "{\"FunctionName\":\"\xff\"}", 400, "SerializationException"},
		{"POST", path, good + `,"BatchSize":"many"}`, 400, "SerializationException"},
		{"POST", path, good + `,"BatchSize":1.5}`, 400, "SerializationException"},
		{"POST", path, good + `,"FilterCriteria":{"Filters":{}}}`, 400, "SerializationException"},
		{"POST", path, good + `,"Tags":{"a":1}}`, 400, "SerializationException"},
		{"POST", path, good + `,"Tags":{"a":"` + strings.Repeat("x", 300<<10) + `"}}`, 413, "RequestEntityTooLargeException"},
		{"PATCH", path, "", 405, "MethodNotAllowedException"},
		{"DELETE", "/2015-03-31/functions/f/invocations", "", 405, "MethodNotAllowedException"},
		{"GET", "/2015-03-31/no-such-thing", "", 404, "UnknownOperationException"},
		{"GET", "/2015-03-31/event-source-mappings/a/b/c", "", 404, "UnknownOperationException"},
		{"GET", "/", "", 404, "UnknownOperationException"},
		{"GET", path + "/not-a-uuid", "", 404, "ResourceNotFoundException"},
		{"GET", path + "/..%2f..%2fmetrics", "", 404, "ResourceNotFoundException"},
		{"POST", path, good + `,"batchSize":3,"FilterCriteria":{"Filter":[]}}`, 202, ""},
	}
	for _, test := range tests {
		status, body, header := raw(t, test.method, e.lambdaURL()+test.path, test.body)
		if code := header.Get("X-Amzn-Errortype"); status != test.status || code != test.code {
			t.Errorf("%s %s %s: %d %s %s, want %d %s", test.method, test.path, clip(test.body), status, code, body, test.status, test.code)
		}
		if id := header.Get("X-Amzn-Requestid"); !uuidText.MatchString(id) {
			t.Errorf("%s %s: x-amzn-RequestId is %q", test.method, test.path, id)
		}
	}
	eventually(t, "unknown members are warned of", func() bool {
		says := e.stderr.String()
		return strings.Contains(says, "batchSize") && strings.Contains(says, "FilterCriteria.Filter") && strings.Contains(says, "unknown and ignored")
	})
	status, _, _ := raw(t, "GET", e.lambdaURL()+path, "", "X-Long", strings.Repeat("x", 2<<20))
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("headers of 2 MB are answered with %d", status)
	}
	if got := e.originsOf(); len(got) != 1 || got["f"] != "10 HTTP false" {
		t.Errorf("the mappings are %v", got)
	}
}

// TestSlowRequests has clients that never finish what they say given up, while others are served.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	e := h.run(h.scaled())
	const body = "POST /2015-03-31/event-source-mappings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
	const head = "POST /2015-03-31/event-source-mappings HTTP/1.1\r\nHost: local"
	var waiting sync.WaitGroup
	for i := range 40 {
		waiting.Go(func() {
			conn, err := net.Dial("tcp", e.listen)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			text := []string{body, head}[i%2]
			if _, err := io.WriteString(conn, text); err != nil {
				t.Error(err)
				return
			}
			answer, err := io.ReadAll(bufio.NewReader(conn)) // up to its end
			if err != nil {
				t.Errorf("a slow client is not given up: %v", err)
			}
			if i%2 == 0 && !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
				t.Errorf("a slow body is answered with %s", answer)
			}
		})
	}
	for range 10 {
		began := time.Now()
		if _, err := e.lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{}); err != nil || time.Since(began) > slack {
			t.Errorf("others are answered after %v: %v", time.Since(began), err)
		}
	}
	waiting.Wait()
}
