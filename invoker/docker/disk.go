package docker

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
)

// disk is a file system of its own size for the /tmp of one environment. It is not counted as memory, is full at its size, and
// outlives the container's restarts. Its file has no name and its device detaches itself, so that nothing is left behind by an
// engine that is killed.
type disk struct {
	device string // /dev/loop7
	close  func()
}

// mount returns the volume that the daemon mounts at /tmp. The volume has no name: it is removed with the container.
func (d *disk) mount(labels map[string]string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Target: tmpDir,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: labels, DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{
			"type": "ext4", "device": d.device, "o": "nosuid,nodev,noatime,discard",
		}}},
	}
}

// name gives a mount's volume a name, for Podman: it makes volumes without a name where it likes. The volume stays until
// removeVolume.
func (d *daemon) name(ctx context.Context, m *mount.Mount, name string) error {
	m.Source = name
	o := m.VolumeOptions
	_, err := bounded(ctx, askTime, func(ctx context.Context) (client.VolumeCreateResult, error) {
		return d.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Driver: o.DriverConfig.Name, DriverOpts: o.DriverConfig.Options, Labels: o.Labels})
	})
	return d.explain("create a volume", err)
}

// removeVolume removes a volume that may be gone already.
func (d *daemon) removeVolume(ctx context.Context, name string) error {
	_, err := bounded(ctx, removeTime, func(ctx context.Context) (client.VolumeRemoveResult, error) {
		return d.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true})
	})
	return leftBehind(d, "volume "+name, err)
}

// newDisk returns the /tmp of an environment, or nil if it is to be in memory.
func (p *Platform) newDisk(d *daemon, fn config.Function) *disk {
	size := fn.Storage()
	err := errNoDisk
	if d.local {
		var made *disk
		if made, err = p.makeDisk(size); err == nil {
			return made
		}
	}
	p.warn("", fmt.Sprintf("/tmp of containers is in memory, and is lost when a runtime is started again: %v. "+
		"Its size is added to a container's memory limit", err))
	return nil
}
