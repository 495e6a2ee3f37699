package wiring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker"
	"github.com/esm-run/esm/invoker/lifecycle"
)

func TestOwnerStaysWithItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	first, err := Owner(dir)
	if err != nil || len(first) != 36 {
		t.Fatalf("got %q, %v", first, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("created with %v, %v, want mode 0700", info.Mode(), err)
	}
	if other, err := Owner(t.TempDir()); err != nil || other == first {
		t.Errorf("another directory has the ID %q, %v", other, err)
	}
	moved := filepath.Join(filepath.Dir(dir), "b")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if again, err := Owner(moved); err != nil || again != first {
		t.Errorf("got %q after a move, %v, want %q", again, err, first)
	}
}

func TestOwnerOfADamagedFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := Owner(dir)
	if err != nil || len(first) != 36 {
		t.Fatalf("got %q, %v", first, err)
	}
	if again, err := Owner(dir); err != nil || again != first {
		t.Errorf("got %q, %v, want %q", again, err, first)
	}
	if _, err := Owner(filepath.Join(dir, "id", "below")); err == nil {
		t.Error("no error for a directory that cannot exist")
	}
}

func TestContainersAreMadeIfNeeded(t *testing.T) {
	file := &configfile.File{Engine: configfile.Engine{DataDir: t.TempDir(), ContainerNetworks: "10.9.0.0/16"}, Aws: configfile.Aws{Endpoint: "http://localhost:1"}}
	file.Functions = []config.Function{{Name: "a", Command: []string{"x"}}}
	if p, err := containers(file, nil); p != nil || err != nil {
		t.Errorf("got %+v, %v without a function that needs it", p, err)
	}
	if _, err := os.Stat(filepath.Join(file.Engine.DataDir, "id")); err == nil {
		t.Error("there is an ID that nothing needs")
	}
	file.Functions = append(file.Functions, config.Function{Name: "b", ImageUri: "b"})
	p, err := containers(file, nil)
	if err != nil || p.Networks != "10.9.0.0/16" || p.Endpoint != "http://localhost:1" || p.Dir != file.Engine.DataDir || len(p.Owner) != 36 {
		t.Errorf("got %+v, %v", p, err)
	}
	file.Functions = file.Functions[:1]
	if again, err := containers(file, nil); err != nil || again == nil || again.Owner != p.Owner {
		t.Errorf("got %+v, %v where an earlier run may have left containers of %s", again, err, p.Owner)
	}
}

func TestFunctionsStartOnTheirPlatform(t *testing.T) {
	file := &configfile.File{
		Engine: configfile.Engine{DataDir: t.TempDir(), Concurrency: 1},
		Functions: []config.Function{
			{Name: "a", Command: []string{"x"}}, {Name: "b", ImageUri: "b"}, {Name: "c", Runtime: "python3.12", Handler: "a.b"},
			{Name: "d", Runtime: "python3.12", Handler: "a.b", Run: "container", BaseImage: "b"},
		},
	}
	p, err := Build(t.Context(), file, &awsclient.Clients{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	var got []string
	starts := p.starters(file, nil)
	for _, fn := range file.Functions {
		platform := "process"
		if _, ok := starts.of(fn).(*lifecycle.Starter).Platform.(*docker.Platform); ok {
			platform = "container"
		}
		got = append(got, fn.Name+" "+platform)
	}
	if got, want := strings.Join(got, ", "), "a process, b container, c process, d container"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
