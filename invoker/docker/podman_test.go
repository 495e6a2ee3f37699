package docker

import (
	"os"
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// podman makes Podman the daemon of a test. It needs the address that `localstack/podman.sh env` prints.
func podman(t *testing.T) {
	t.Helper()
	const variable = "ESM_TEST_PODMAN"
	host := os.Getenv(variable)
	if host == "" {
		t.Skipf("%s is not set: it is the address of Podman's socket, which localstack/podman.sh prints", variable)
	}
	t.Setenv(dockertest.HostVariable, host)
}

// TestPodman shows how far Podman goes.
func TestPodman(t *testing.T) {
	podman(t)
	fn := config.Function{Name: "f", ImageUri: handlerImage(t)}
	invokertest.Run(t, func(t *testing.T) lifecycle.Platform { return newPlatform(t, nil) }, fn)
}

func TestPodmanExtensions(t *testing.T) {
	podman(t)
	TestSuiteExtensions(t)
}

func TestPodmanDisk(t *testing.T) {
	podman(t)
	TestDisk(t)
}

// A function that has no way out reaches its Runtime API.
func TestPodmanInternal(t *testing.T) {
	podman(t)
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Container.Internal = true
	result[facts](r, r.start(fn), order{Do: "look"})
}

func TestPodmanBadProgram(t *testing.T) {
	podman(t)
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.ImageConfig.EntryPoint = []string{"/nothing"}
	r.wantPayload(r.broken(fn), "Runtime.InvalidEntrypoint", "fork/exec /nothing: no such file or directory")
}

// What Podman leaves behind is found, and so are rules.
func TestPodmanSweep(t *testing.T) {
	podman(t)
	TestSweep(t)
	TestSweepNetworks(t)
}
