package runtimeapi

import (
	"context"
	"net/http"
	"net/netip"
)

// Host is one address of a [Server], as a runtime has it in AWS_LAMBDA_RUNTIME_API. Methods may be called concurrently.
type Host struct {
	server *Server
	name   string
	peer   netip.Addr // the only one that may ask for it; the zero Addr allows all

	// Guarded by Server.mu.
	session http.Handler
	heard   chan struct{}
	spoken  bool // heard is closed
	conns   int  // open
	more    int  // that may be open
}

// Host adds a host that answers 404 until it serves a session. Its name is "name:port", as runtimes send it. If peer is
// valid, only connections from there may ask for the host, and all of them count as the host's. Names and peers are unique.
func (s *Server) Host(name string, peer netip.Addr) *Host {
	h := &Host{server: s, name: name, peer: peer, heard: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[name] = h
	if peer.IsValid() {
		s.peers[peer] = h
	}
	return h
}

// Allow lets h's peer have n more connections open than others.
func (h *Host) Allow(n int) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	h.more = n
}

// Serve answers requests for h with session from now on, or with 404 and the end of all its connections if session is nil.
func (h *Host) Serve(session http.Handler) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	h.session = session
	if session == nil {
		h.hangUp()
		return
	}
	h.heard, h.spoken = make(chan struct{}), false
}

// Heard returns a channel that is closed at the first connection since the last Serve. If the peer is not known, the first
// request counts.
func (h *Host) Heard() <-chan struct{} {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	return h.heard
}

// hear takes note of a connection. The caller holds the Server's mu.
func (h *Host) hear() {
	if !h.spoken {
		h.spoken = true
		close(h.heard)
	}
}

// Quiet blocks until h has no open connection, or ctx ends. Once its runtime is dead, everything that the runtime had sent has
// been read then.
func (h *Host) Quiet(ctx context.Context) {
	h.server.knock(ctx)
	for {
		change := h.open()
		if change == nil {
			return
		}
		select {
		case <-change:
		case <-ctx.Done():
			return
		}
	}
}

// open returns a channel that is closed when it is worth asking again, or nil if h has no open connection. Connections
// without a request yet may be anybody's if the peer is not known.
func (h *Host) open() <-chan struct{} {
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.host == h || c.host == nil && !h.peer.IsValid() {
			if s.change == nil {
				s.change = make(chan struct{})
			}
			return s.change
		}
	}
	return nil
}

// Remove ends h and its connections.
func (h *Host) Remove() {
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hosts, h.name)
	if h.peer.IsValid() {
		delete(s.peers, h.peer)
	}
	h.session = nil
	h.hangUp()
}

// hangUp closes all connections of h. The caller holds the Server's mu.
func (h *Host) hangUp() {
	for _, c := range h.server.conns {
		if c.host == h {
			_ = c.net.Close() // it is not needed any more, whatever closing says
		}
	}
}
