package docker

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
)

type network struct {
	name    string
	gateway netip.Addr
	port    int
	mu      sync.Mutex
	hosts   map[string]http.Handler
	next    netip.Addr
	srv     *http.Server
	conns   map[net.Conn]bool
}
type seat struct {
	n           *network
	host, name  string
	ip, gateway netip.Addr
}

var stub struct {
	sync.Mutex
	m map[*Platform]map[string]*network
}

func (p *Platform) network(ctx context.Context, fn config.Function) (*network, error) {
	stub.Lock()
	defer stub.Unlock()
	if stub.m == nil {
		stub.m = map[*Platform]map[string]*network{}
	}
	if stub.m[p] == nil {
		stub.m[p] = map[string]*network{}
	}
	if n := stub.m[p][fn.Name]; n != nil {
		return n, nil
	}
	d, err := p.daemon(ctx)
	if err != nil {
		return nil, err
	}
	id := randomHex(4)
	made, err := d.NetworkCreate(ctx, "esm-"+fn.Name+"-"+id, client.NetworkCreateOptions{Driver: "bridge", Labels: p.labels(fn.Name)})
	if err != nil {
		return nil, err
	}
	got, err := d.NetworkInspect(ctx, made.ID, client.NetworkInspectOptions{})
	if err != nil {
		return nil, err
	}
	n := &network{name: made.ID, gateway: got.Network.IPAM.Config[0].Gateway, port: 9001, hosts: map[string]http.Handler{}}
	n.next = n.gateway
	_ = dockernet.IPAM{}
	l, err := net.Listen("tcp", net.JoinHostPort(n.gateway.String(), strconv.Itoa(n.port)))
	if err != nil {
		return nil, err
	}
	n.srv = &http.Server{MaxHeaderBytes: 3 << 20, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		h := n.hosts[r.Host]
		n.mu.Unlock()
		if h == nil {
			w.WriteHeader(404)
			return
		}
		h.ServeHTTP(w, r)
	})}
	go n.srv.Serve(l)
	stub.m[p][fn.Name] = n
	return n, nil
}
func (n *network) endpoint() string { return "" }
func (n *network) join() (*seat, error) {
	name := "rt-" + randomHex(16) + ".lambda.internal"
	return &seat{n: n, host: name + ":9001", name: name, gateway: n.gateway}, nil
}
func (s *seat) serve(h http.Handler) {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	s.n.hosts[s.host] = h
}
func (s *seat) quiet(ctx context.Context)                   { time.Sleep(20 * time.Millisecond) }
func (s *seat) expect(ctx context.Context, l func() string) {}
func (s *seat) leave()                                      { s.serve(nil) }
func (p *Platform) closeNetworks() {
	stub.Lock()
	defer stub.Unlock()
	for _, n := range stub.m[p] {
		_ = n.srv.Close()
	}
	delete(stub.m, p)
}
