package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/time/rate"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// apiPort is the port of the Runtime API, as on Lambda. Where it is taken, the system chooses another one.
const apiPort = 9001

// network is a bridge of the daemon, its addresses, and the Runtime APIs of the environments on it.
type network struct {
	platform *Platform
	function string
	key      string // see networkKey
	mode     mode

	id      string
	name    string
	bridge  string // an interface of the daemon's machine
	subnet  netip.Prefix
	gateway netip.Addr // of the daemon
	engine  netip.Addr // where the engine listens; invalid if that is the daemon's host-gateway
	port    int
	podman  bool // of the daemon
	local   bool // of the daemon

	server    *runtimeapi.Server
	relay     *relay // nil if the endpoint needs none
	relayed   string // AWS_ENDPOINT_URL of containers
	serving   sync.WaitGroup
	reached   atomic.Bool // some environment was heard
	unreached sync.Once
	strangers rate.Sometimes // limits what is said about them

	mu    sync.Mutex
	addrs *addresses
	seats map[netip.Addr]*seat
}

// network returns the network of a function, which it creates at the first call. Concurrent calls share it. Its error says what
// to do, and leaves nothing behind.
//
// If the engine is in a container, each call returns a network that no other environment is on, because the rule by which the
// daemon keeps containers of one bridge apart would keep them from the engine too. Its only seat gives it back, for the next
// environment of the function.
func (p *Platform) network(ctx context.Context, fn config.Function) (*network, error) {
	m, err := p.mode(ctx)
	if err != nil {
		return nil, err
	}
	key := networkKey(fn)
	if n := p.networks.take(key, m.place == inContainer); n != nil {
		return n, nil
	}
	create := func(ctx context.Context) (*network, error) { return p.newNetwork(ctx, m, fn) }
	if m.place == inContainer {
		return create(ctx)
	}
	return once(ctx, p, "network "+key, func(ctx context.Context) (*network, error) {
		if n := p.networks.take(key, false); n != nil {
			return n, nil
		}
		n, err := create(ctx)
		if err == nil {
			p.networks.giveBack(n)
		}
		return n, err
	})
}

func networkKey(fn config.Function) string {
	return fn.Name + "/" + strconv.FormatBool(fn.Container.Internal)
}

// newNetwork creates a network and serves it.
func (p *Platform) newNetwork(ctx context.Context, m mode, fn config.Function) (*network, error) {
	if !p.networks.begin() {
		return nil, errors.New("docker: the engine is stopping")
	}
	defer p.networks.work.Done()
	n := &network{
		platform: p, function: fn.Name, key: networkKey(fn), mode: m,
		name:      fmt.Sprintf("esm-%s-%s", fn.Name, randomID()[:8]),
		bridge:    "esm" + ownerMark(p.Owner)[:6] + randomID()[:6], // an interface's name has at most 15 bytes
		strangers: rate.Sometimes{First: 3, Interval: time.Minute},
		seats:     map[netip.Addr]*seat{},
	}
	if m.place == inContainer {
		// Of a container's networks the daemon makes the first by name its way out, and publishes its ports there. That stays the
		// network that the engine's container was created with.
		n.name = "zz-" + n.name
	}
	docker, err := p.daemon(ctx)
	if err != nil {
		return nil, err
	}
	n.podman, n.local = docker.podman, docker.local
	if err := n.create(ctx, fn.Container.Internal); err != nil {
		return nil, err
	}
	if err := n.open(ctx); err != nil {
		_ = n.close(context.WithoutCancel(ctx)) // the first error counts; Sweep finds the rest. There are no rules yet
		return nil, err
	}
	p.networks.add(n)
	return n, nil
}

// create creates the bridge in a subnet that nobody has.
func (n *network) create(ctx context.Context, internal bool) error {
	p := n.platform
	docker, err := p.daemon(ctx)
	if err != nil {
		return err
	}
	n.subnet, err = p.networks.reserve(ctx, p, n.mode.place, func(ctx context.Context, subnet netip.Prefix) error {
		n.gateway = subnet.Addr().Next()
		r, err := bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkCreateResult, error) {
			return docker.NetworkCreate(ctx, n.name, client.NetworkCreateOptions{
				Driver:   "bridge",
				Internal: internal,
				Labels:   p.labels(n.function, ""),
				IPAM:     &dockernet.IPAM{Driver: "default", Config: []dockernet.IPAMConfig{{Subnet: subnet, Gateway: n.gateway}}},
				Options: map[string]string{
					"com.docker.network.bridge.name":       n.bridge,
					"com.docker.network.bridge.enable_icc": strconv.FormatBool(n.mode.place == inContainer),
				},
			})
		})
		n.id = r.ID
		return err
	})
	return err
}

