package docker

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
)

// A function's subnet has room for about a thousand environments, as many as Linux connects to a bridge. In a range that is
// too small for that it is a sixteenth of the range.
const (
	widestSubnet   = 22 // bits
	smallestRange  = 24 // bits
	narrowerSubnet = 4  // bits more than the range
	ownSubnet      = 29 // bits, of a network for one environment and the engine
)

// parseRange reads the range from which subnets are taken.
func parseRange(cidr string) (netip.Prefix, error) {
	r, err := netip.ParsePrefix(cidr)
	if err != nil || !r.Addr().Is4() || r.Bits() > smallestRange {
		return netip.Prefix{}, fmt.Errorf("docker: %q is no range of IPv4 addresses with /%d or more room, such as %s",
			cidr, smallestRange, DefaultNetworks)
	}
	return r.Masked(), nil
}

// subnetBits returns the size of a function's subnet in a range.
func subnetBits(all netip.Prefix) int { return max(widestSubnet, all.Bits()+narrowerSubnet) }

// subnets returns the subnets of a size that a range has, in order.
func subnets(all netip.Prefix, bits int) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for a := all.Addr(); all.Contains(a); a = skip(a, 1<<(32-bits)) {
			if !yield(netip.PrefixFrom(a, bits)) {
				return
			}
		}
	}
}

// skip returns the nth address after a; the zero Addr if there is none.
func skip(a netip.Addr, n uint32) netip.Addr {
	b := a.As4()
	at := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if at+n < at {
		return netip.Addr{}
	}
	at += n
	return netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)})
}

// firstFree returns the first subnet of a range that overlaps none of those in use.
func firstFree(all netip.Prefix, bits int, used []netip.Prefix) (netip.Prefix, bool) {
	for s := range subnets(all, bits) {
		if !slices.ContainsFunc(used, s.Overlaps) {
			return s, true
		}
	}
	return netip.Prefix{}, false
}

var errFull = errors.New("docker: every address of the function's network is in use")

// addresses hands out the addresses of a subnet. An address that was given back is used again as late as possible, since
// packets to it may still be under way.
type addresses struct {
	subnet netip.Prefix
	last   netip.Addr // that was taken
	used   map[netip.Addr]bool
}

// newAddresses returns the addresses of subnet, without its first, its last, and the reserved ones.
func newAddresses(subnet netip.Prefix, reserved ...netip.Addr) *addresses {
	a := &addresses{subnet: subnet, last: subnet.Addr(), used: map[netip.Addr]bool{subnet.Addr(): true}}
	a.used[skip(subnet.Addr(), 1<<(32-subnet.Bits())-1)] = true
	for _, r := range reserved {
		a.used[r] = true
	}
	return a
}

// take returns a free address, or errFull.
func (a *addresses) take() (netip.Addr, error) {
	at := a.last
	for range 1 << (32 - a.subnet.Bits()) {
		if at = a.next(at); !a.used[at] {
			a.used[at], a.last = true, at
			return at, nil
		}
	}
	return netip.Addr{}, errFull
}

// next returns the address after at, or the subnet's first after its last.
func (a *addresses) next(at netip.Addr) netip.Addr {
	if n := at.Next(); a.subnet.Contains(n) {
		return n
	}
	return a.subnet.Addr()
}

// free gives an address back.
func (a *addresses) free(at netip.Addr) { delete(a.used, at) }
