// Package awshttp is the HTTP client that all AWS SDK clients of the program share. It is the SDK's own client with two
// precautions for programs that poll: a fast server cannot make it drop a connection in the middle of a response, and
// it keeps as many idle connections as there are pollers.
package awshttp

import (
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// AnswerWithin is how long a client waits for the head of a response once the request is written. It is well above
// SQS's longest poll (20 s), so that only a server that is stuck meets it. There is no limit on a whole call.
const AnswerWithin = time.Minute

// dialWithin is below the SDK's 30 s: a poller that cannot connect should soon say so.
const dialWithin = 10 * time.Second

// Client sends the requests of AWS SDK clients: set it as aws.Config's HTTPClient. It may be used by many at once, and
// should be, one for each endpoint: connections are reused only within one Client.
type Client struct {
	sdk *sdkhttp.BuildableClient
}

var _ aws.HTTPClient = (*Client)(nil)

// New makes a client that keeps up to conns idle connections for each host: the number of calls that are expected to
// be under way at the same time. Proxies are taken from the environment, TLS is 1.2 or newer, and redirects are not
// followed, as in the SDK's client.
func New(conns int) *Client {
	return Around(sdkhttp.NewBuildableClient(), conns)
}

// Around makes a client of the SDK's own as it was configured, for example with the certificates of AWS_CA_BUNDLE.
// A ResponseHeaderTimeout of its transport is kept; without one it is [AnswerWithin]. A client for Lambda's Invoke,
// which answers when the function has, needs one above the function's timeout.
func Around(sdk *sdkhttp.BuildableClient, conns int) *Client {
	dialer := sdk.GetDialer()
	dialer.Timeout = min(dialer.Timeout, dialWithin)
	return &Client{sdk: sdk.WithTransportOptions(func(t *http.Transport) {
		t.DialContext = dialer.DialContext
		t.MaxIdleConns = 0 // the limit is per host
		t.MaxIdleConnsPerHost = conns
		t.MaxConnsPerHost = 0 // a long poll occupies a connection; waiting for one would stall pollers unseen
		if t.ResponseHeaderTimeout == 0 {
			t.ResponseHeaderTimeout = AnswerWithin
		}
	})}
}

// Do is [aws.HTTPClient].Do.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	return c.sdk.Do(hideWriteTo(req))
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
