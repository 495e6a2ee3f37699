package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/trace"
)

// image is an image that was found once.
type image struct {
	id         string // of its content
	entrypoint []string
	command    []string
	dir        string
	env        map[string]string
	extensions []string // names in extensionsDir, sorted
}

const (
	extensionsDir     = "/opt/extensions"
	disableExtensions = "/opt/disable-extensions-jwigqn8j" // a file by which Lambda's own emulator ignores them
)

// image returns the image of fn, which it resolves at the first call.
func (p *Platform) image(ctx context.Context, fn config.Function) (*image, error) {
	ref := fn.Image()
	if img := p.known(ref); img != nil {
		return img, nil
	}
	d, err := p.daemon(ctx)
	if err != nil {
		return nil, err
	}
	return once(ctx, p, "image "+ref, func(ctx context.Context) (*image, error) {
		if img := p.known(ref); img != nil {
			return img, nil
		}
		img, err := p.resolve(ctx, d, fn.Name, ref)
		if err != nil {
			return nil, fmt.Errorf("docker: image %s: %w", ref, err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.images == nil {
			p.images = map[string]*image{}
		}
		p.images[ref] = img
		return img, nil
	})
}

func (p *Platform) known(ref string) *image {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.images[ref]
}

// lost forgets an image that the daemon does not have any more.
func (p *Platform) lost(ref string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.images, ref)
}

// resolve finds ref, which it pulls if the daemon does not have it, and checks it.
func (p *Platform) resolve(ctx context.Context, d *daemon, function, ref string) (*image, error) {
	inspect := func() (client.ImageInspectResult, error) {
		return bounded(ctx, askTime, func(ctx context.Context) (client.ImageInspectResult, error) { return d.ImageInspect(ctx, ref) })
	}
	got, err := inspect()
	if errdefs.IsNotFound(err) {
		if err := p.pull(ctx, d, function, ref); err != nil {
			return nil, err
		}
		got, err = inspect()
	}
	if err != nil {
		return nil, d.explain("inspect", err)
	}
	img := &image{id: got.ID, env: map[string]string{}}
	if c := got.Config; c != nil {
		img.entrypoint, img.command, img.dir, img.env = c.Entrypoint, c.Cmd, c.WorkingDir, variables(c.Env)
	}
	switch {
	case got.Os != "" && got.Os != "linux":
		return nil, runtimeapi.InvalidEntrypoint(fmt.Sprintf("the image is made for %s, and functions run on linux", got.Os))
	case got.Architecture != "" && got.Architecture != d.arch:
		return nil, runtimeapi.InvalidEntrypoint(fmt.Sprintf(
			"the image is made for %s, and this machine is %s: build it with --platform linux/%s", got.Architecture, d.arch, d.arch))
	}
	img.extensions, err = p.findExtensions(ctx, d, img)
	return img, err
}

// pullIdle is how long a pull may go on without any progress.
const pullIdle = 5 * time.Minute

// pull pulls ref and traces the progress.
func (p *Platform) pull(ctx context.Context, d *daemon, function, ref string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(pullIdle, func() { cancel(fmt.Errorf("no progress for %v", pullIdle)) })
	defer idle.Stop()
	began := time.Now()
	report := trace.Pulling{Function: function, Image: ref}
	err := p.follow(ctx, d, &report, func() { idle.Reset(pullIdle) })
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("the daemon does not have it and cannot pull it; build it or pull it first, or correct its name: %w", err)
	}
	report.Took, report.Done, report.Err = time.Since(began), err == nil, err
	if report.Done {
		report.Bytes = report.Total
	}
	p.Trace.Emit(report)
	return err
}

// follow pulls the image of report, which it keeps up to date, and calls alive at each sign of life.
func (p *Platform) follow(ctx context.Context, d *daemon, report *trace.Pulling, alive func()) error {
	resp, err := d.ImagePull(ctx, report.Image, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	began, last := time.Now(), time.Time{}
	layers := map[string][2]int64{}
	for m, err := range resp.JSONMessages(ctx) {
		switch {
		case err != nil:
			return err
		case m.Error != nil:
			return m.Error
		}
		alive()
		if m.Progress != nil && m.Status == "Downloading" {
			layers[m.ID] = [2]int64{m.Progress.Current, m.Progress.Total}
		}
		report.Bytes, report.Total, report.Took = 0, 0, time.Since(began)
		for _, l := range layers {
			report.Bytes, report.Total = report.Bytes+l[0], report.Total+l[1]
		}
		if time.Since(last) >= time.Second {
			last = time.Now()
			p.Trace.Emit(*report)
		}
	}
	return nil
}

// findExtensions returns the external extensions of an image, as they are in a container that is created for this and never
// started.
func (p *Platform) findExtensions(ctx context.Context, d *daemon, img *image) ([]string, error) {
	var found []string
	err := p.withContainer(ctx, d, client.ContainerCreateOptions{Config: &container.Config{Image: img.id}}, func(id string) error {
		has := func(file string) (bool, error) {
			_, err := bounded(ctx, askTime, func(ctx context.Context) (client.ContainerStatPathResult, error) {
				return d.ContainerStatPath(ctx, id, client.ContainerStatPathOptions{Path: file})
			})
			if errdefs.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		}
		if yes, err := has(extensionsDir); !yes {
			return err
		}
		if disabled, err := has(disableExtensions); disabled || err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, createTime)
		defer cancel()
		got, err := d.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: extensionsDir})
		if err != nil {
			return err
		}
		defer got.Content.Close()
		found, err = listExtensions(got.Content)
		return err
	})
	return found, d.explain("look for extensions", err)
}

// listExtensions returns the names of the executable files directly in the directory that an archive holds.
func listExtensions(archive io.Reader) (names []string, err error) {
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg && h.Mode&0o111 != 0 && path.Dir(path.Clean(h.Name)) == path.Base(extensionsDir) {
			names = append(names, path.Base(h.Name))
		}
	}
}

// withContainer calls use with a container that is created for that, never started, and removed.
func (p *Platform) withContainer(ctx context.Context, d *daemon, o client.ContainerCreateOptions, use func(id string) error) error {
	if len(o.Config.Entrypoint)+len(o.Config.Cmd) == 0 {
		o.Config.Entrypoint = []string{"/never"} // the daemon asks for one
	}
	o.Config.Labels = p.labels("", "")
	if o.HostConfig == nil {
		o.HostConfig = &container.HostConfig{}
	}
	o.HostConfig.NetworkMode = "none"
	o.Name = "esm-" + randomID()
	done, err := d.slot(ctx)
	if err != nil {
		return err
	}
	defer done()
	made, err := bounded(ctx, createTime, func(ctx context.Context) (client.ContainerCreateResult, error) { return d.ContainerCreate(ctx, o) })
	defer func() { // whatever was made in spite of an error
		if err == nil || !isRefusal(err) {
			_ = d.remove(ctx, o.Name) // Sweep finds it
		}
	}()
	if err != nil {
		return err
	}
	return use(made.ID)
}

// isRefusal reports whether the daemon has understood a request and not carried it out.
func isRefusal(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) || errdefs.IsConflict(err)
}

// remove removes a container and its volumes, whatever its state. It is no error if there is none.
func (d *daemon) remove(ctx context.Context, id string) error {
	_, err := bounded(context.WithoutCancel(ctx), removeTime, func(ctx context.Context) (client.ContainerRemoveResult, error) {
		done, err := enter(ctx, d.ends)
		if err != nil {
			return client.ContainerRemoveResult{}, err
		}
		defer done()
		return d.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
