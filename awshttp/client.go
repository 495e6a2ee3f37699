// Package awshttp is the HTTP client that all AWS SDK clients of the program share. It is the SDK's own client, prepared for
// programs that poll: a fast server cannot make it drop a connection in the middle of a response, it keeps as many idle
// connections as there are pollers, and it does not reuse connections that may be dead.
package awshttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// AnswerWithin is how long a client waits for the head of a response once the request is written. It is above SQS's longest
// poll (20 s). Callers that know what they wait for may set a shorter limit by the request's context.
const AnswerWithin = 30 * time.Second

// dialWithin is below the SDK's 30 s: a poller that cannot connect should soon report it.
const dialWithin = 5 * time.Second

// An idle connection that has died is closed within probeAfter + probes * probeEvery.
const (
	probeAfter = 15 * time.Second
	probeEvery = 5 * time.Second
	probes     = 3
)

// Client sends the requests of AWS SDK clients: set it as aws.Config's HTTPClient. It may be used concurrently, and should
// be, one for each endpoint: connections are reused only within one Client.
type Client struct {
	sdk atomic.Pointer[sdkhttp.BuildableClient]
}

var _ aws.HTTPClient = (*Client)(nil)

// New makes a client that keeps up to conns idle connections for each host: the number of calls that are expected to be
// under way at the same time. Proxies are taken from the environment, TLS is 1.2 or newer, and redirects are those that
// the SDK's client follows.
func New(conns int) *Client {
	return Around(sdkhttp.NewBuildableClient(), conns)
}

// Around makes a client of the SDK's own as it was configured, for example with the certificates of AWS_CA_BUNDLE.
// A ResponseHeaderTimeout of its transport is kept; without one it is [AnswerWithin]. A client for Lambda's Invoke,
// which answers when the function has, needs one above the function's timeout.
func Around(sdk *sdkhttp.BuildableClient, conns int) *Client {
	dialer := sdk.GetDialer()
	dialer.Timeout = min(dialer.Timeout, dialWithin)
	dialer.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: probes}
	c := &Client{}
	c.sdk.Store(sdk.WithTransportOptions(func(t *http.Transport) {
		t.DialContext = dialer.DialContext
		t.MaxIdleConns = 0 // the limit is per host
		t.MaxIdleConnsPerHost = conns
		t.MaxConnsPerHost = 0 // a long poll occupies a connection; waiting for one would stall pollers unseen
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: probeAfter, PingTimeout: probeEvery}
		if t.ResponseHeaderTimeout == 0 {
			t.ResponseHeaderTimeout = AnswerWithin
		}
	}))
	return c
}

// Do is [aws.HTTPClient].Do. After a call that timed out, further calls are made on new connections: those that were idle
// may be dead too.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	sdk := c.sdk.Load()
	resp, err := sdk.Do(hideWriteTo(req))
	if err != nil && (timedOut(err) || timedOut(context.Cause(req.Context()))) {
		c.sdk.CompareAndSwap(sdk, sdk.WithTransportOptions()) // a copy has no connections yet
	}
	return resp, err
}

// timedOut reports whether a service did not answer in time. The end of a caller's own context says nothing about that.
func timedOut(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// hideWriteTo returns req with a body that can only be read and closed.
//
// The SDK closes a request's body as soon as it has the head of the response, and the body's WriteTo answers io.EOF
// from then on. net/http, having written Content-Length bytes, looks for surplus ones with io.Copy, which prefers
// WriteTo; it takes the io.EOF for a failed write and closes the connection while the response is still being read
// (github.com/aws/aws-sdk-go-v2 issues 1825 and 2737). From Read the same io.EOF is simply the end of the body.
// When that happens to a ReceiveMessage, its messages stay hidden until their visibility timeout has passed.
func hideWriteTo(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req // net/http knows these two by identity
	}
	hidden := *req
	hidden.Body = struct{ io.ReadCloser }{req.Body}
	return &hidden
}
