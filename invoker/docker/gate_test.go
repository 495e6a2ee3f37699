package docker

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// gate is a socket before a daemon's, which can be closed or made to hang.
type gate struct {
	path   string
	target string

	mu    sync.Mutex
	hangs bool
	shut  bool
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

func newGate(t *testing.T) *gate {
	dir, err := os.MkdirTemp("", "esm-gate-") // short enough for a socket
	must(t, err)
	g := &gate{path: filepath.Join(dir, "s"), target: strings.TrimPrefix(dockertest.Host(t), "unix://"), conns: map[net.Conn]bool{}}
	l, err := net.Listen("unix", g.path)
	must(t, err)
	g.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.work.Go(func() { g.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.close()
		g.work.Wait()
		_ = os.RemoveAll(dir)
	})
	return g
}

func (g *gate) track(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		_ = c.Close()
		return false
	}
	g.conns[c] = true
	return true
}

func (g *gate) serve(c net.Conn) {
	if !g.track(c) {
		return
	}
	to, err := net.Dial("unix", g.target)
	if err != nil || !g.track(to) {
		_ = c.Close()
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{c, to}, {to, c}} {
		both.Go(func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := pair[1].Read(buf)
				for g.hanging() {
					time.Sleep(10 * time.Millisecond)
				}
				if n > 0 {
					if _, err := pair[0].Write(buf[:n]); err != nil {
						break
					}
				}
				if err != nil {
					break
				}
			}
			if w, ok := pair[0].(*net.UnixConn); ok {
				_ = w.CloseWrite()
			}
		})
	}
	both.Wait()
	_ = c.Close()
	_ = to.Close()
}

func (g *gate) hanging() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hangs && !g.shut
}

func (g *gate) hang(yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hangs = yes
}

// close ends all connections and refuses others until open.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		_ = c.Close()
	}
	clear(g.conns)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}
