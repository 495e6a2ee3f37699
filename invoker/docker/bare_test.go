package docker

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// bare runs a function in containers with as little as works: requests to the daemon's API, and a Runtime API that is a handler of
// net/http. Its containers are on the function's network, with the settings of the Platform's.
type bare struct {
	testing.TB
	platform *Platform
	fn       config.Function
	network  *network
	client   *client.Client
	api      string // AWS_LAMBDA_RUNTIME_API
}

// newBare returns a bare whose Runtime API is api.
func newBare(t testing.TB, p *Platform, fn config.Function, api http.Handler) *bare {
	t.Helper()
	n, err := p.network(t.Context(), fn)
	must(t, err)
	listener, err := n.listen(0)
	must(t, err)
	open := n.rules()
	open.ports = append(open.ports, listener.Addr().(*net.TCPAddr).Port)
	if mayFirewall() {
		must(t, p.networks.firewall.apply(t.Context(), open, n.mode.place)) // its comment is that of the network's rules
	}
	server := &http.Server{Handler: api}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return &bare{t, p, fn, n, dockertest.Client(t), listener.Addr().String()}
}

// prepare returns a container to be, and what gives back its address and its /tmp.
func (b *bare) prepare() (o client.ContainerCreateOptions, undo func(), err error) {
	d, err := b.platform.daemon(b.Context())
	if err != nil {
		return o, nil, err
	}
	img, err := b.platform.image(b.Context(), b.fn)
	if err != nil {
		return o, nil, err
	}
	seat, err := b.network.join()
	if err != nil {
		return o, nil, err
	}
	s := &sandbox{
		platform: b.platform, docker: d, spec: lifecycle.Spec{ID: randomID(), Function: b.fn, Env: map[string]string{}},
		image: img, network: b.network, seat: seat, disk: b.platform.newDisk(d, b.fn),
	}
	o, err = s.options()
	o.Config.Env = slices.DeleteFunc(o.Config.Env, func(v string) bool { return strings.HasPrefix(v, apiVariable+"=") })
	o.Config.Env = append(o.Config.Env, apiVariable+"="+b.api)
	return o, func() {
		seat.leave()
		if s.disk != nil {
			s.disk.close()
		}
	}, err
}

// run creates and starts a container. It returns how long these two requests took, and what ends the container. It may be called
// concurrently.
func (b *bare) run() (took time.Duration, end func()) {
	o, undo, err := b.prepare()
	if err != nil {
		b.Error(err)
		return 0, func() {}
	}
	began := time.Now()
	made, err := b.client.ContainerCreate(b.Context(), o)
	if err == nil {
		_, err = b.client.ContainerStart(b.Context(), made.ID, client.ContainerStartOptions{})
	}
	took = time.Since(began)
	if err != nil {
		b.Errorf("create and start a container: %v", err)
	}
	return took, func() {
		_, err := b.client.ContainerRemove(context.Background(), o.Name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil {
			b.Errorf("remove a container: %v", err)
		}
		undo()
	}
}

// once runs a container, ends it, and returns how long the two requests took.
func (b *bare) once() time.Duration {
	took, end := b.run()
	end()
	return took
}

// noEvents is a Runtime API without events.
func noEvents(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// bareLoop is the least that a Runtime API of one runtime does.
type bareLoop struct {
	asked, event, answered chan struct{}
}

func newBareLoop() *bareLoop {
	return &bareLoop{make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

func (l *bareLoop) invoke() { l.event <- struct{}{}; <-l.answered }
func (l *bareLoop) drain()  { <-l.asked }

func (l *bareLoop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		_, _ = io.Copy(io.Discard, r.Body)
		l.answered <- struct{}{}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"OK"}`)
		return
	}
	select {
	case l.asked <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case <-l.event:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", testID)
		h.Set("Lambda-Runtime-Deadline-Ms", "1542409706888")
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		_, _ = io.WriteString(w, benchEvent)
	case <-r.Context().Done():
	}
}
