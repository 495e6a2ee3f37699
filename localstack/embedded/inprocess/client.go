// Package inprocess connects SDK clients to a service in the same process without a socket, so that they work inside a
// testing/synctest bubble.
package inprocess

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Client returns an HTTP client whose requests, to whatever host, are served by h in the caller's goroutine. A request
// whose context ends fails with the context's error. Only SubscribeToShard is served by a goroutine, which ends before
// Close of the response's body returns.
func Client(h http.Handler) *http.Client { return &http.Client{Transport: transport{h}} }

// Config returns an SDK configuration with [Client], any credentials and no retries.
func Config(h http.Handler) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://embedded"), HTTPClient: Client(h), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

type transport struct{ handler http.Handler }

// RoundTrip blocks until the handler has returned, or until a streamed response begins.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Method, in.Host = cmp.Or(in.Method, http.MethodGet), cmp.Or(in.Host, in.URL.Host)
	if strings.HasSuffix(in.Header.Get("X-Amz-Target"), ".SubscribeToShard") {
		return serveStream(t.handler, in)
	}
	w := &recorder{header: make(http.Header)}
	t.handler.ServeHTTP(w, in)
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	w.WriteHeader(http.StatusOK)
	return response(r, w.status, w.header, io.NopCloser(&w.body), int64(w.body.Len())), nil
}

func response(r *http.Request, status int, header http.Header, body io.ReadCloser, length int64) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: length, Request: r,
	}
}

// A recorder is an http.ResponseWriter that keeps the response in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = cmp.Or(w.status, status) }

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
