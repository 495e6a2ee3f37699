package docker

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// meter is a proxy before a daemon that counts the calls which change containers.
type meter struct {
	daemon http.Handler

	mu           sync.Mutex
	starts, ends calls
}

// calls are how many are being answered, and how many at the most.
type calls struct{ now, peak int }

func (m *meter) count(c *calls, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.now += n
	c.peak = max(c.peak, c.now)
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var c *calls
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/containers/create"), strings.HasSuffix(path, "/start") && strings.Contains(path, "/containers/"):
		c = &m.starts
	case strings.HasSuffix(path, "/kill"), r.Method == http.MethodDelete && strings.Contains(path, "/containers/"):
		c = &m.ends
	default:
		m.daemon.ServeHTTP(w, r)
		return
	}
	m.count(c, 1)
	defer m.count(c, -1)
	m.daemon.ServeHTTP(w, r)
}

// newMeter serves a meter at a socket, and returns the socket's address.
func newMeter(t *testing.T) (m *meter, host string) {
	dir, err := os.MkdirTemp("", "esm-meter-") // short enough for a socket
	must(t, err)
	target := strings.TrimPrefix(dockertest.Host(t), "unix://")
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", target)
	}}
	m = &meter{daemon: proxy}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	must(t, err)
	server := &http.Server{Handler: m}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
		_ = os.RemoveAll(dir)
	})
	return m, "unix://" + path
}

// However many environments start and end together, the daemon has few of them to do at a time.
func TestCallsAreBounded(t *testing.T) {
	m, host := newMeter(t) // ends after the rig, which closes what it started
	r := newRig(t)
	r.platform.Host = host
	fn := function(handlerImage(t))
	must(t, r.platform.Prepare(t.Context(), fn))
	const n = 3 * most
	all := make([]invoker.Environment, n)
	var work sync.WaitGroup
	for i := range all {
		work.Go(func() {
			var err error
			if all[i], err = r.Start(t.Context(), fn, invoker.OnDemand); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	for _, e := range all {
		if e != nil {
			work.Go(e.Close)
		}
	}
	work.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for what, c := range map[string]calls{"started": m.starts, "ended": m.ends} {
		if c.peak > most || c.peak < 2 || c.now != 0 {
			t.Errorf("of %d containers %d were %s at a time, want some and at most %d", n, c.peak, what, most)
		}
	}
}
