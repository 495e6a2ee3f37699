package docker

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
)

func TestMode(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const mounts = "700 690 254:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n"
	engine := func(network string) map[string]container.InspectResponse {
		c := container.InspectResponse{ID: id, Name: "/engine", HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(network)}}
		return map[string]container.InspectResponse{id: c, id[:12]: c, "cafe0123cafe": c} // the last by its name
	}
	down := errors.New("down")
	for name, tt := range map[string]struct {
		system, hostname, mounts string
		containers               map[string]container.InspectResponse
		fails                    error
		want                     mode
		why                      string
	}{
		"linux":                        {hostname: "box", want: mode{place: onHost}, why: "not in a container"},
		"macOS":                        {system: "darwin", hostname: "box", want: mode{place: onDesktop}, why: "virtual machine"},
		"macOS asks nobody":            {system: "darwin", hostname: id[:12], fails: down, want: mode{place: onDesktop}, why: "darwin"},
		"by mount":                     {hostname: "chosen", mounts: mounts, containers: engine("bridge"), want: mode{place: inContainer, self: id}, why: "mountinfo"},
		"by host name":                 {hostname: id[:12], containers: engine("app_default"), want: mode{place: inContainer, self: id}, why: "host name"},
		"mount before host name":       {hostname: id[:12], mounts: mounts, containers: engine("bridge"), want: mode{place: inContainer, self: id}, why: "mountinfo"},
		"container of another daemon":  {hostname: id[:12], mounts: mounts, want: mode{place: onHost}, why: "not in a container of this daemon"},
		"host named like a container":  {hostname: "cafe0123cafe", containers: engine("bridge"), want: mode{place: onHost}, why: "not in a container"},
		"container on the host's net":  {mounts: mounts, containers: engine("host"), want: mode{place: onHost}, why: "host's network"},
		"container on another's net":   {mounts: mounts, containers: engine("container:feed"), want: mode{place: inContainer, self: "feed"}, why: "another container"},
		"the daemon fails":             {mounts: mounts, fails: down},
		"host name is not hexadecimal": {hostname: "database0123", fails: down, want: mode{place: onHost}, why: "not in a container"},
	} {
		t.Run(name, func(t *testing.T) {
			s := surroundings{system: tt.system, hostname: tt.hostname, mountinfo: tt.mounts}
			if s.system == "" {
				s.system = "linux"
			}
			s.inspect = func(_ context.Context, id string) (container.InspectResponse, error) {
				if tt.fails != nil {
					return container.InspectResponse{}, tt.fails
				}
				if c, ok := tt.containers[id]; ok {
					return c, nil
				}
				return container.InspectResponse{}, errdefs.ErrNotFound
			}
			got, err := s.mode(t.Context())
			if tt.why == "" {
				if !errors.Is(err, tt.fails) {
					t.Errorf("got error %v, want %v", err, tt.fails)
				}
				return
			}
			if err != nil || got.place != tt.want.place || got.self != tt.want.self || !strings.Contains(got.why, tt.why) {
				t.Errorf("got %+v, %v, want %+v because of %q", got, err, tt.want, tt.why)
			}
		})
	}
}
