package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// Kill ends the container, as [lifecycle.Runtime] says. One that ran out of memory is removed.
func (r *running) Kill(s lifecycle.Shutdown) error {
	defer close(r.killed)
	r.killing.Store(true)
	if !r.over() {
		r.shutDown(s)
	}
	err := r.destroy()
	r.output.finish()
	r.seat.serve(nil)
	r.cancel()
	r.output.close()
	r.work.Wait()
	if err == nil && r.oom {
		err = r.replace()
	}
	if err != nil {
		r.stuck = true
		r.platform.abandon(r.sandbox)
	}
	return err
}

// shutDown gives extensions and runtime the time that s allows. Extensions die with the runtime: they come first, while the
// runtime stands still.
func (r *running) shutDown(s lifecycle.Shutdown) {
	if s.Notify == nil && s.Grace <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.Extensions)
	defer cancel()
	if r.frozen.Load() {
		_ = r.Thaw() // signals do not reach it otherwise
	}
	if s.Notify != nil {
		_ = r.signal("SIGSTOP") // whatever it does from now on does not count
		s.Notify()
		r.extensionsGone(ctx, s.Told)
	}
	if s.Grace > 0 {
		_ = r.signal("SIGTERM") // if that fails, it is killed next
		if s.Notify != nil {
			_ = r.signal("SIGCONT")
		}
		r.gone(s.Grace)
	}
}

func (r *running) signal(name string) error {
	_, err := bounded(context.Background(), askTime, func(ctx context.Context) (client.ContainerKillResult, error) {
		return r.docker.ContainerKill(ctx, r.container, client.ContainerKillOptions{Signal: name})
	})
	return err
}

func (r *running) sigkill(ctx context.Context) (client.ContainerKillResult, error) {
	return r.docker.ContainerKill(ctx, r.container, client.ContainerKillOptions{Signal: "SIGKILL"})
}

// destroy kills every process of the container. It tries again while the daemon is away, for ten seconds.
func (r *running) destroy() error {
	if r.over() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), killWait)
	defer cancel()
	done, err := enter(ctx, r.docker.ends)
	if err != nil {
		return r.docker.explain("kill a container", err)
	}
	defer done()
	for !r.over() {
		_, err := r.sigkill(ctx)
		if err == nil || errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
			if !r.gone(killWait) {
				return fmt.Errorf("docker: container %.12s has been killed and does not end", r.container)
			}
			return nil
		}
		if ctx.Err() != nil {
			return r.docker.explain("kill a container", err)
		}
		select {
		case <-time.After(askAgain):
		case <-r.ended:
		case <-ctx.Done():
			return r.docker.explain("kill a container", err)
		}
	}
	return nil
}
