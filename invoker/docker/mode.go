package docker

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// modeTime is how long the daemon may take to describe the engine's own container.
const modeTime = 5 * time.Second

// place is where the engine runs, as seen from the daemon. It decides how containers reach the engine.
type place int

const (
	// onHost: the networks of the daemon are networks of this machine. The engine listens on each one's gateway.
	onHost place = iota

	// inContainer: the engine is a container of the daemon. It joins the networks, and listens on its own address there.
	inContainer

	// onDesktop: the daemon is in a virtual machine that forwards host-gateway to the loopback address of this one. The engine
	// listens there. Address translation hides who connects.
	onDesktop
)

// mode is how containers reach the engine.
type mode struct {
	place place
	self  string // id of the container whose network interfaces the engine has, for inContainer
	why   string // for people
}

// surroundings is what a mode is derived from.
type surroundings struct {
	system    string // as runtime.GOOS
	hostname  string
	mountinfo string // /proc/self/mountinfo
	inspect   func(ctx context.Context, id string) (container.InspectResponse, error)
}

// mode returns how containers reach the engine. It asks the daemon once.
func (p *Platform) mode(ctx context.Context) (mode, error) {
	docker, err := p.daemon(ctx)
	if err != nil {
		return mode{}, err
	}
	return once(ctx, p, "mode", func(ctx context.Context) (mode, error) {
		if m := p.networks.mode.Load(); m != nil {
			return *m, nil
		}
		m, err := thisProcess(docker).mode(ctx)
		if err == nil {
			p.networks.mode.Store(&m)
		}
		return m, err
	})
}

// thisProcess returns the surroundings of this process.
func thisProcess(docker *daemon) surroundings {
	s := surroundings{system: runtime.GOOS, inspect: func(ctx context.Context, id string) (container.InspectResponse, error) {
		return bounded(ctx, modeTime, func(ctx context.Context) (container.InspectResponse, error) {
			r, err := docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
			return r.Container, err
		})
	}}
	s.hostname, _ = os.Hostname() // none is no container
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	s.mountinfo = string(mounts)
	return s
}

var (
	// The daemon mounts these files of a container's own directory.
	mountedID  = regexp.MustCompile(`/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf)\b`)
	hostnameID = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// mode decides. The error is that of the daemon.
func (s surroundings) mode(ctx context.Context) (mode, error) {
	if s.system != "linux" {
		return mode{place: onDesktop, why: "the daemon runs in a virtual machine, as this system is " + s.system}, nil
	}
	c, how, err := s.self(ctx)
	if err != nil {
		return mode{}, fmt.Errorf("docker: finding the engine's own container: %w", err)
	}
	if c == nil {
		return mode{why: "the engine is not in a container of this daemon"}, nil
	}
	name := strings.TrimPrefix(c.Name, "/")
	of := container.NetworkMode("")
	if c.HostConfig != nil {
		of = c.HostConfig.NetworkMode
	}
	switch {
	case of.IsHost():
		return mode{why: fmt.Sprintf("the engine is in container %s, which has the host's network", name)}, nil
	case of.IsContainer():
		return mode{place: inContainer, self: of.ConnectedContainer(),
			why: fmt.Sprintf("the engine is in container %s (%s), which has the network of another container", name, how)}, nil
	}
	return mode{place: inContainer, self: c.ID, why: fmt.Sprintf("the engine is in container %s (%s)", name, how)}, nil
}

// self returns the container that this process is in, and how it was found; nil if the daemon has none such. The name of a
// machine may be that of a container, whose id is another one.
func (s surroundings) self(ctx context.Context) (c *container.InspectResponse, how string, err error) {
	type candidate struct{ id, how string }
	var all []candidate
	if m := mountedID.FindStringSubmatch(s.mountinfo); m != nil {
		all = append(all, candidate{m[1], "its id is in /proc/self/mountinfo"})
	}
	if hostnameID.MatchString(s.hostname) {
		all = append(all, candidate{s.hostname, "its id is the host name"})
	}
	for _, at := range all {
		c, err := s.inspect(ctx, at.id)
		switch {
		case err == nil && strings.HasPrefix(c.ID, at.id):
			return &c, at.how, nil
		case err != nil && !errdefs.IsNotFound(err):
			return nil, "", err
		}
	}
	return nil, "", nil
}
