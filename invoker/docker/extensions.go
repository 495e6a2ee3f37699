package docker

import (
	"context"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// extensionExit is how long the end of an extension may precede the news that the whole container has ended.
const extensionExit = 300 * time.Millisecond

// startExtensions starts the external extensions beside the runtime, with its user and variables.
func (r *running) startExtensions(ctx context.Context) error {
	for _, name := range r.extensions {
		if err := r.startExtension(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *running) startExtension(ctx context.Context, name string) error {
	made, err := bounded(ctx, createTime, func(ctx context.Context) (client.ExecCreateResult, error) {
		return r.docker.ExecCreate(ctx, r.container, client.ExecCreateOptions{
			User: user(r.spec.Function), WorkingDir: "/", Cmd: []string{extensionsDir + "/" + name},
			AttachStdout: true, AttachStderr: true,
		})
	})
	if err == nil {
		var got client.ExecAttachResult
		got, err = bounded(ctx, startTime, func(ctx context.Context) (client.ExecAttachResult, error) {
			return r.docker.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
		})
		if err == nil {
			ended := r.output.read(got.HijackedResponse)
			r.living.Add(1)
			r.work.Go(func() {
				defer r.living.Done()
				<-ended
				r.extensionEnded(made.ID)
			})
			return nil
		}
	}
	if r.gone(extensionExit) { // which is why; Wait reports it
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.docker.explain("start the extension "+name, err)
}

// extensionEnded makes Wait report an extension that has ended alone.
func (r *running) extensionEnded(exec string) {
	if r.killing.Load() || r.gone(extensionExit) {
		return
	}
	got, err := bounded(r.ctx, askTime, func(ctx context.Context) (client.ExecInspectResult, error) {
		return r.docker.ExecInspect(ctx, exec, client.ExecInspectOptions{})
	})
	if err != nil || got.Running || r.over() || r.killing.Load() {
		return // the daemon is away
	}
	select {
	case r.crashed <- runtimeapi.ExtensionCrashed(reason(got.ExitCode)):
	default: // another was first
	}
}

// extensionsGone waits at most d for all extensions to end.
func (r *running) extensionsGone(d time.Duration) {
	gone := make(chan struct{})
	go func() { // ends when the container does
		r.living.Wait()
		close(gone)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
	}
}
