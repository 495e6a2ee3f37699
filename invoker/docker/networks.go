package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

const (
	networkTime = 30 * time.Second // of each call of the daemon about networks
	rulesTime   = 10 * time.Second // of the removal of rules
)

// podmanUsed is what Podman says of a subnet that another network has; its status is 500.
const podmanUsed = "is already used"

// networks are those of a Platform. The zero value has none.
type networks struct {
	mode     atomic.Pointer[mode] // nil until it is known
	firewall firewall

	mu     sync.Mutex
	all    map[*network]bool
	free   map[string][]*network // by key: what network returns next
	taken  map[netip.Prefix]bool // subnets of all, and of those being made
	closed bool

	work sync.WaitGroup // networks being made
}

// begin counts a network that is being made, until work.Done. It reports false after closeNetworks.
func (ns *networks) begin() bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.closed {
		return false
	}
	ns.work.Add(1)
	return true
}

func (ns *networks) add(n *network) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.all == nil {
		ns.all = map[*network]bool{}
	}
	ns.all[n] = true
}

func (ns *networks) remove(n *network) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	delete(ns.all, n)
	delete(ns.taken, n.subnet)
}

// take returns a network that was given back, or nil. Unless it is for the caller alone it stays available.
func (ns *networks) take(key string, alone bool) *network {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	all := ns.free[key]
	if len(all) == 0 {
		return nil
	}
	n := all[len(all)-1]
	if alone {
		ns.free[key] = all[:len(all)-1]
	}
	return n
}

// giveBack makes a network available to take. One that is shared is given once.
func (ns *networks) giveBack(n *network) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.free == nil {
		ns.free = map[string][]*network{}
	}
	ns.free[n.key] = append(ns.free[n.key], n)
}

// reserve finds a subnet that no network has, and calls create with it until the daemon accepts one.
func (ns *networks) reserve(ctx context.Context, p *Platform, at place, create func(context.Context, netip.Prefix) error) (netip.Prefix, error) {
	all, err := parseRange(p.rangeText())
	if err != nil {
		return netip.Prefix{}, err
	}
	bits := subnetBits(all)
	if at == inContainer {
		bits = ownSubnet
	}
	used, err := p.foreign(ctx, at)
	if err != nil {
		return netip.Prefix{}, err
	}
	var last error
	for {
		subnet, ok := ns.next(all, bits, used)
		if !ok {
			return netip.Prefix{}, errors.Join(fmt.Errorf("docker: the range %s has no free subnet of /%d for a function's network: "+
				"set Engine.ContainerNetworks to a range that nothing else uses", all, bits), last)
		}
		err := create(ctx, subnet)
		if err == nil {
			return subnet, nil
		}
		ns.mu.Lock()
		delete(ns.taken, subnet)
		ns.mu.Unlock()
		if !errdefs.IsPermissionDenied(err) && !errdefs.IsConflict(err) && !strings.Contains(err.Error(), podmanUsed) { // another engine was faster
			return netip.Prefix{}, fmt.Errorf("docker: create a network in %s: %w", subnet, err)
		}
		used, last = append(used, subnet), err
	}
}

// next takes the first subnet that is free.
func (ns *networks) next(all netip.Prefix, bits int, used []netip.Prefix) (netip.Prefix, bool) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	subnet, ok := firstFree(all, bits, slices.AppendSeq(slices.Clone(used), maps.Keys(ns.taken)))
	if ok {
		if ns.taken == nil {
			ns.taken = map[netip.Prefix]bool{}
		}
		ns.taken[subnet] = true
	}
	return subnet, ok
}

// foreign returns the subnets of the daemon's networks, and those of this machine's interfaces.
func (p *Platform) foreign(ctx context.Context, at place) (used []netip.Prefix, err error) {
	docker, err := p.daemon(ctx)
	if err != nil {
		return nil, err
	}
	list, err := bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkListResult, error) {
		return docker.NetworkList(ctx, client.NetworkListOptions{})
	})
	if err != nil {
		return nil, fmt.Errorf("docker: list networks: %w", err)
	}
	for _, n := range list.Items {
		for _, c := range n.IPAM.Config {
			used = append(used, c.Subnet)
		}
	}
	if at == onDesktop {
		return used, nil // the daemon's machine is another one
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("docker: list the addresses of this machine: %w", err)
	}
	for _, a := range interfaces {
		if n, err := netip.ParsePrefix(a.String()); err == nil && n.Addr().Is4() {
			used = append(used, n.Masked())
		}
	}
	return used, nil
}

// closeNetworks removes all networks. Their containers are gone, and network is not called any more.
func (p *Platform) closeNetworks(ctx context.Context) error {
	ns := &p.networks
	ns.mu.Lock()
	ns.closed = true
	ns.mu.Unlock()
	ns.work.Wait()
	ns.mu.Lock()
	all := slices.Collect(maps.Keys(ns.all))
	ns.free = nil
	ns.mu.Unlock()
	errs := make([]error, len(all))
	var work sync.WaitGroup
	for i, n := range all {
		work.Go(func() { errs[i] = n.close(ctx) })
	}
	work.Wait()
	if len(all) > 0 {
		errs = append(errs, p.removeRules(ctx, p.ownRule))
	}
	return errors.Join(errs...)
}

// removeRules removes the rules whose comment matches, where there may be some. It has a time of its own: the daemon, which is
// not needed for it, may have used up that of ctx.
func (p *Platform) removeRules(ctx context.Context, matches func(comment string) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rulesTime)
	defer cancel()
	m, err := p.mode(ctx)
	if err != nil || m.place != onHost {
		return err
	}
	return p.networks.firewall.remove(ctx, matches)
}

// sweepNetworks removes the networks and rules that earlier Platforms of the same Owner have left. Their containers are gone.
func (p *Platform) sweepNetworks(ctx context.Context) error {
	docker, err := p.daemon(ctx)
	if err != nil {
		return err
	}
	list, err := bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkListResult, error) {
		return docker.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("label", ownerLabel+"="+p.Owner)})
	})
	errs := []error{docker.explain("list networks", err)}
	for _, n := range list.Items {
		if n.Labels[bootLabel] != p.bootID() {
			errs = append(errs, p.removeNetwork(ctx, n.ID))
		}
	}
	return errors.Join(append(errs, p.removeRules(ctx, p.leftover))...)
}

// removeNetwork removes a network, from which it disconnects the engine's container, of this run or an earlier one, and what
// else is still on it. A network that is gone is no error.
func (p *Platform) removeNetwork(ctx context.Context, id string) error {
	docker, err := p.daemon(ctx)
	if err != nil {
		return err
	}
	r, err := bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkInspectResult, error) {
		return docker.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	})
	if err == nil {
		for member := range r.Network.Containers {
			_, _ = bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkDisconnectResult, error) {
				return docker.NetworkDisconnect(ctx, id, client.NetworkDisconnectOptions{Container: member, Force: true})
			}) // the removal says whether that was enough
		}
		_, err = bounded(ctx, networkTime, func(ctx context.Context) (client.NetworkRemoveResult, error) {
			return docker.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		})
	}
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("docker: remove network %.12s: %w", id, err)
}
