// Package docker runs functions in containers, by the API of a Docker daemon.
//
// A sandbox is a container with the limits and rights that Lambda gives a function. It reaches its Runtime API at a host name
// of its own that nobody can guess, on the gateway of its function's network.
//
// The runtime is the container's first process; there is no init process beside it. After a timeout or a crash the same
// container is started again and keeps its /tmp; after it ran out of memory it is replaced. External extensions are started
// beside the runtime and die with it.
package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

// Platform runs functions in containers. Its fields are set before the first use.
type Platform struct {
	// Owner is the stable name of the engine's data directory: every container, network and volume has it as a label, and
	// Sweep removes what earlier engines of the same Owner left behind. Two engines with one Owner must not run at once.
	Owner string

	// Host is the address of the daemon, such as unix:///var/run/docker.sock. Empty means DOCKER_HOST, or else the first of
	// the usual sockets that answers.
	Host string

	// Dir is where the files behind /tmp are while they are open: a directory with room for them on a disk. They have no
	// names there. Empty means the system's temporary directory.
	Dir string

	// Networks is the range of addresses, in CIDR form, from which the networks of functions are taken; empty means
	// DefaultNetworks.
	Networks string

	// Endpoint is the URL of an emulator of AWS. If it is on a loopback address, containers reach it through a port on
	// their gateway, and their AWS_ENDPOINT_URL is that.
	Endpoint string

	Trace trace.Func // receives the progress of pulled images, and warnings

	flights  singleflight.Group // what concurrent callers wait for together
	networks networks

	mu        sync.Mutex
	boot      string              // of this Platform; see labels
	engine    *daemon             // nil until it has answered
	images    map[string]*image   // by reference
	live      map[string]*sandbox // by ID; containers of others are swept
	shares    *bool               // see sharesFiles; nil if unknown
	templates map[int]*template   // of /tmp, by size in MB
	copies    map[string]string   // volumes by directory
	abandoned map[*sandbox]bool   // whose containers could not be removed
	said      map[string]bool     // warnings
}

// DefaultNetworks is where networks of functions are, unless Platform says otherwise.
const DefaultNetworks = "10.208.0.0/12"

var _ lifecycle.Platform = (*Platform)(nil)

// Labels of everything that this package creates.
const (
	ownerLabel       = "run.esm.owner"       // Platform.Owner
	bootLabel        = "run.esm.boot"        // of this Platform alone, and so of one run of the engine
	functionLabel    = "run.esm.function"    // name
	environmentLabel = "run.esm.environment" // ID
)

// labels returns the labels of an object of a function and an environment; "" means of none alone.
func (p *Platform) labels(function, environment string) map[string]string {
	all := map[string]string{ownerLabel: p.Owner, bootLabel: p.bootID()}
	if function != "" {
		all[functionLabel] = function
	}
	if environment != "" {
		all[environmentLabel] = environment
	}
	return all
}

func (p *Platform) bootID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.boot == "" {
		p.boot = randomID()
	}
	return p.boot
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// warn traces a warning, once.
func (p *Platform) warn(function, text string) {
	p.mu.Lock()
	first := !p.said[function+"\x00"+text]
	if p.said == nil {
		p.said = map[string]bool{}
	}
	p.said[function+"\x00"+text] = true
	p.mu.Unlock()
	if first {
		p.Trace.Emit(trace.Warning{Function: function, Text: text})
	}
}

// Prepare resolves the image of fn to its ID, which later containers use even if its name moves on, pulls it if the daemon
// does not have it, and checks it. It is called before the first Sandbox, and may take as long as the pull. The error says what
// to do; it contains a *runtimeapi.Failure if the image is unfit.
func (p *Platform) Prepare(ctx context.Context, fn config.Function) error {
	img, err := p.image(ctx, fn)
	if err != nil {
		return err
	}
	if _, _, err := program(fn, img); err != nil {
		return fmt.Errorf("docker: image %s: %w", fn.Image(), err)
	}
	d, err := p.daemon(ctx)
	if err != nil {
		return err
	}
	if want := fn.Architectures; len(want) == 1 && goArch(want[0]) != d.arch {
		return fmt.Errorf("docker: Architectures is %s, and the daemon's machine is %s: correct it, and build the image with --platform linux/%s",
			want[0], d.arch, d.arch)
	}
	return nil
}

// Sandbox creates a container, as [lifecycle.Platform] says.
func (p *Platform) Sandbox(ctx context.Context, spec lifecycle.Spec) (lifecycle.Sandbox, error) {
	s := &sandbox{platform: p, spec: spec}
	p.track(s)
	if err := s.make(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// track makes a sandbox known, so that its container is not swept.
func (p *Platform) track(s *sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil {
		p.live = map[string]*sandbox{}
	}
	p.live[s.spec.ID] = s
}

func (p *Platform) forget(s *sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, s.spec.ID)
}
