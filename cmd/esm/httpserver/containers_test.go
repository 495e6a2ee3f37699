package httpserver

import (
	"errors"
	"net"
	"testing"
)

// script is a listener with connections between given addresses.
type script struct {
	net.Listener
	conns []net.Conn
}

func (s *script) Accept() (net.Conn, error) {
	if len(s.conns) == 0 {
		return nil, net.ErrClosed
	}
	c := s.conns[0]
	s.conns = s.conns[1:]
	return c, nil
}

type between struct {
	net.Conn
	from, to string
	closed   bool
}

func tcp(s string) net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(s), Port: 9001}
}

func (b *between) RemoteAddr() net.Addr { return tcp(b.from) }
func (b *between) LocalAddr() net.Addr  { return tcp(b.to) }
func (b *between) Close() error         { b.closed = true; return nil }

func TestApart(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     bool // is accepted
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"172.18.0.1", "172.18.0.2", true},
		{"10.213.0.5", "192.168.1.2", false},       // a container, to an address of the machine
		{"10.213.0.5", "10.213.0.1", false},        // to its gateway
		{"172.18.0.1", "10.213.0.2", false},        // by way of a network of a function
		{"::ffff:10.213.0.5", "172.18.0.2", false}, // as a listener on all addresses sees it
		{"::1", "::1", true},
	} {
		c := &between{from: tt.from, to: tt.to}
		got, err := Apart(&script{conns: []net.Conn{c}}, "10.213.0.0/16").Accept()
		if accepted := got != nil; accepted != tt.want || c.closed == tt.want {
			t.Errorf("%s to %s: accepted %v, closed %v, want accepted %v", tt.from, tt.to, accepted, c.closed, tt.want)
		}
		if !tt.want && !errors.Is(err, net.ErrClosed) {
			t.Errorf("got the error %v, want the listener's", err)
		}
	}
	if l := (&script{}); Apart(l, "") != net.Listener(l) {
		t.Error("without networks the listener is not the given one")
	}
}
