package runtimeapi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// maxHeader allows for the description of a failure that runtimes send to X-Ray in a header: aws-lambda-go's may have a
// megabyte.
const maxHeader = 2<<20 + 64<<10

// maxConns is the number of connections that one peer may have open, unless its [Host] allows more: each takes a file descriptor of the engine. Runtimes use
// one or two, extensions one each.
const maxConns = 256

// Server serves sessions over listeners, each to requests for a [Host] of its own. Requests for any other host are answered
// with 404: neither a web page nor another environment can reach a session whose host it does not know. There are no
// timeouts, since a request for an event may block for hours. Methods may be called concurrently; NewServer makes a Server.
type Server struct {
	http    http.Server
	refused func(*http.Request)
	own     string // host of the Server's own requests, whose addresses may have been translated

	mu     sync.Mutex
	hosts  map[string]*Host
	peers  map[netip.Addr]*Host
	conns  map[net.Conn]*conn
	change chan struct{} // closed when a connection ends or gets its host; nil while nobody waits for that
	listen []net.Addr
}

// conn is a connection that was accepted.
type conn struct {
	net  net.Conn
	peer netip.Addr
	host *Host // of the connection's peer, or else of its first request; nil until then. Guarded by Server.mu
}

// NewServer returns a Server without hosts. It calls refused, unless that is nil, for each request that it answers with
// 404 because of its Host or its peer.
func NewServer(refused func(*http.Request)) *Server {
	s := &Server{
		refused: refused, own: rand.Text(),
		hosts: map[string]*Host{}, peers: map[netip.Addr]*Host{}, conns: map[net.Conn]*conn{},
	}
	s.http = http.Server{
		Handler:        http.HandlerFunc(s.route),
		MaxHeaderBytes: maxHeader,
		ErrorLog:       log.New(io.Discard, "", 0), // of connections; a runtime sees for itself
		ConnContext:    s.accept,
		ConnState:      s.end,
	}
	return s
}

// Serve answers on l until Close, which makes it return nil.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listen = append(s.listen, l.Addr())
	s.mu.Unlock()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close closes listeners and connections. It does not wait for requests that are being answered; they end soon.
func (s *Server) Close() { _ = s.http.Close() } // the sockets are gone, whatever closing them said

type connKey struct{}

func (s *Server) accept(ctx context.Context, c net.Conn) context.Context {
	a := &conn{net: c, peer: addrOf(c.RemoteAddr())}
	s.mu.Lock()
	s.conns[c] = a
	if h := s.peers[a.peer]; h != nil {
		a.host = h
		h.hear()
		if h.conns++; h.conns > maxConns+h.more {
			_ = c.Close() // the environment sees for itself
		}
	}
	s.mu.Unlock()
	return context.WithValue(ctx, connKey{}, a)
}

func (s *Server) end(c net.Conn, to http.ConnState) {
	if to != http.StateClosed && to != http.StateHijacked {
		return
	}
	s.mu.Lock()
	if a := s.conns[c]; a != nil && a.host != nil {
		a.host.conns--
	}
	delete(s.conns, c)
	s.changed()
	s.mu.Unlock()
}

func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// route passes a request on to the session of its Host. It takes one short lock.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if session := s.session(r.Host, c); session != nil {
		session.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	if s.refused != nil && r.Host != s.own {
		s.refused(r)
	}
}

// session returns nil for a host that is unknown, not served, or not that of the connection's peer.
func (s *Server) session(host string, c *conn) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[host]
	if h == nil || c == nil || h.peer.IsValid() && h.peer != c.peer {
		return nil
	}
	if c.host != h {
		if c.host != nil {
			c.host.conns--
		}
		c.host = h
		h.conns++
		h.hear()
		s.changed()
	}
	return h.session
}

// changed wakes those who wait for connections. The caller holds mu.
func (s *Server) changed() {
	if s.change != nil {
		close(s.change)
		s.change = nil
	}
}

// knock connects to the Server's own listeners and waits until they have answered. Connections that were made before have
// been accepted then.
func (s *Server) knock(ctx context.Context) {
	s.mu.Lock()
	listeners := s.listen
	s.mu.Unlock()
	for _, a := range listeners {
		if _, ok := a.(*net.TCPAddr); !ok {
			continue
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, a.Network(), a.String())
		if err != nil {
			continue
		}
		if until, ok := ctx.Deadline(); ok {
			_ = c.SetDeadline(until) // a socket takes deadlines
		} else {
			_ = c.SetDeadline(time.Now().Add(time.Second))
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+s.own+"\r\nConnection: close\r\n\r\n"); err == nil {
			_, _ = io.Copy(io.Discard, c) // its end is what counts
		}
		_ = c.Close() // was only read from
	}
}
