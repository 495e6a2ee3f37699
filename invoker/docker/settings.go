package docker

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// Lambda's limits of an environment (AWS: "Lambda quotas").
const (
	openFiles       = 1024
	maxProcesses    = 1024
	podmanProcesses = 32 << 10 // of a user in all containers: Podman's own limit
	memoryOfOneCPU  = 1769     // MB
	mostCPUs        = 6
	lockedMemory    = 64 << 10
	sharedMemory    = 64 << 10 // Lambda has none
	sharesOfOneCPU  = 1024
	leastShares     = 2
	firstToBeKilled = 500 // when the machine is out of memory: before the daemon, and before this program
)

// Paths in containers.
const (
	taskDir   = "/var/task"
	layersDir = "/opt"
	tmpDir    = "/tmp"
)

// defaultUser is user and group of functions: without a name, and without rights in any image.
const defaultUser = "993:990"

func user(fn config.Function) string {
	if fn.Container.User == "image" {
		return ""
	}
	return cmp.Or(fn.Container.User, defaultUser)
}

// program returns what a container of fn runs. Lambda takes each setting of ImageConfig by itself: another entry point keeps
// the image's command, unlike with docker run.
func program(fn config.Function, img *image) (entrypoint, command []string, err error) {
	entrypoint, command = img.entrypoint, img.command
	if fn.ImageUri == "" && fn.Handler != "" {
		command = []string{fn.Handler}
	}
	if e := fn.ImageConfig.EntryPoint; len(e) > 0 {
		entrypoint = e
	}
	if c := fn.ImageConfig.Command; len(c) > 0 {
		command = c
	}
	if len(entrypoint)+len(command) == 0 {
		return nil, nil, runtimeapi.InvalidEntrypoint(fmt.Sprintf(
			"the image %s has neither ENTRYPOINT nor CMD: give it one, or ImageConfig.EntryPoint", fn.Image()))
	}
	return entrypoint, command, nil
}

// options returns the container of a sandbox.
func (s *sandbox) options() (client.ContainerCreateOptions, error) {
	fn, img := s.spec.Function, s.image
	entrypoint, command, err := program(fn, img)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	s.env = s.environ(img, s.network.endpoint())
	nameHandler(s.env, img, slices.Concat(entrypoint, command))
	endpoint := &dockernet.EndpointSettings{}
	if s.seat.ip.IsValid() {
		endpoint.IPAMConfig = &dockernet.EndpointIPAMConfig{IPv4Address: s.seat.ip}
	}
	return client.ContainerCreateOptions{
		Name: s.name(),
		Config: &container.Config{
			Image:        img.id,
			User:         user(fn),
			Entrypoint:   entrypoint,
			Cmd:          command,
			WorkingDir:   cmp.Or(fn.ImageConfig.WorkingDirectory, img.dir, taskDir),
			Env:          list(s.env),
			Labels:       s.platform.labels(fn.Name, s.spec.ID),
			Healthcheck:  &container.HealthConfig{Test: []string{"NONE"}},
			StopSignal:   "SIGTERM",
			AttachStdout: true,
			AttachStderr: true,
		},
		HostConfig: s.hostConfig(),
		NetworkingConfig: &dockernet.NetworkingConfig{
			EndpointsConfig: map[string]*dockernet.EndpointSettings{s.network.name: endpoint},
		},
	}, nil
}

func (s *sandbox) hostConfig() *container.HostConfig {
	fn := s.spec.Function
	memory := int64(fn.Memory()) << 20
	host := &container.HostConfig{
		NetworkMode:    container.NetworkMode(s.network.name),
		ExtraHosts:     s.hosts(),
		ReadonlyRootfs: true,
		CapDrop:        []string{"ALL"},
		SecurityOpt:    []string{"no-new-privileges"},
		IpcMode:        "private",
		ShmSize:        sharedMemory,
		OomScoreAdj:    firstToBeKilled,
		LogConfig:      container.LogConfig{Type: "none"},
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		Init:           new(bool),
		Mounts:         s.mounts,
	}
	if s.disk != nil {
		host.Mounts = append(host.Mounts, s.disk.mount(s.platform.labels(fn.Name, s.spec.ID)))
	} else {
		size := fn.Storage()
		host.Tmpfs = map[string]string{tmpDir: fmt.Sprintf("rw,exec,nosuid,nodev,size=%dm,mode=1777", size)}
		memory += int64(size) << 20
	}
	processes := int64(maxProcesses)
	host.Resources = container.Resources{
		Memory: memory, MemorySwap: memory, // equal: no swap
		CPUShares: max(leastShares, int64(fn.Memory())*sharesOfOneCPU/memoryOfOneCPU),
		PidsLimit: &processes,
		Ulimits: []*container.Ulimit{
			{Name: "nofile", Soft: openFiles, Hard: openFiles},
			{Name: "core"},
			{Name: "memlock", Soft: lockedMemory, Hard: lockedMemory},
		},
	}
	if s.docker.podman { // which asks for more than some machines let root have, unless it is told
		host.Ulimits = append(host.Ulimits, &container.Ulimit{Name: "nproc", Soft: podmanProcesses, Hard: podmanProcesses})
	}
	return host
}

// hosts returns the lines of /etc/hosts: the name of the Runtime API, and Lambda's name of the environment itself.
func (s *sandbox) hosts() []string {
	self := "127.0.0.1"
	if s.seat.ip.IsValid() {
		self = s.seat.ip.String()
	}
	api := "host-gateway"
	if s.seat.gateway.IsValid() {
		api = s.seat.gateway.String()
	}
	return []string{s.seat.name + ":" + api, "sandbox.localdomain:" + self}
}

func bind(source, target string) mount.Mount {
	return mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true}
}

// cpuLimit returns the CPU time that a function may use, in billionths of a CPU.
func cpuLimit(fn config.Function) int64 {
	const one = 1e9
	return min(int64(fn.Memory())*one/memoryOfOneCPU, mostCPUs*one, int64(runtime.NumCPU())*one)
}

// unlimitedCPU is the limit that is none: a container's limit cannot be removed.
func unlimitedCPU() int64 { return int64(runtime.NumCPU()) * 1e9 }
