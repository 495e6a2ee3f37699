package docker

import (
	"os"
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// TestPodman shows how far Podman goes. It needs the address that `localstack/podman.sh env` prints.
func TestPodman(t *testing.T) {
	const variable = "ESM_TEST_PODMAN"
	host := os.Getenv(variable)
	if host == "" {
		t.Skipf("%s is not set: it is the address of Podman's socket, which localstack/podman.sh prints", variable)
	}
	t.Setenv(dockertest.HostVariable, host)
	fn := config.Function{Name: "f", ImageUri: handlerImage(t)}
	invokertest.Run(t, func(t *testing.T) lifecycle.Platform { return newPlatform(t, nil) }, fn)
}
