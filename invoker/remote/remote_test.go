package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm"
)

// client returns an SDK client that is configured to retry.
func client(url string, transport http.RoundTripper) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:           "us-east-1",
		BaseEndpoint:     &url,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:       &http.Client{Transport: transport},
		RetryMaxAttempts: 3,
	})
}

// serve starts an endpoint and counts its requests.
func serve(t *testing.T, answer http.HandlerFunc) (r *Remote, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		answer(w, req)
	}))
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return &Remote{Client: client(server.URL, transport)}, asked
}

func TestInvokeSendsTheCall(t *testing.T) {
	tests := []struct {
		name string
		call esm.Call
		want map[string]string
	}{
		{"plain", esm.Call{Function: "orders", Payload: []byte(` { "a":1.0,"u":"\u00fc"}`)}, map[string]string{
			"target": "/2015-03-31/functions/orders/invocations", "body": ` { "a":1.0,"u":"\u00fc"}`, "X-Amzn-Trace-Id": "", "X-Amz-Client-Context": "", "X-Amz-Invocation-Type": ""}},
		{"a qualifier", esm.Call{Function: "orders:live", Payload: []byte(`{}`)}, map[string]string{
			"target": "/2015-03-31/functions/orders/invocations?Qualifier=live"}},
		{"$LATEST", esm.Call{Function: "orders:$LATEST", Payload: []byte(`{}`)}, map[string]string{
			"target": "/2015-03-31/functions/orders/invocations?Qualifier=%24LATEST"}},
		{"a trace and a context", esm.Call{Function: "orders", Payload: []byte(`{}`), TraceHeader: "Root=1-2-3;Sampled=0", ClientContext: `{"custom":{}}`}, map[string]string{
			"X-Amzn-Trace-Id": "Root=1-2-3;Sampled=0", "X-Amz-Client-Context": "eyJjdXN0b20iOnt9fQ=="}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := serve(t, func(w http.ResponseWriter, req *http.Request) {
				body, _ := io.ReadAll(req.Body)
				got := map[string]string{"target": req.URL.RequestURI(), "body": string(body)}
				for name, want := range tt.want {
					value, ok := got[name]
					if !ok {
						value = req.Header.Get(name)
					}
					if value != want {
						t.Errorf("got %s %q, want %q", name, value, want)
					}
				}
				if req.Method != http.MethodPost {
					t.Errorf("got %s, want POST", req.Method)
				}
				io.WriteString(w, "null")
			})
			if _, err := r.Invoke(t.Context(), tt.call); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInvokeReturnsTheResponse(t *testing.T) {
	tests := []struct {
		name, header, body string
		want               esm.Response
	}{
		{"success", "X-Amz-Executed-Version: 7", ` {"batchItemFailures": []}`, esm.Response{Payload: []byte(` {"batchItemFailures": []}`), Status: 200, Version: "7"}},
		{"no version", "", `null`, esm.Response{Payload: []byte(`null`), Status: 200, Version: "$LATEST"}},
		{"a function error", "X-Amz-Function-Error: Unhandled", `{"errorType":"E"}`, esm.Response{Payload: []byte(`{"errorType":"E"}`), Fault: "Unhandled", Status: 200, Version: "$LATEST"}},
		{"looks like an error", "", `{"errorType":"E"}`, esm.Response{Payload: []byte(`{"errorType":"E"}`), Status: 200, Version: "$LATEST"}},
		{"the emulator's timeout", "", `Task timed out after 3.00 seconds`, esm.Response{Payload: []byte(`Task timed out after 3.00 seconds`), Status: 200, Version: "$LATEST"}},
		{"nothing", "", ``, esm.Response{Status: 200, Version: "$LATEST"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if name, value, ok := strings.Cut(tt.header, ": "); ok {
					w.Header().Set(name, value)
				}
				io.WriteString(w, tt.body)
			})
			got, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")})
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Payload) != string(tt.want.Payload) || got.Fault != tt.want.Fault || got.Status != tt.want.Status || got.Version != tt.want.Version {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// An endpoint that does not answer may or may not run the handler.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries int
		r := &Remote{Timeout: 33 * time.Second, Client: client("http://host.invalid", roundTrip(func(req *http.Request) (*http.Response, error) {
			tries++
			io.Copy(io.Discard, req.Body)
			<-req.Context().Done()
			return nil, req.Context().Err()
		}))}
		began := time.Now()
		_, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")})
		if took := time.Since(began); took != r.Timeout || tries != 1 {
			t.Errorf("got an answer after %s and %d tries, want one try of %s", took, tries, r.Timeout)
		}
		if kind(err) != "unknown" || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 33s") {
			t.Errorf("got %s: %v, want an unknown outcome that names the time", kind(err), err)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		cancel()
		<-req.Context().Done()
	})
	_, err := r.Invoke(ctx, esm.Call{Function: "f", Payload: []byte("{}")})
	if kind(err) != "unknown" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %s: %v, want an unknown outcome with the caller's error", kind(err), err)
	}
	_, err = r.Invoke(ctx, esm.Call{Function: "f", Payload: []byte("{}")})
	if kind(err) != "not run" {
		t.Errorf("got %s: %v, want not run: the caller had given up before", kind(err), err)
	}
}
