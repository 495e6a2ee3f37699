// Package dockertest gives tests a Docker daemon, and images made of nothing but files.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/moby/moby/client"
)

// HostVariable names the variable with the address of the daemon for tests, such as unix:///var/run/docker.sock.
const HostVariable = "ESM_TEST_DOCKER"

// Host returns the address of the daemon. Without one it skips the test; in CI it fails.
func Host(t testing.TB) string {
	t.Helper()
	host := os.Getenv(HostVariable)
	switch {
	case host != "":
		return host
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not set: CI needs a Docker daemon", HostVariable)
	default:
		t.Skipf("%s is not set: it is the address of a Docker daemon, such as unix:///var/run/docker.sock", HostVariable)
	}
	return ""
}

// Client returns a client of the daemon that is closed at the end.
func Client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(client.FromEnv, client.WithHost(Host(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Owner returns a name that no other test has.
func Owner() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return "test-" + hex.EncodeToString(b[:])
}

// File is a file of an image, or a directory if its Mode has fs.ModeDir.
type File struct {
	Path    string // without a slash in front
	Mode    int64
	Content []byte
}

// Import makes an image of files, with instructions of a Dockerfile such as `CMD ["/handler"]`, and returns its name. It is
// removed at the end.
func Import(t testing.TB, files []File, instructions ...string) string {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		h := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(f.Content)), Typeflag: tar.TypeReg}
		if f.Content == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := "esm-test/" + Owner() + ":latest"
	c := Client(t)
	resp, err := c.ImageImport(t.Context(), client.ImageImportSource{Source: &archive, SourceName: "-"}, name,
		client.ImageImportOptions{Changes: instructions})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if out, err := io.ReadAll(resp); err != nil || bytes.Contains(out, []byte(`"error"`)) {
		t.Fatalf("import an image: %v %s", err, out)
	}
	t.Cleanup(func() {
		if _, err := c.ImageRemove(ctx(), name, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Errorf("remove the image: %v", err)
		}
	})
	return name
}

// Build compiles the command in a directory, for an image of nothing but its program.
func Build(t testing.TB, dir string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", dir, err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Leftovers returns the containers, networks and volumes with a label.
func Leftovers(t testing.TB, label string) (found []string) {
	t.Helper()
	c, with := Client(t), client.Filters{}.Add("label", label)
	containers, err := c.ContainerList(ctx(), client.ContainerListOptions{All: true, Filters: with})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range containers.Items {
		found = append(found, fmt.Sprintf("container %v, %s", one.Names, one.State))
	}
	networks, err := c.NetworkList(ctx(), client.NetworkListOptions{Filters: with})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range networks.Items {
		found = append(found, "network "+one.Name)
	}
	volumes, err := c.VolumeList(ctx(), client.VolumeListOptions{Filters: with})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range volumes.Items {
		found = append(found, "volume "+one.Name)
	}
	return found
}

// ctx returns a context for what is done after a test, when its own has ended.
func ctx() context.Context { return context.Background() }
