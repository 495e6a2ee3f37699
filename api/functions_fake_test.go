package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// house is an engine's functions, as far as the calls about them can tell.
type house struct {
	*Server
	t       *testing.T
	handler func(ctx context.Context, c esm.Call) (esm.Response, error)

	mu        sync.Mutex
	functions map[string]config.Function
	reserved  map[string]int
	broken    error // of the next Reserve
	calls     []esm.Call
}

const houseArn = "arn:aws:lambda:us-east-1:123456789012:function:"

// build makes a house with the functions f, which echoes, and away, which lives elsewhere.
func build(t *testing.T) *house {
	f := config.Function{Name: "f", Runtime: "python3.12", Handler: "app.handler", CodeUri: "/src"}
	f.FunctionArn = houseArn + "f"
	away := config.Function{Name: "away", InvokeEndpoint: "http://x", FunctionArn: houseArn + "away"}
	h := &house{t: t, functions: map[string]config.Function{"f": f, "away": away}, reserved: map[string]int{}}
	h.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		return esm.Response{Payload: c.Payload, Status: 200, Version: "$LATEST"}, nil
	}
	h.Server = &Server{Functions: h, Invoker: h, Tails: &Tails{}, Region: "us-east-1", Account: "123456789012"}
	h.Concurrency = limits{h}
	return h
}

func (h *house) Function(name string) (config.Function, bool) {
	fn, ok := h.functions[name]
	return fn, ok
}

func (h *house) Functions() []config.Function { return slices.Collect(maps.Values(h.functions)) }

func (h *house) Modified() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }

func (h *house) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	h.mu.Lock()
	h.calls = append(h.calls, c)
	h.mu.Unlock()
	return h.handler(ctx, c)
}

func (h *house) Reserve(context.Context, string) (esm.Slot, error) {
	return nil, errors.New("no poller is here")
}

// limits is the Concurrency of a house.
type limits struct{ *house }

func (l limits) Reserved(function string) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.reserved[function]
	return n, ok
}

func (l limits) Reserve(_ context.Context, function string, n *int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.broken != nil:
		return l.broken
	case n == nil:
		delete(l.reserved, function)
	default:
		l.reserved[function] = *n
	}
	return nil
}

func (l limits) Unreserved() int { return 100 }

func (h *house) called() []esm.Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// ask sends one request; headers are names and values in turns.
func (h *house) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sdk is AWS's client of this house.
func (h *house) sdk(server *httptest.Server) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: server.Client(),
	})
}

func (h *house) serve() (*lambda.Client, *httptest.Server) {
	server := httptest.NewServer(http.Handler(h))
	h.t.Cleanup(server.Close)
	return h.sdk(server), server
}

func newRequest(t *testing.T, qualifier string, bare bool) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
	if query := r.URL.Query(); !bare {
		query.Set("Qualifier", qualifier)
		r.URL.RawQuery = query.Encode()
	}
	return r
}