// open listens on the network.
func (n *network) open(ctx context.Context) error {
	n.engine = n.gateway
	switch n.mode.place {
	case onDesktop:
		n.engine = netip.Addr{}
	case inContainer:
		n.engine = n.gateway.Next()
		if err := n.connect(ctx); err != nil {
			return err
		}
	}
	n.addrs = newAddresses(n.subnet, n.gateway, n.engine)
	l, err := n.listen(apiPort)
	if err != nil {
		return err
	}
	n.port = l.Addr().(*net.TCPAddr).Port
	n.server = runtimeapi.NewServer(n.refused)
	n.serving.Go(func() { _ = n.server.Serve(l) }) // ends with Close; environments that cannot connect show as such
	if err := n.openRelay(); err != nil {
		return err
	}
	n.protect(ctx)
	return nil
}

// connect makes the engine's own container a member of the network.
func (n *network) connect(ctx context.Context) error {
	docker, err := n.platform.daemon(ctx)
	if err != nil {
		return err
	}
	_, err = bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkConnectResult, error) {
		return docker.NetworkConnect(ctx, n.id, client.NetworkConnectOptions{
			Container: n.mode.self,
			EndpointConfig: &dockernet.EndpointSettings{
				IPAMConfig: &dockernet.EndpointIPAMConfig{IPv4Address: n.engine},
				GwPriority: -1, // for daemons that know it; see newNetwork
			},
		})
	})
	if err != nil {
		return fmt.Errorf("docker: the engine's container %.12s cannot join network %s: %w", n.mode.self, n.name, err)
	}
	return nil
}

// listen listens where containers of the network reach the engine, on the given port if that is free.
func (n *network) listen(port int) (net.Listener, error) {
	host := "127.0.0.1"
	if n.engine.IsValid() {
		host = n.engine.String()
	}
	config := net.ListenConfig{}
	if n.podman && n.local { // which makes the bridge when the first container starts
		config.Control = listenEarly
	}
	l, err := config.Listen(context.Background(), "tcp4", net.JoinHostPort(host, strconv.Itoa(port))) // the context is for names
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = config.Listen(context.Background(), "tcp4", net.JoinHostPort(host, "0"))
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return nil, fmt.Errorf("docker: %s of network %s is no address of this machine, so that containers could not reach the engine "+
			"(%s): a daemon elsewhere, or one without root, needs the engine in a container of its own (see docs/containers.md)",
			host, n.name, n.mode.why)
	}
	return l, err
}

// openRelay listens for containers that call AWS, if they need that.
func (n *network) openRelay() error {
	to, ok := relayed(n.platform.Endpoint, n.mode.place == inContainer)
	switch {
	case !ok:
		return nil
	case n.mode.place == onDesktop:
		_, port, _ := net.SplitHostPort(to)
		n.relayed = endpointAt(n.platform.Endpoint, "host.docker.internal", port)
		return nil
	}
	l, err := n.listen(0)
	if err != nil {
		return err
	}
	n.relay = newRelay(l, to, n.seated)
	n.relayed = endpointAt(n.platform.Endpoint, n.engine.String(), strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	return nil
}

// endpoint returns the AWS_ENDPOINT_URL of containers. It is empty if they reach the Platform's Endpoint by themselves.
func (n *network) endpoint() string { return n.relayed }

// seated reports whether an environment has the address.
func (n *network) seated(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seats[a] != nil
}

// refused takes note of a request to a host that is not the asking environment's.
func (n *network) refused(r *http.Request) {
	n.strangers.Do(func() {
		n.platform.warn(n.function, fmt.Sprintf("a request from %s to the Runtime API of %s was refused: its host %.100q is none, or another environment's",
			r.RemoteAddr, n.where(), r.Host))
	})
}

// where names the network for people.
func (n *network) where() string { return fmt.Sprintf("bridge %s (network %s)", n.bridge, n.name) }

// protect sets the firewall's rules of the network, or says that it cannot.
func (n *network) protect(ctx context.Context) {
	if err := n.platform.networks.firewall.apply(ctx, n.rules(), n.mode.place); err != nil {
		n.platform.warn("", fmt.Sprintf("containers of functions can reach the cloud's metadata address (169.254.169.254) and other services "+
			"of this machine, because the engine cannot set rules of its firewall: %v", err))
	}
}

func (n *network) rules() rules {
	r := rules{comment: n.platform.comment(n.bridge), bridge: n.bridge, engine: n.engine, ports: []int{n.port}, podman: n.podman}
	if n.relay != nil {
		r.ports = append(r.ports, n.relay.listener.Addr().(*net.TCPAddr).Port)
	}
	return r
}

// close ends the network and removes it, except for its rules. No container is on it any more. What of it is gone already is
// no error.
func (n *network) close(ctx context.Context) error {
	if n.server != nil {
		n.server.Close()
	}
	if n.relay != nil {
		n.relay.close()
	}
	n.serving.Wait()
	err := n.platform.removeNetwork(ctx, n.id)
	n.platform.networks.remove(n)
	return err
}

// rangeText returns the range of all networks.
func (p *Platform) rangeText() string { return cmp.Or(p.Networks, DefaultNetworks) }
