package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// register is mappings in memory, with the rules of Lambda. What was begun goes on until it is settled.
type register struct {
	mu   sync.Mutex
	made int
	kept map[string]mappings.Registered
	fail error // of every change
}

var (
	_        Mappings = (*register)(nil)
	modified          = time.UnixMilli(1763800000250)
)

func (g *register) Create(_ context.Context, m config.Mapping) (mappings.Registered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made++
	m.UUID = fmt.Sprintf("%08d-0000-4000-8000-000000000000", g.made)
	r, err := g.checked(m)
	if err != nil {
		return mappings.Registered{}, err
	}
	r.State = mappings.Creating
	if !*r.Enabled && !m.OfStream() {
		r.State = mappings.Disabled
	}
	if g.kept == nil {
		g.kept = map[string]mappings.Registered{}
	}
	g.kept[m.UUID] = r
	return r, nil
}

func (g *register) checked(m config.Mapping) (mappings.Registered, error) {
	if wrong := m.Validate(time.Now()); len(wrong) > 0 {
		return mappings.Registered{}, &mappings.InvalidError{Problems: wrong}
	}
	function, _ := config.ParseFunctionName(m.FunctionName)
	arn := config.FunctionARN("us-east-1", "123456789012", function.Qualified())
	for _, other := range g.kept {
		if other.UUID != m.UUID && other.FunctionArn == arn && other.EventSourceArn == m.EventSourceArn {
			return mappings.Registered{}, &mappings.ExistsError{UUID: other.UUID}
		}
	}
	return mappings.Registered{Mapping: m.Defaults(), FunctionArn: arn, LastModified: modified, Origin: mappings.OriginHTTP}, g.fail
}

func (g *register) Get(uuid string) (mappings.Registered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.kept[uuid]
	if !ok {
		return r, mappings.ErrNotFound
	}
	return r, nil
}

func (g *register) List() (all []mappings.Registered) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.kept {
		all = append(all, r)
	}
	return all
}

func (g *register) Update(_ context.Context, uuid string, change func(config.Mapping) config.Mapping) (mappings.Registered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.free(uuid)
	if err != nil {
		return r, err
	}
	next, err := g.checked(change(r.Mapping))
	if err != nil {
		return r, err
	}
	switch was, is := *r.Enabled, *next.Enabled; {
	case was && !is:
		next.State = mappings.Disabling
	case is && !was:
		next.State = mappings.Enabling
	default:
		next.State = mappings.Updating
	}
	g.kept[uuid] = next
	return next, nil
}

func (g *register) Delete(_ context.Context, uuid string) (mappings.Registered, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.free(uuid)
	if err != nil {
		return r, err
	}
	r.State = mappings.Deleting
	g.kept[uuid] = r
	return r, g.fail
}

func (g *register) SetTags(_ context.Context, uuid string, change func(map[string]string) map[string]string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.kept[uuid]
	if !ok {
		return mappings.ErrNotFound
	}
	tags := map[string]string{}
	maps.Copy(tags, r.Tags)
	r.Tags = change(tags)
	g.kept[uuid] = r
	return g.fail
}

// free is the mapping, unless something was begun with it.
func (g *register) free(uuid string) (mappings.Registered, error) {
	r, ok := g.kept[uuid]
	switch {
	case !ok:
		return r, mappings.ErrNotFound
	case r.State != mappings.Enabled && r.State != mappings.Disabled:
		return r, mappings.ErrBusy
	}
	return r, nil
}

// settle ends what was begun.
func (g *register) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for uuid, r := range g.kept {
		switch {
		case r.State == mappings.Deleting:
			delete(g.kept, uuid)
			continue
		case *r.Enabled:
			r.State = mappings.Enabled
		default:
			r.State = mappings.Disabled
		}
		g.kept[uuid] = r
	}
}

// face is a server for one test, the register behind it and what it warned of.
type face struct {
	*Server
	register *register
	url      string

	mu     sync.Mutex
	warned []string
}

func serve(t testing.TB) *face {
	t.Helper()
	f := &face{register: &register{}}
	f.Server = &Server{Mappings: f.register, Region: "us-east-1", Account: "123456789012", Warn: f.warn}
	server := httptest.NewServer(Guard(f.Server))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *face) warn(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.warned = append(f.warned, text)
}

func (f *face) warnings() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.warned, "\n")
}

// client is AWS's own for Go.
func (f *face) client() *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(f.url), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
	})
}

// ask sends one request as it is.
func (f *face) ask(method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

// errorOf is an answer's status and type, and its body.
func errorOf(w *httptest.ResponseRecorder) string {
	return fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("x-amzn-ErrorType"), w.Body)
}

var _ http.Handler = (*Server)(nil)
