package invoker

import (
	"errors"

	"github.com/esm-run/esm"
)

var errReturned = errors.New("invoker: the invocation has returned")

// guarded is the caller's stream of one invocation. It passes nothing on any more once the invocation has returned: the
// runtime may still be writing when its timeout ends the invocation.
type guarded struct {
	to     esm.ResponseStream
	turn   chan struct{} // holds a value during a call, and for good after end
	closed chan struct{} // closed when end begins
	begun  bool          // owned by who has the turn
}

var _ esm.ResponseStream = (*guarded)(nil)

// guarding runs c by invoke, with its stream guarded.
func guarding(c esm.Call, invoke func(esm.Call) (esm.Response, error)) (esm.Response, error) {
	if c.Stream == nil {
		return invoke(c)
	}
	g := &guarded{to: c.Stream, turn: make(chan struct{}, 1), closed: make(chan struct{})}
	c.Stream = g
	resp, err := invoke(c)
	resp.Streamed = g.end()
	return resp, err
}

// Begin is [esm.ResponseStream]'s.
func (g *guarded) Begin(contentType string) {
	if g.enter() {
		defer g.leave()
		g.begun = true
		g.to.Begin(contentType)
	}
}

// Write is [esm.ResponseStream]'s.
func (g *guarded) Write(p []byte) (int, error) {
	if !g.enter() {
		return 0, errReturned
	}
	defer g.leave()
	return g.to.Write(p)
}

func (g *guarded) enter() bool {
	select {
	case g.turn <- struct{}{}:
		return true
	case <-g.closed:
		return false
	}
}

func (g *guarded) leave() { <-g.turn }

// end waits for the call that is in progress, after which there is none. It reports whether the response began.
func (g *guarded) end() (begun bool) {
	close(g.closed)
	g.turn <- struct{}{}
	return g.begun
}
