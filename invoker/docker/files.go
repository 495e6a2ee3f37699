package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// files returns the mount that shows a directory of this program, read-only, at a path in containers: the directory itself if
// the daemon sees it, and otherwise a volume with a copy of it, which is made once.
func (p *Platform) files(ctx context.Context, d *daemon, img *image, dir, target string) (mount.Mount, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return mount.Mount{}, &runtimeapi.Failure{Type: "Runtime.InvalidWorkingDir", Text: fmt.Sprintf("%s is no directory that can be read", dir)}
	}
	shared, err := p.sharesFiles(ctx, d, img)
	if err != nil {
		return mount.Mount{}, err
	}
	if shared {
		return bind(dir, target), nil
	}
	volume, err := p.copied(ctx, d, img, dir)
	return mount.Mount{Type: mount.TypeVolume, Source: volume, Target: target, ReadOnly: true}, err
}

// sharesFiles reports whether the daemon sees the files of this program. It does not if this program is in a container or the
// daemon on another machine.
func (p *Platform) sharesFiles(ctx context.Context, d *daemon, img *image) (bool, error) {
	p.mu.Lock()
	known := p.shares
	p.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	return once(ctx, p, "shares", func(ctx context.Context) (bool, error) {
		dir, err := os.MkdirTemp(p.Dir, "esm-probe-")
		if err != nil {
			return false, err
		}
		defer os.Remove(dir)
		err = p.withContainer(ctx, d, client.ContainerCreateOptions{
			Config:     &container.Config{Image: img.id},
			HostConfig: &container.HostConfig{Mounts: []mount.Mount{bind(dir, "/probe")}},
		}, func(string) error { return nil })
		if err != nil && !errdefs.IsInvalidArgument(err) {
			return false, d.explain("mount a directory", err)
		}
		shared := err == nil
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shares = &shared
		return shared, nil
	})
}

// copied returns the volume with a copy of dir. Directories with the same content share one.
func (p *Platform) copied(ctx context.Context, d *daemon, img *image, dir string) (string, error) {
	p.mu.Lock()
	name := p.copies[dir]
	p.mu.Unlock()
	if name != "" {
		return name, nil
	}
	return once(ctx, p, "copy "+dir, func(ctx context.Context) (string, error) {
		hash := sha256.New()
		if err := writeTar(hash, dir); err != nil {
			return "", err
		}
		name := "esm-files-" + p.bootID() + "-" + hex.EncodeToString(hash.Sum(nil))[:32]
		if err := p.fill(ctx, d, img, name, dir); err != nil {
			return "", d.explain("copy "+dir+" to a volume", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.copies == nil {
			p.copies = map[string]string{}
		}
		p.copies[dir] = name
		return name, nil
	})
}

// fill creates a volume and copies dir to it, through a container that is never started.
func (p *Platform) fill(ctx context.Context, d *daemon, img *image, volume, dir string) error {
	_, err := bounded(ctx, createTime, func(ctx context.Context) (client.VolumeCreateResult, error) {
		return d.VolumeCreate(ctx, client.VolumeCreateOptions{Name: volume, Labels: p.labels("", "")})
	})
	if err != nil {
		return err
	}
	const at = "/copy"
	return p.withContainer(ctx, d, client.ContainerCreateOptions{
		Config: &container.Config{Image: img.id},
		HostConfig: &container.HostConfig{Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Source: volume, Target: at, VolumeOptions: &mount.VolumeOptions{NoCopy: true},
		}}},
	}, func(id string) error {
		read, write := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() { _ = write.CloseWithError(writeTar(write, dir)) }) // never fails
		_, err := d.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: at, Content: read})
		_ = read.Close() // never fails
		writing.Wait()
		return err
	})
}

// writeTar writes the content of a directory as an archive that depends on nothing else. Files are readable by everybody, as
// Lambda makes them.
func writeTar(to io.Writer, dir string) error {
	w := tar.NewWriter(to)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return writeEntry(w, path, filepath.ToSlash(name), e)
	})
	return errors.Join(err, w.Close())
}

func writeEntry(w *tar.Writer, path, name string, e os.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	link := ""
	if info.Mode()&os.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
	h.AccessTime, h.ChangeTime = h.ModTime, h.ModTime
	const readable, searchable = 0o444, 0o111
	h.Mode |= readable
	if info.IsDir() {
		h.Mode |= searchable
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}
