package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// sandbox is a container that is started again and again, and what outlives it: its place in the network, and its /tmp.
type sandbox struct {
	platform *Platform
	spec     lifecycle.Spec
	docker   *daemon
	image    *image
	network  *network
	seat     *seat
	disk     *disk // nil for a /tmp in memory
	mounts   []mount.Mount

	container  string // its ID, or "" if it has to be created
	command    string // that it runs
	env        map[string]string
	extensions []string
	capped     bool // its CPU time is limited
	stuck      bool // something in it could not be killed
}

var _ lifecycle.Sandbox = (*sandbox)(nil)

// make reserves everything and creates the container. After an error there is something to Close.
func (s *sandbox) make(ctx context.Context) (err error) {
	p, fn := s.platform, s.spec.Function
	if s.docker, err = p.daemon(ctx); err != nil {
		return err
	}
	if s.image, err = p.image(ctx, fn); err != nil {
		return err
	}
	if err = s.findFiles(ctx); err != nil {
		return err
	}
	if s.network, err = p.network(ctx, fn); err != nil {
		return err
	}
	if s.seat, err = s.network.join(); err != nil {
		return err
	}
	if fn.MultiConcurrent() {
		s.seat.api.Allow(2 * fn.PerEnvironment()) // a worker's request for an event, and its answer
	}
	s.disk = p.newDisk(s.docker, fn)
	done, err := s.docker.slot(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.create(ctx)
}

// findFiles determines what is mounted, and the extensions in it.
func (s *sandbox) findFiles(ctx context.Context) error {
	fn := s.spec.Function
	s.extensions = s.image.extensions
	if fn.CodeUri != "" {
		m, err := s.platform.files(ctx, s.docker, s.image, fn.CodeUri, taskDir)
		if err != nil {
			return err
		}
		s.mounts = append(s.mounts, m)
	}
	for _, dir := range fn.Layers {
		m, err := s.platform.files(ctx, s.docker, s.image, dir, layersDir)
		if err != nil {
			return err
		}
		s.mounts = append(s.mounts, m)
		s.extensions = executables(filepath.Join(dir, "extensions"))
	}
	return nil
}

// executables returns the names of the executable files directly in a directory, which need not exist.
func executables(dir string) (names []string) {
	entries, _ := os.ReadDir(dir) // sorted
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			names = append(names, e.Name())
		}
	}
	return names
}

// name returns the container's name.
func (s *sandbox) name() string {
	const enough = 12 // characters of an ID
	return "esm-" + s.spec.Function.Name + "-" + s.spec.ID[:min(enough, len(s.spec.ID))]
}

// create creates the container. The caller has a slot.
func (s *sandbox) create(ctx context.Context) error {
	options, err := s.options()
	if err != nil {
		return err
	}
	if s.disk != nil && s.docker.podman {
		all := options.HostConfig.Mounts
		if err := s.docker.name(ctx, &all[len(all)-1], s.name()); err != nil {
			return err
		}
	}
	s.command = slices.Concat(options.Config.Entrypoint, options.Config.Cmd)[0]
	made, err := bounded(ctx, createTime, func(ctx context.Context) (client.ContainerCreateResult, error) {
		return s.docker.ContainerCreate(ctx, options)
	})
	switch {
	case err == nil:
		s.container, s.capped = made.ID, false
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = s.createFailed(s.docker, err)
	}
	s.container = s.name() // there may be one nevertheless
	return err
}

// Extensions returns the external extensions, as [lifecycle.Sandbox] says.
func (s *sandbox) Extensions() []string { return s.extensions }

// Dial connects to a port of the container, as [lifecycle.Sandbox] says.
func (s *sandbox) Dial(ctx context.Context, port int) (net.Conn, error) {
	if !s.seat.ip.IsValid() {
		return nil, errors.New("docker: containers cannot be reached from here")
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(s.seat.ip.String(), strconv.Itoa(port)))
}

// Start starts the container, as [lifecycle.Sandbox] says.
func (s *sandbox) Start(ctx context.Context, api http.Handler, _ <-chan struct{}) (lifecycle.Runtime, error) {
	if s.stuck {
		return nil, errors.New("docker: a container that cannot be killed is in the way")
	}
	done, err := s.docker.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := s.startOnce(ctx, api)
	if errdefs.IsNotFound(err) { // somebody has removed the container
		s.container = ""
		r, err = s.startOnce(ctx, api)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// startOnce starts the container, which it creates if there is none. The caller has a slot.
func (s *sandbox) startOnce(ctx context.Context, api http.Handler) (*running, error) {
	if s.container == "" {
		if err := s.create(ctx); err != nil {
			return nil, err
		}
	}
	if s.capped {
		if err := s.limitCPU(ctx, unlimitedCPU()); err != nil {
			return nil, s.docker.explain("lift the CPU limit", err)
		}
		s.capped = false
	}
	r := newRunning(s)
	if err := r.start(ctx, api); err != nil {
		r.undo()
		return nil, err
	}
	return r, nil
}

// limitCPU limits the container's CPU time, in billionths of a CPU.
func (s *sandbox) limitCPU(ctx context.Context, nano int64) error {
	_, err := bounded(ctx, pauseTime, func(ctx context.Context) (client.ContainerUpdateResult, error) {
		return s.docker.ContainerUpdate(ctx, s.container, client.ContainerUpdateOptions{Resources: &container.Resources{NanoCPUs: nano}})
	})
	return err
}

// replace removes the container; the next Start creates another one, with an empty /tmp if that is in memory.
func (s *sandbox) replace() error {
	if err := s.docker.remove(context.Background(), s.container); err != nil {
		return fmt.Errorf("docker: remove container %.12s: %w", s.container, err)
	}
	s.container = ""
	return nil
}

// Close removes the container and everything of it. If the daemon does not, Tidy does.
func (s *sandbox) Close() {
	if s.docker != nil && s.container != "" {
		if err := s.docker.remove(context.Background(), s.container); err != nil && !errdefs.IsNotFound(err) {
			s.platform.abandon(s)
			return
		}
	}
	s.release()
}

// release gives back what a container used. The container is gone.
func (s *sandbox) release() {
	if s.seat != nil {
		s.seat.leave()
	}
	if s.disk != nil {
		if s.docker.podman {
			_ = s.docker.removeVolume(context.Background(), s.name()) // Close and Sweep find what is left
		}
		s.disk.close()
	}
	s.platform.forget(s)
}
