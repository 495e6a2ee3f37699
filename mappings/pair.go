package mappings

import (
	"cmp"
	"context"

	"github.com/esm-run/esm/config"
)

// pair is a function and a source, which only one mapping may join.
type pair struct{ function, source, endpoint string }

func (r *Register) pairOf(m config.Mapping) pair { return pairOf(m, r.config.FunctionArn) }

func pairOf(m config.Mapping, functionArn func(config.Mapping) string) pair {
	return pair{functionArn(m), m.EventSourceArn, m.Endpoint}
}

// claim is the right of a mapping to a pair.
type claim struct {
	uuid    string
	settled chan struct{} // closed when the mapping joins the pair durably, or gives the claim up
}

func settledClaim(uuid string) *claim {
	c := &claim{uuid, make(chan struct{})}
	c.settle()
	return c
}

func (c *claim) settle() {
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
}

// claim claims p for uuid. While the claim of another mapping is not settled, it waits, until ctx ends. If another mapping
// joins p, the error is an [*ExistsError].
func (r *Register) claim(ctx context.Context, p pair, uuid string) error {
	for {
		c, err := r.claimOf(p, uuid)
		if err != nil || c.uuid == uuid {
			return err
		}
		select {
		case <-c.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
		if now, err := r.claimOf(p, uuid); err != nil || now == c {
			return cmp.Or(err, error(&ExistsError{UUID: c.uuid}))
		}
	}
}

// claimOf returns the claim to p, which it makes for uuid if there is none.
func (r *Register) claimOf(p pair, uuid string) (*claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.claims[p] == nil {
		r.claims[p] = &claim{uuid, make(chan struct{})}
	}
	return r.claims[p], nil
}

// unclaim gives up the claim of uuid to p, if it has one. The mutex is held.
func (r *Register) unclaim(p pair, uuid string) {
	if c := r.claims[p]; c != nil && c.uuid == uuid {
		c.settle()
		delete(r.claims, p)
	}
}
