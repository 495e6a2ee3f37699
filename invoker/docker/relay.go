package docker

import (
	"context"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxRelayed  = 512 // connections of a network; more wait
	relayDialed = 5 * time.Second
)

// relay passes connections of containers on to an address that only the engine can reach, byte for byte.
type relay struct {
	listener net.Listener
	to       string                     // host:port
	allowed  func(peer netip.Addr) bool // others are hung up on
	slots    chan struct{}

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// newRelay relays what connects to l until close.
func newRelay(l net.Listener, to string, allowed func(netip.Addr) bool) *relay {
	r := &relay{listener: l, to: to, allowed: allowed, slots: make(chan struct{}, maxRelayed)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.work.Go(r.run)
	return r
}

func (r *relay) run() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			if r.pause() {
				continue
			}
			return
		}
		if tcp, ok := c.RemoteAddr().(*net.TCPAddr); !ok || !r.allowed(tcp.AddrPort().Addr().Unmap()) {
			_ = c.Close() // nothing was read or written
			continue
		}
		select {
		case r.slots <- struct{}{}:
			r.work.Go(func() {
				r.relay(c)
				<-r.slots
			})
		case <-r.ctx.Done():
			_ = c.Close() // nothing was read or written
			return
		}
	}
}

// pause waits a moment after an error of Accept, which is usually a lack of file descriptors. It reports false at the end.
func (r *relay) pause() bool {
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// relay copies both ways until both have ended.
func (r *relay) relay(client net.Conn) {
	defer client.Close()
	d := net.Dialer{Timeout: relayDialed}
	server, err := d.DialContext(r.ctx, "tcp", r.to)
	if err != nil {
		return // the client sees the end of its connection
	}
	defer server.Close()
	stop := context.AfterFunc(r.ctx, func() {
		_, _ = client.Close(), server.Close()
	})
	defer stop()
	var up sync.WaitGroup
	up.Go(func() { pass(server, client) })
	pass(client, server)
	up.Wait()
}

// pass copies from one connection to the other, and its end too. An error ends both connections: nobody can go on.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		return
	}
	_, _ = to.Close(), from.Close()
}

func (r *relay) close() {
	r.cancel()
	_ = r.listener.Close() // ends run
	r.work.Wait()
}

// relayed returns the address behind an endpoint that containers cannot reach by themselves, and false for one that needs no
// relay. From within a container, the engine reaches services of its own networks, which containers of other networks do not.
func relayed(endpoint string, inside bool) (to string, ok bool) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || !inside && !isLoopback(u.Hostname()) || inside && u.Scheme == "https" {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port), true
}

// endpointAt returns an endpoint with another host and port.
func endpointAt(endpoint, host, port string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "" // relayed has parsed it
	}
	u.Host = net.JoinHostPort(host, port)
	return u.String()
}

func isLoopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback() || a.IsUnspecified()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
