package httpserver

import (
	"net"
	"net/netip"
)

// apart is a listener that hangs up on containers of functions.
type apart struct {
	net.Listener
	networks netip.Prefix
}

// Apart returns l without the connections of handlers in containers: those that come from the networks of functions, or to the
// engine's own addresses there. The HTTP server has no authentication, and handlers must not drive the engine. A firewall may
// do the same, but not every engine may set its rules. What is no prefix leaves l as it is.
func Apart(l net.Listener, networks string) net.Listener {
	prefix, err := netip.ParsePrefix(networks)
	if err != nil {
		return l
	}
	return apart{l, prefix}
}

// Accept returns the next connection of somebody else.
func (a apart) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil || !a.inside(c.RemoteAddr()) && !a.inside(c.LocalAddr()) {
			return c, err
		}
		_ = c.Close() // nothing was read or written
	}
}

func (a apart) inside(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && a.networks.Contains(tcp.AddrPort().Addr().Unmap())
}
