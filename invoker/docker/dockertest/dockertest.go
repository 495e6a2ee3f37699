// Package dockertest gives tests a Docker daemon, and images made of nothing but files.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
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

// File is a file of an image, or a directory if it has no Content.
type File struct {
	Path    string // without a slash in front
	Mode    int64
	Content []byte
}

// Import makes an image of files, with instructions of a Dockerfile such as `CMD ["/handler"]`, and returns its name. It is
// removed at the end.
func Import(t testing.TB, files []File, instructions ...string) string {
	t.Helper()
	name := imageName()
	resp, err := Client(t).ImageImport(t.Context(), client.ImageImportSource{Source: bytes.NewReader(archive(t, files)), SourceName: "-"}, name,
		client.ImageImportOptions{Changes: instructions})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, resp, name)
	return name
}

// Foreign makes an image that says that it is made for an architecture, such as arm64, and returns its name. It is removed at
// the end.
func Foreign(t testing.TB, arch string) string {
	t.Helper()
	name := imageName()
	layer := archive(t, []File{{Path: "program", Mode: 0o755, Content: []byte("program")}})
	image := archive(t, []File{
		{Path: "layer.tar", Mode: 0o644, Content: layer},
		{Path: "config.json", Mode: 0o644, Content: fmt.Appendf(nil,
			`{"architecture":%q,"os":"linux","config":{"Cmd":["/program"]},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, arch, sha256.Sum256(layer))},
		{Path: "manifest.json", Mode: 0o644, Content: fmt.Appendf(nil, `[{"Config":"config.json","RepoTags":[%q],"Layers":["layer.tar"]}]`, name)},
	})
	resp, err := Client(t).ImageLoad(t.Context(), bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, resp, name)
	return name
}

func imageName() string { return "esm-test/" + Owner() + ":latest" }

// finish reads what the daemon says about a new image, and removes it at the end.
func finish(t testing.TB, said io.ReadCloser, name string) {
	t.Helper()
	out, err := io.ReadAll(said)
	_ = said.Close() // was read from
	if err != nil || bytes.Contains(out, []byte(`"error"`)) {
		t.Fatalf("make an image: %v %s", err, out)
	}
	c := Client(t)
	t.Cleanup(func() {
		if _, err := c.ImageRemove(ctx(), name, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Errorf("remove the image: %v", err)
		}
	})
}

func archive(t testing.TB, files []File) []byte {
	t.Helper()
	var all bytes.Buffer
	w := tar.NewWriter(&all)
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
	return all.Bytes()
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
