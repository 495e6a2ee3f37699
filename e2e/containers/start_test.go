package containers_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// refused starts an engine that must end with exit code 1, and returns what it writes.
func refused(e *rig.Env, entries ...rig.Entry) string {
	e.Helper()
	engine := e.Start(entries...)
	engine.WantExit(1)
	return engine.Log()
}

func wantTexts(t testing.TB, log string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(log, text) {
			t.Errorf("no %q in\n%s", text, log)
		}
	}
}

// Without a daemon the start says which socket it has tried and what to do, before it makes anything. `esm validate` needs none,
// and neither does a file without containers.
func TestNoDaemon(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	socket := e.Path("docker.sock")
	e.Variables = []string{"DOCKER_HOST=unix://" + socket}
	f := &rig.Function{Name: "f", Description: "{ImageUri: orders}"}
	log := refused(e, f, rig.Resources("  Queues: [{QueueName: made"+e.Suffix+"}]\n"))
	wantTexts(t, log, socket, "DOCKER_HOST")
	if strings.Contains(log, "made"+e.Suffix) {
		t.Errorf("a queue was made:\n%s", log)
	}
	if stdout, stderr, code := rig.Run(t, "validate", e.Path("mappings.yaml")); code != 0 {
		t.Errorf("esm validate: exit code %d\n%s%s", code, stdout, stderr)
	}
	engine := e.Run(e.Function("g", rig.Succeed))
	engine.Stop()
}

func TestMissingImage(t *testing.T) {
	t.Parallel()
	dockertest.Host(t)
	e := rig.New(t)
	missing := "127.0.0.1:1/esm-test/missing" + e.Suffix + ":v1" // of a registry that does not answer
	log := refused(e,
		&rig.Function{Name: "first", Description: fmt.Sprintf("{ImageUri: %q}", missing)},
		&rig.Function{Name: "second", Description: fmt.Sprintf("{Run: container, BaseImage: %q, Runtime: provided.al2023}", missing+"b")})
	wantTexts(t, log, "function first: ", missing, "function second: ", missing+"b", "pull")
	noLeftovers(t, e)
}

func TestImageWithoutProgram(t *testing.T) {
	t.Parallel()
	dockertest.Host(t)
	e := rig.New(t)
	image := dockertest.Import(t, []dockertest.File{{Path: "file", Mode: 0o644, Content: []byte("x")}})
	log := refused(e, &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q}", image)})
	wantTexts(t, log, "function f: ", image, "ENTRYPOINT")
	noLeftovers(t, e)
}

// An image of another architecture is refused, and so is a function that asks for another one than the daemon's.
func TestOtherArchitecture(t *testing.T) {
	t.Parallel()
	other, arch := "arm64", "arm64"
	if runtime.GOARCH == "arm64" {
		other, arch = "amd64", "x86_64"
	}
	e := rig.New(t)
	image := handler(t)
	foreign := dockertest.Foreign(t, other)
	log := refused(e,
		&rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Architectures: [%s]}", image, arch)},
		&rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q}", foreign)})
	wantTexts(t, log, "function f: ", "Architectures", "function g: ", foreign, other, "--platform")
	noLeftovers(t, e)
}

// daemon is a Docker daemon that answers at a socket with fixed documents. What is not in answers is hung up on by the test's
// end: it never comes.
type daemon struct {
	answers map[string]any // by the end of the path
	asked   chan string    // the paths that are not answered
	done    chan struct{}
}

func (d *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	for end, answer := range d.answers {
		if strings.HasSuffix(path, end) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Api-Version", "1.41")
			if text, ok := answer.(string); ok {
				w.WriteHeader(http.StatusNotFound)
				answer = map[string]string{"message": text}
			}
			_ = json.NewEncoder(w).Encode(answer)
			return
		}
	}
	d.asked <- path
	select {
	case <-r.Context().Done():
	case <-d.done:
	}
}

// serve serves the daemon at a socket and returns its address.
func (d *daemon) serve(t *testing.T) (host string) {
	dir, err := os.MkdirTemp("", "esm") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "docker.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: d}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { close(d.done); server.Close() })
	return "unix://" + path
}

// SIGTERM ends an engine that pulls an image.
func TestStopDuringPull(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	d := &daemon{asked: make(chan string, 10), done: make(chan struct{}), answers: map[string]any{
		"/_ping": map[string]string{}, "/info": map[string]any{"OSType": "linux", "Architecture": "x86_64"},
		"/version": map[string]any{"ApiVersion": "1.41", "Os": "linux"}, "/containers/json": []any{}, "/networks": []any{},
		"/volumes": map[string]any{"Volumes": []any{}}, "/images/orders/json": "No such image: orders",
	}}
	e.Variables = []string{"DOCKER_HOST=" + d.serve(t)}
	engine := e.Start(&rig.Function{Name: "f", Description: "{ImageUri: orders}"})
	if path := rig.Receive(t, d.asked); !strings.HasSuffix(path, "/images/create") {
		t.Fatalf("the daemon was asked for %s", path)
	}
	engine.Stop()
}
