package containers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// lastStage returns the instructions of a Dockerfile's last stage that are not COPY, and what it copies, source by target.
func lastStage(t testing.TB, root string) (settings []string, copies map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stage := string(text)[strings.LastIndex(string(text), "\nFROM ")+1:]
	copies = map[string]string{}
	for line := range strings.Lines(stage) {
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "FROM":
			if words[1] != "scratch" {
				t.Fatalf("the Dockerfile's last stage is from %s, which this test does not have", words[1])
			}
		case words[0] == "COPY":
			copies[words[3]] = words[2]
		default:
			settings = append(settings, strings.TrimSpace(line))
		}
	}
	return settings, copies
}

// engineImage returns an image as the Dockerfile makes it, of a program that is built here.
func engineImage(t testing.TB, root string) string {
	t.Helper()
	settings, copies := lastStage(t, root)
	var files []dockertest.File
	for target, source := range copies {
		name := strings.TrimPrefix(target, "/")
		switch source {
		case "/esm":
			files = append(files, dockertest.File{Path: name, Mode: 0o755, Content: dockertest.Build(t, filepath.Join(root, "cmd", "esm"))})
		case "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo": // of the image of Go; not needed here
		default:
			t.Fatalf("the Dockerfile copies %s, which this test does not know", source)
		}
	}
	return dockertest.Import(t, files, settings...)
}

// composed returns the service of the project's compose file.
func composed(t testing.TB, root string, environ types.Mapping) types.ServiceConfig {
	t.Helper()
	path := filepath.Join(root, "compose.yaml")
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: root, ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: environ,
	})
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(project.Services)); !slices.Equal(names, []string{"esm"}) {
		t.Fatalf("compose.yaml has the services %q, this test knows esm", names)
	}
	return project.Services["esm"]
}

// inside is an engine in a container with the settings of the compose file.
type inside struct {
	testing.TB
	docker *client.Client
	id     string
	data   string // a directory
	url    string // of the HTTP server
}

// newInside creates the container, in a network of its own as Compose does. dir has mappings.yaml.
func newInside(t testing.TB, dir string) *inside {
	t.Helper()
	socket, ok := strings.CutPrefix(dockertest.Host(t), "unix://")
	if !ok {
		t.Skip("needs a daemon with a socket that containers can mount")
	}
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	service := composed(t, root, types.Mapping{"ESM_DIR": dir, "ESM_PORT": "0"})
	e := &inside{TB: t, docker: dockertest.Client(t), data: t.TempDir()}
	name := "esm-" + dockertest.Owner()
	made, err := e.docker.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Driver: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := e.docker.NetworkRemove(context.Background(), made.ID, client.NetworkRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
	c, err := e.docker.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: engineImage(t, root), Env: environment(service)},
		HostConfig: e.hostConfig(service, socket, name),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.id = c.ID
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the engine's output:\n%s", e.output())
		}
		if _, err := e.docker.ContainerRemove(context.Background(), e.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			t.Error(err)
		}
	})
	e.start()
	return e
}

func environment(service types.ServiceConfig) (all []string) {
	for name, value := range service.Environment {
		if value != nil {
			all = append(all, name+"="+*value)
		}
	}
	return all
}

// hostConfig translates what the compose file says, as far as it says anything.
func (e *inside) hostConfig(service types.ServiceConfig, socket, net string) *container.HostConfig {
	e.Helper()
	h := &container.HostConfig{
		NetworkMode: container.NetworkMode(net), ReadonlyRootfs: service.ReadOnly, SecurityOpt: service.SecurityOpt,
		Tmpfs: map[string]string{}, PortBindings: network.PortMap{}, CapDrop: service.CapDrop, CapAdd: service.CapAdd,
	}
	for _, path := range service.Tmpfs {
		h.Tmpfs[path] = ""
	}
	for _, v := range service.Volumes {
		source := v.Source
		switch {
		case v.Type == types.VolumeTypeVolume:
			source = e.data
		case v.Target == "/var/run/docker.sock":
			source = socket
		}
		mode := "rw"
		if v.ReadOnly {
			mode = "ro"
		}
		h.Binds = append(h.Binds, source+":"+v.Target+":"+mode)
	}
	for _, p := range service.Ports {
		port, err := network.ParsePort(fmt.Sprintf("%d/%s", p.Target, p.Protocol))
		if err != nil {
			e.Fatal(err)
		}
		h.PortBindings[port] = []network.PortBinding{{HostIP: netip.MustParseAddr(p.HostIP), HostPort: p.Published}}
	}
	return h
}

