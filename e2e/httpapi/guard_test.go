package httpapi_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/e2e/rig"
)

// request asks without any client. The header is names and values.
func request(t *testing.T, method, url, body string, header ...string) (status int, answer string, headers http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// Requests as web pages make them are refused on every path.
func TestWebPagesAreRefused(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := e.Function("f", rig.Succeed)
	engine := e.Run(f)
	for _, path := range []string{
		"/metrics", "/healthz", "/readyz", "/esm/v1/status", "/esm/v1/mappings", "/esm/v1/events", "/", "/2015-03-31/event-source-mappings",
		"/2015-03-31/functions", "/2015-03-31/functions/f/policy", "/2019-09-25/functions/f/event-invoke-config", "/2021-10-31/functions/f/url",
	} {
		for _, test := range []struct {
			header  []string
			refused bool
		}{
			{[]string{}, false},
			{[]string{"Origin", engine.URL(""), "Sec-Fetch-Site", "same-origin"}, false},
			{[]string{"Host", "rebound.example", "Origin", "http://rebound.example", "Sec-Fetch-Site", "same-origin"}, true},
			{[]string{"Origin", "https://evil.example"}, true},
			{[]string{"Sec-Fetch-Site", "cross-site"}, true},
		} {
			status, body, header := request(t, "GET", engine.URL(path), "", test.header...)
			if refused := status == http.StatusForbidden; refused != test.refused || refused && strings.Contains(body, "esm_") {
				t.Errorf("%s with %q: %d %s", path, test.header, status, body)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s with %q: %s permits a page to read on", path, test.header, name)
				}
			}
		}
	}
	const invoke = "/2015-03-31/functions/f/invocations"
	for _, path := range []string{invoke, "/2014-11-13/functions/f/invoke-async", "/2021-11-15/functions/f/response-streaming-invocations", "/url/f/", "/esm/v1/events/drop"} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded"} { // a page may send these without asking first
			if status, _, _ := request(t, "POST", engine.URL(path), "{}", "Content-Type", kind, "Origin", "https://evil.example"); status != http.StatusForbidden {
				t.Errorf("a form of %s for %s is answered with %d", kind, path, status)
			}
		}
	}
	if status, _, _ := request(t, "OPTIONS", engine.URL(invoke), "", "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT"); status < 400 {
		t.Errorf("a page that asks first is answered with %d", status)
	}
	if n := len(f.Calls()); n > 0 {
		t.Errorf("pages invoked the function %d times", n)
	}
}

// Clients that do not finish what they send are given up, others are served meanwhile, and headers are bounded.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	engine := e.Run(e.Function("f", rig.Succeed))
	const path = "/2015-03-31/event-source-mappings"
	const head = "POST " + path + " HTTP/1.1\r\nHost: local"
	const body = head + "host\r\nContent-Length: 100\r\n\r\n{"
	var waiting sync.WaitGroup
	for i := range 40 {
		waiting.Go(func() {
			conn, err := net.Dial("tcp", engine.Listen)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
			_, _ = io.WriteString(conn, []string{body, head}[i%2])
			answer, err := io.ReadAll(conn)
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
		if _, err := engine.Lambda().ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{}); err != nil || time.Since(began) > rig.Slack {
			t.Errorf("others are answered after %v: %v", time.Since(began), err)
		}
	}
	if status, _, _ := request(t, "GET", engine.URL(path), "", "X-Long", strings.Repeat("x", 2<<20)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("headers of 2 MB are answered with %d", status)
	}
	waiting.Wait()
}
