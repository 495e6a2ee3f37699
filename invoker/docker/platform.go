// Package docker runs functions in containers, by the API of a Docker daemon.
//
// A sandbox is a container with the limits and rights that Lambda gives a function. It reaches its Runtime API at a host name
// of its own that nobody can guess, on the gateway of its function's network.
package docker

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

// Platform runs functions in containers. Its fields are set before the first use.
type Platform struct {
	// Owner is the stable name of the engine's data directory: every container, network and volume has it as a label, and
	// Sweep removes what earlier engines of the same Owner left behind.
	Owner string

	// Networks is the range of addresses, in CIDR form, from which the networks of functions are taken; empty means
	// DefaultNetworks.
	Networks string

	// Endpoint is the URL of an emulator of AWS. If it is on a loopback address, containers reach it through a port on
	// their gateway, and their AWS_ENDPOINT_URL is that.
	Endpoint string

	Trace trace.Func // receives the progress of pulled images, and warnings

	// Host is the address of the daemon, such as unix:///var/run/docker.sock.
	Host string

	flights singleflight.Group // what concurrent callers wait for together

	networks networks

	mu     sync.Mutex
	boot   string  // of this Platform; see labels
	docker *daemon // nil until it has answered
	said   map[string]bool
}

// DefaultNetworks is where networks of functions are, unless Platform says otherwise.
const DefaultNetworks = "10.213.0.0/16"

var _ lifecycle.Platform = (*Platform)(nil)

// Sandbox creates a container, as [lifecycle.Platform] says.
func (p *Platform) Sandbox(ctx context.Context, spec lifecycle.Spec) (lifecycle.Sandbox, error) {
	return nil, errors.New("docker: not yet")
}