// start starts the engine, or starts it again, and waits until it answers.
func (e *inside) start() {
	e.Helper()
	if _, err := e.docker.ContainerStart(e.Context(), e.id, client.ContainerStartOptions{}); err != nil {
		e.Fatal(err)
	}
	c := e.inspect()
	for _, bindings := range c.NetworkSettings.Ports {
		e.url = "http://" + netip.AddrPortFrom(bindings[0].HostIP, 0).Addr().String() + ":" + bindings[0].HostPort
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(e.url + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if c := e.inspect(); !c.State.Running || time.Now().After(deadline) {
			e.Fatalf("the engine is not ready: %v", err)
		}
	}
}

func (e *inside) inspect() container.InspectResponse {
	e.Helper()
	r, err := e.docker.ContainerInspect(context.Background(), e.id, client.ContainerInspectOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return r.Container
}

func (e *inside) output() string {
	logs, err := e.docker.ContainerLogs(context.Background(), e.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	var b bytes.Buffer
	_, _ = stdcopy.StdCopy(&b, &b, logs)
	return b.String()
}

// ask invokes a function with an event and returns its response, a text.
func (e *inside) ask(function, event string) (got string) {
	e.Helper()
	resp, err := http.Post(e.url+"/2015-03-31/functions/"+function+"/invocations", "application/json", strings.NewReader(event))
	if err != nil {
		e.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		e.Errorf("%s: got %s (%s)", event, text, resp.Status)
	}
	return got
}

func (e *inside) want(function, event, want string) {
	e.Helper()
	if got := e.ask(function, event); got != want {
		e.Errorf("%s: got %q, want %q", event, got, want)
	}
}

// addresses returns the engine's addresses, of which count or more are in networks of functions.
func (e *inside) addresses(count int) (at []netip.Addr) {
	e.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(at) <= count; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.Fatalf("the engine has the addresses %v, want %d and its own at least", at, count)
		}
		at = nil
		for _, n := range e.inspect().NetworkSettings.Networks {
			at = append(at, n.IPAddress)
		}
	}
	return at
}

// gone waits for the engine's end and returns its exit code.
func (e *inside) gone() int {
	e.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		switch c := e.inspect(); {
		case !c.State.Running:
			return c.State.ExitCode
		case time.Now().After(deadline):
			e.Fatal("the engine does not end")
		}
	}
}

func (e *inside) label() string {
	e.Helper()
	id, err := os.ReadFile(filepath.Join(e.data, "id"))
	if err != nil {
		e.Fatal(err)
	}
	return "run.esm.owner=" + strings.TrimSpace(string(id))
}

// The engine runs in a container as the compose file says, and its functions in containers beside it. They reach their Runtime API
// and the stand-in, and neither the engine's HTTP server nor the Runtime API of another environment. A killed engine is
// followed by one that removes what is left; one that is stopped leaves nothing.
func TestEngineInContainer(t *testing.T) {
	t.Parallel()
	dockertest.Host(t)
	dir := t.TempDir()
	image := handler(t)
	mappings := fmt.Sprintf("Aws: {Endpoint: embedded, Region: us-east-1}\nEngine: {ContainerNetworks: 10.215.0.0/16}\nFunctions:\n"+
		"  f: {ImageUri: %q, Timeout: 10, ProvisionedConcurrentExecutions: 2}\n"+
		"  g: {Run: container, BaseImage: %[1]q, Runtime: provided.al2023, Handler: x, CodeUri: code, Timeout: 10}\n", image)
	for path, text := range map[string]string{"mappings.yaml": mappings, "code/bootstrap": "the code"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := newInside(t, dir)
	for range 2 {
		e.want("f", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "f")
		e.want("f", `{"Ask": "/"}`, "200 OK") // the stand-in's answer, by way of the relay
		e.want("g", `{"Read": "/var/task/bootstrap"}`, "the code")
		e.want("g", `{"Ask": "http://engine:9001/readyz"}`, "refused")
		for _, at := range e.addresses(3) { // two provisioned environments, one of g at least, and the engine's own network
			if got := e.ask("g", fmt.Sprintf(`{"Ask": "http://%s:9001/readyz"}`, at)); got != "no answer" && got != "refused" {
				t.Errorf("a container gets %q from the engine's HTTP server at %s", got, at)
			}
		}
		if _, err := e.docker.ContainerKill(t.Context(), e.id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
			t.Fatal(err)
		}
		e.gone()
		e.start()
	}
	e.want("f", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "f")
	label := e.label()
	if _, err := e.docker.ContainerKill(t.Context(), e.id, client.ContainerKillOptions{Signal: "TERM"}); err != nil {
		t.Fatal(err)
	}
	if code := e.gone(); code != 0 {
		t.Errorf("the engine ended with %d", code)
	}
	if left := dockertest.Leftovers(t, label); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
