package rig

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm/invoker/docker"
)

// Docker is the variable with the address of the Docker daemon for tests, such as unix:///var/run/docker.sock.
const Docker = "ESM_TEST_DOCKER"

// dockerHost returns the environment of an engine that uses the daemon for tests.
func dockerHost(environ []string) []string {
	if host := os.Getenv(Docker); host != "" {
		return append(environ, "DOCKER_HOST="+host)
	}
	return environ
}

// NeedImage skips a test without a Docker daemon that has an image. `localstack/images.sh up` makes the images esm-test/….
func NeedImage(t testing.TB, image string) {
	t.Helper()
	host := NeedVariable(t, Docker)
	NeedCommand(t, "docker", "--host", host, "image", "inspect", image)
}

// HandlerSource returns the directory of the handler that passes events on to tests, for an image of it.
func (e *Env) HandlerSource() string {
	e.Helper()
	root, err := Root()
	e.Must(err)
	return filepath.Join(root, "e2e", "rig", "handler")
}

// ContainerFunction returns a function whose handler runs in containers of an image that has the program of HandlerSource, and
// asks h for its answers. It reaches the test at the endpoint of AWS, which the engine relays to containers: from now on that is
// a proxy of the test before the service.
func (e *Env) ContainerFunction(name, image string, h Handler) *Function {
	e.Helper()
	f := newFunction(e.TB, name, h)
	f.Keys = []string{"ImageUri: " + image}
	at, err := url.Parse(f.URL)
	e.Must(err)
	f.path = at.Path
	e.proxied().serve(f.path, f)
	return f
}

// front passes requests on to a service, except those of handlers.
type front struct {
	service http.Handler

	mu        sync.Mutex
	functions map[string]http.Handler // by path
}

// proxied puts a proxy before the endpoint, unless there is one.
func (e *Env) proxied() *front {
	e.Helper()
	if e.front == nil {
		to, err := url.Parse(e.Endpoint)
		e.Must(err)
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.ErrorLog = log.New(io.Discard, "", 0) // engines are killed in the middle of requests
		e.front = &front{service: proxy, functions: map[string]http.Handler{}}
		server := httptest.NewServer(e.front)
		e.Cleanup(server.Close)
		e.Endpoint = server.URL
	}
	return e.front
}

func (f *front) serve(path string, h http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.functions[path] = h
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	h, ok := f.functions[r.URL.Path]
	f.mu.Unlock()
	if !ok {
		h = f.service
	}
	h.ServeHTTP(w, r)
}

// sweep removes what the engines of a test have left at the Docker daemon: no engine has this data directory any more.
func (e *Env) sweep() {
	id, err := os.ReadFile(filepath.Join(e.DataDir(), "id"))
	host := os.Getenv(Docker)
	if err != nil || host == "" {
		return // there were no containers
	}
	p := &docker.Platform{Owner: strings.TrimSpace(string(id)), Host: host}
	if err := errors.Join(p.Sweep(context.Background()), p.Close(context.Background())); err != nil {
		e.Logf("the next tests may find something that is left: %v", err)
	}
}

// ContainerLabel returns the label of everything that engines of this test create at the Docker daemon.
func (e *Env) ContainerLabel() string {
	e.Helper()
	id, err := os.ReadFile(filepath.Join(e.DataDir(), "id"))
	e.Must(err)
	return "run.esm.owner=" + strings.TrimSpace(string(id))
}
