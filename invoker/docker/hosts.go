package docker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// unheardAfter is how long a container may run before it is said that nothing connects from it.
const unheardAfter = 5 * time.Second

// seat is an environment's place in its network: an address, and a host name that nobody else knows. Methods may be called
// concurrently.
type seat struct {
	net  *network
	api  *runtimeapi.Host
	left sync.Once

	name    string // rt-<32 hex>.lambda.internal
	host    string // name:port, the value of AWS_LAMBDA_RUNTIME_API
	ip      netip.Addr
	gateway netip.Addr // where the engine listens; invalid if that is the daemon's host-gateway
}

// join reserves an address and a host name for an environment.
func (n *network) join() (*seat, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ip, err := n.addrs.take()
	if err != nil {
		return nil, fmt.Errorf("%w (%s, %s): use a larger range in Engine.ContainerNetworks", err, n.name, n.subnet)
	}
	s := &seat{net: n, ip: ip, gateway: n.engine, name: "rt-" + randomID() + ".lambda.internal"}
	s.host = net.JoinHostPort(s.name, strconv.Itoa(n.port))
	peer := ip
	if !n.engine.IsValid() {
		peer = netip.Addr{} // is hidden by address translation
	}
	s.api = n.server.Host(s.host, peer)
	n.seats[ip] = s
	return s, nil
}

// serve answers requests for the seat's host with api from now on, or with 404 and the end of all connections if api is nil.
func (s *seat) serve(api http.Handler) { s.api.Serve(api) }

// quiet blocks until everything that a dead container had sent has been read, or ctx ends.
func (s *seat) quiet(ctx context.Context) { s.api.Quiet(ctx) }

// heard returns a channel that is closed at the first connection since serve.
func (s *seat) heard() <-chan struct{} { return s.api.Heard() }

// expect warns if nothing connects from a container that has just been started, within five seconds or until ctx ends. lastLine
// returns what the container has written last. It does not warn once any environment of the network has been heard: then no
// firewall is in the way.
func (s *seat) expect(ctx context.Context, lastLine func() string) {
	heard := s.heard()
	late := time.NewTimer(unheardAfter)
	defer late.Stop()
	select {
	case <-heard:
		s.net.reached.Store(true)
	case <-ctx.Done():
	case <-late.C:
		if !s.net.reached.Load() {
			s.net.unreached.Do(func() { s.net.platform.warn(s.net.function, s.unheard(lastLine())) })
		}
	}
}

// unheard is the warning that nothing connects.
func (s *seat) unheard(lastLine string) string {
	n := s.net
	text := fmt.Sprintf("nothing has connected to the Runtime API from container address %s for %v. Either the handler takes that long to load, "+
		"or a firewall on this machine blocks %s: allow TCP port %d from %s, for example with "+
		"`ufw allow proto tcp from %s to any port %d`", s.ip, unheardAfter, n.where(), n.port, n.platform.rangeText(), n.platform.rangeText(), n.port)
	if lastLine == "" {
		return text + ". The container has written nothing"
	}
	return text + ". The container's last output: " + lastLine
}

// leave gives the seat back. The container is gone.
func (s *seat) leave() {
	s.left.Do(func() {
		s.api.Remove()
		s.net.mu.Lock()
		delete(s.net.seats, s.ip)
		s.net.addrs.free(s.ip)
		s.net.mu.Unlock()
		if s.net.mode.place == inContainer {
			s.net.platform.networks.giveBack(s.net)
		}
	})
}
