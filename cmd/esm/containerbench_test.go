package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// BenchmarkDrainInContainers empties the queue of BenchmarkDrainProgram with a handler in containers, against the same program
// as processes. Both are started before the measurement. "ratio" is the rate of containers to that of processes.
func BenchmarkDrainInContainers(b *testing.B) {
	b.Setenv("DOCKER_HOST", dockertest.Host(b))
	program := dockertest.Build(b, "testdata/handler")
	image := dockertest.Import(b, []dockertest.File{{Path: "handler", Mode: 0o755, Content: program}}, `ENTRYPOINT ["/handler"]`)
	path := filepath.Join(b.TempDir(), "handler")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		b.Fatal(err)
	}
	endpoint := ownEmbedded(b)
	client := sqsClient(endpoint)
	drainedBy := func(handler string) func() drain {
		return func() drain {
			return drainProgram(b, client, endpoint, fmt.Sprintf("%s, MemorySize: 1769, ProvisionedConcurrentExecutions: %d", handler, bareLoops))
		}
	}
	b.ResetTimer()
	compare(b, drained, drainedBy(fmt.Sprintf("ImageUri: '%s'", image)), drainedBy(fmt.Sprintf("Command: ['%s']", path)))
}
