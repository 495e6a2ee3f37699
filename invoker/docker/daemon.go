package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Bounds of calls to the daemon.
const (
	askTime    = 5 * time.Second // what reads
	createTime = 30 * time.Second
	startTime  = 30 * time.Second
	attachTime = 10 * time.Second
	killTime   = 10 * time.Second
	pauseTime  = 5 * time.Second
	removeTime = 20 * time.Second
)

// daemon is a Docker daemon that has answered. Methods may be called concurrently.
type daemon struct {
	*client.Client
	slots chan struct{} // holds a value for each container that is being created or started
	ends  chan struct{} // holds a value for each container that is being killed or removed
	arch  string        // amd64 or arm64
	local bool          // on the kernel of this program, with all rights

	podman bool // which differs in some points
}

// Check finds the daemon. It blocks for seconds at most. The error names what was tried and what to do.
func (p *Platform) Check(ctx context.Context) error {
	_, err := p.daemon(ctx)
	return err
}

// daemon returns the daemon, which it looks for until one has answered.
func (p *Platform) daemon(ctx context.Context) (*daemon, error) {
	p.mu.Lock()
	d := p.engine
	p.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := once(ctx, p, "daemon", func(ctx context.Context) (*daemon, error) { return connect(ctx, hosts(p.Host)) })
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine == nil {
		p.engine = d
	}
	return p.engine, nil
}

// once makes concurrent callers with one key wait for one call of do. It goes on if a caller gives up.
func once[T any](ctx context.Context, p *Platform, key string, do func(context.Context) (T, error)) (T, error) {
	var zero T
	shared := context.WithoutCancel(ctx)
	select {
	case got := <-p.flights.DoChan(key, func() (any, error) { return do(shared) }):
		if got.Err != nil {
			return zero, got.Err
		}
		return got.Val.(T), nil
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
}

// hosts returns the addresses to try.
func hosts(given string) []string {
	if given != "" {
		return []string{given}
	}
	if env := os.Getenv(client.EnvOverrideHost); env != "" {
		return []string{env}
	}
	sockets := []string{"/var/run/docker.sock"}
	if home, err := os.UserHomeDir(); err == nil {
		sockets = append(sockets, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".colima/default/docker.sock"))
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"))
	}
	for i, path := range sockets {
		sockets[i] = "unix://" + path
	}
	return sockets
}

// connect returns the first daemon that answers.
func connect(ctx context.Context, hosts []string) (*daemon, error) {
	var tried []string
	denied := false
	for _, host := range hosts {
		d, err := dial(ctx, host)
		if err == nil {
			return d, nil
		}
		denied = denied || errors.Is(err, os.ErrPermission) || canStat(host) && len(hosts) == 1
		tried = append(tried, fmt.Sprintf("%s (%v)", host, err))
	}
	remedy := "start Docker, or name its socket in DOCKER_HOST; in a container, mount the socket"
	if denied {
		remedy = "start Docker, and let this user open its socket (group docker), or name another in DOCKER_HOST"
	}
	return nil, fmt.Errorf("docker: no daemon answers; tried %s: %s", strings.Join(tried, ", "), remedy)
}

func canStat(host string) bool {
	_, err := os.Stat(strings.TrimPrefix(host, "unix://"))
	return err == nil
}

// dial returns the daemon at host if it answers.
func dial(ctx context.Context, host string) (*daemon, error) {
	if path, ok := strings.CutPrefix(host, "unix://"); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, errors.Unwrap(err)
		}
	}
	c, err := client.New(client.FromEnv, client.WithHost(host))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := c.Info(ctx, client.InfoOptions{})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %v", askTime)
	}
	if err == nil && info.Info.OSType != "linux" {
		err = fmt.Errorf("runs %s containers, not linux ones", info.Info.OSType)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	atOnce := min(max(runtime.NumCPU(), fewest), most)
	return &daemon{
		Client: c, slots: make(chan struct{}, atOnce), ends: make(chan struct{}, most),
		arch: goArch(info.Info.Architecture), local: isLocal(host, info.Info),
		podman: slices.Contains(info.Info.Plugins.Log, "k8s-file"), // Podman's own log driver
	}, nil
}

// Containers that are changed at the same time. Under many, daemons exceed every bound, and some lose count of what is on a
// network.
const (
	fewest = 2
	most   = 4
)

// goArch returns the name that images use for a machine's architecture.
func goArch(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return machine
}

// slot waits until a container may be created or started, and returns what ends that.
func (d *daemon) slot(ctx context.Context) (done func(), err error) { return enter(ctx, d.slots) }

func enter(ctx context.Context, slots chan struct{}) (done func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// explain returns err, of a call to the daemon, with what was being done and what to do.
func (d *daemon) explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("docker: %s: the daemon at %s does not answer in time; see its log, and whether the machine is overloaded: %w", what, d.DaemonHost(), err)
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("docker: %s: the daemon at %s cannot be reached: is it being restarted? %w", what, d.DaemonHost(), err)
	case errdefs.IsInternal(err) && strings.Contains(err.Error(), "rlimit"):
		return fmt.Errorf("docker: %s: the daemon may not set the limit of %d open files: raise its own (LimitNOFILE of its service): %w", what, openFiles, err)
	}
	return fmt.Errorf("docker: %s: %w", what, err)
}

// bounded calls do with a context that ends after d at the latest.
func bounded[T any](ctx context.Context, d time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return do(ctx)
}
