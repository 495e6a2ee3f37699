package docker

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// extensionExit is how long the end of an extension may precede the news that the whole container has ended, on a busy machine.
const extensionExit = 5 * time.Second

const notStarted = 126 // the status of an extension that could not be started, also for want of its container

// member is an extension that was started.
type member struct {
	exec  string        // its ID
	ended chan struct{} // closed at its end
}

// startExtensions starts the external extensions beside the runtime, with its user.
func (r *running) startExtensions(ctx context.Context) error {
	env := r.hidden()
	for _, name := range r.extensions {
		if err := r.startExtension(ctx, name, env); err != nil {
			return err
		}
	}
	return nil
}

// hidden returns empty values for the variables that Lambda keeps from extensions: they cannot be removed, since a process that
// is started in a container has all of the container's variables.
func (r *running) hidden() (env []string) {
	for name := range r.env {
		if _, visible := r.spec.ExtensionEnv[name]; !visible && name != apiVariable && !strings.EqualFold(name, "NO_PROXY") {
			env = append(env, name+"=")
		}
	}
	slices.Sort(env)
	return env
}

func (r *running) startExtension(ctx context.Context, name string, env []string) error {
	made, err := bounded(ctx, createTime, func(ctx context.Context) (client.ExecCreateResult, error) {
		return r.docker.ExecCreate(ctx, r.container, client.ExecCreateOptions{
			User: user(r.spec.Function), WorkingDir: "/", Cmd: []string{extensionsDir + "/" + name}, Env: env,
			AttachStdout: true, AttachStderr: true,
		})
	})
	if err == nil {
		var got client.ExecAttachResult
		got, err = bounded(ctx, startTime, func(ctx context.Context) (client.ExecAttachResult, error) {
			return r.docker.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
		})
		if err == nil {
			r.follow(name, made.ID, r.output.read(got.HijackedResponse, r.output.to.ExtensionStream))
			return nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.gone(extensionExit): // which is why; Wait reports it
		return nil
	}
	return r.docker.explain("start the extension "+name, err)
}

// follow waits for the end of an extension, which is that of its output.
func (r *running) follow(name, exec string, end <-chan struct{}) {
	m := &member{exec: exec, ended: make(chan struct{})}
	r.members[name] = m
	r.work.Go(func() {
		<-end
		close(m.ended)
		r.extensionEnded(exec)
	})
}

// extensionEnded makes Wait report an extension that has ended while the runtime runs.
func (r *running) extensionEnded(exec string) {
	if r.killing.Load() || r.over() {
		return
	}
	got, err := bounded(r.ctx, askTime, func(ctx context.Context) (client.ExecInspectResult, error) {
		return r.docker.ExecInspect(ctx, exec, client.ExecInspectOptions{})
	})
	switch {
	case err != nil, got.Running: // the daemon is away
		return
	case (got.ExitCode == sigkilled || got.ExitCode == notStarted) && r.gone(extensionExit), r.over(): // with its container
		return
	}
	select {
	case r.crashed <- runtimeapi.ExtensionCrashed(reason(got.ExitCode)):
	default: // another was first
	}
}

// extensionsGone waits at most until ctx ends for extensions to end.
func (r *running) extensionsGone(ctx context.Context, names []string) {
	for _, name := range names {
		m := r.members[name]
		if m == nil { // never started
			continue
		}
		select {
		case <-m.ended:
		case <-ctx.Done():
			return
		}
	}
}
