package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const statsTime = 250 * time.Millisecond // a daemon takes milliseconds

// memoryFiles finds the file in which the kernel notes the most memory that a container has used.
type memoryFiles struct {
	found string
	tried bool
}

// patterns are where Docker's containers are, for both versions of control groups and both drivers, and those of Podman where
// tests have seen them.
var patterns = []string{
	"/sys/fs/cgroup/memory/docker/%/memory.max_usage_in_bytes",
	"/sys/fs/cgroup/memory/system.slice/docker-%.scope/memory.max_usage_in_bytes",
	"/sys/fs/cgroup/docker/%/memory.peak",
	"/sys/fs/cgroup/system.slice/docker-%.scope/memory.peak",
	"/sys/fs/cgroup/memory/libpod_parent/libpod-%/memory.max_usage_in_bytes",
}

func (m *memoryFiles) read(id string) (peak uint64, ok bool) {
	if !m.tried {
		m.tried = true
		for _, p := range patterns {
			path := filepath.Clean(strings.Replace(p, "%", id, 1))
			if _, err := os.Stat(path); err == nil {
				m.found = path
			}
		}
	}
	if m.found == "" {
		return 0, false
	}
	text, err := os.ReadFile(m.found)
	if err != nil { // the container has ended
		return 0, true
	}
	peak, err = strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
	return peak, err == nil
}

// Memory returns the most memory that the container has used since it was started, in MB, or 0 if that is unknown.
func (r *running) Memory() int {
	if r.docker.local {
		if peak, ok := r.files.read(r.container); ok {
			return megabytes(peak)
		}
	}
	stats, err := bounded(context.Background(), statsTime, r.stats)
	if err != nil {
		return 0
	}
	return megabytes(max(stats.MaxUsage, stats.Usage))
}

// megabytes rounds up.
func megabytes(n uint64) int { return int((n + 1<<20 - 1) >> 20) }

func (r *running) stats(ctx context.Context) (container.MemoryStats, error) {
	got, err := r.docker.ContainerStats(ctx, r.container, client.ContainerStatsOptions{})
	if err != nil {
		return container.MemoryStats{}, err
	}
	defer got.Body.Close()
	var stats container.StatsResponse
	err = json.NewDecoder(got.Body).Decode(&stats)
	return stats.MemoryStats, err
}
