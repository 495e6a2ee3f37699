package containers_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// leftovers returns what the engines of a test have at the daemon and in the kernel: containers, networks and volumes, bridges,
// rules of the firewall, and loop devices.
func leftovers(t testing.TB, e *rig.Env) []string {
	t.Helper()
	found := dockertest.Leftovers(t, e.ContainerLabel())
	_, owner, _ := strings.Cut(e.ContainerLabel(), "=")
	sum := sha256.Sum256([]byte(owner))
	bridges, err := filepath.Glob("/sys/class/net/esm" + hex.EncodeToString(sum[:3]) + "*")
	e.Must(err)
	for _, path := range bridges {
		found = append(found, "bridge "+filepath.Base(path))
	}
	for _, tool := range []string{"iptables-save", "ip6tables-save"} {
		saved, _ := exec.Command(tool, "-t", "filter").Output() // nothing where this test may not ask; the engine may not set any
		for line := range strings.Lines(string(saved)) {
			if strings.Contains(line, "esm:"+hex.EncodeToString(sum[:6])) {
				found = append(found, "rule "+strings.TrimSpace(line))
			}
		}
	}
	return append(found, disks(e)...)
}

// disks returns the loop devices with files of a test's engines, whether mounted or not.
func disks(e *rig.Env) (found []string) {
	devices, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	e.Must(err)
	for _, device := range devices {
		if text, err := os.ReadFile(device); err == nil && strings.HasPrefix(string(text), e.DataDir()) {
			found = append(found, "disk "+strings.TrimSpace(string(text)))
		}
	}
	return found
}

// noLeftovers checks that the engines of a test have left nothing behind.
func noLeftovers(t testing.TB, e *rig.Env) {
	t.Helper()
	rig.Eventually(t, "the kernel gives up the devices of files that are gone", func() bool { return len(disks(e)) == 0 })
	if left := leftovers(t, e); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// kinds returns what sorts of things there are, sorted.
func kinds(left []string) (all []string) {
	for _, one := range left {
		kind, _, _ := strings.Cut(one, " ")
		all = append(all, kind)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// states returns "function state" of the containers of a test's engines, sorted.
func states(t testing.TB, e *rig.Env) (all []string) {
	t.Helper()
	found, err := dockertest.Client(t).ContainerList(context.Background(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", e.ContainerLabel()),
	})
	e.Must(err)
	for _, c := range found.Items {
		all = append(all, c.Labels["run.esm.function"]+" "+string(c.State))
	}
	slices.Sort(all)
	return all
}

// A killed engine leaves containers that are busy, idle, frozen, and in the midst of their start. The next one removes all that
// they have, and handles what was in hand.
func TestKilledEngineWithContainersInEveryState(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t)
	begun := make(chan rig.Call, 10)
	busy := e.ContainerFunction("busy", forwarder(t, e), rig.Script(func(c rig.Call) (string, error) {
		begun <- c
		return "", rig.Hang
	}, rig.Succeed))
	busy.Timeout = 10
	q := e.Queue("killed", rig.Attributes{"VisibilityTimeout": "15"})
	s := e.Stream("killed", 1)
	read := e.ContainerFunction("read", forwarder(t, e), rig.Succeed)
	plain := func(name, keys string) *rig.Function {
		return &rig.Function{Name: name, Description: fmt.Sprintf("{ImageUri: %q, Timeout: 30%s}", image, keys)}
	}
	entries := []rig.Entry{busy.On(q.ARN), read.On(s.ARN), plain("idle", ""), plain("frozen", ", Freeze: true"),
		plain("spare", ", Spares: 1, ProvisionedConcurrentExecutions: 1"), plain("starting", ", Environment: {Variables: {E2E_SLEEPER: 'yes'}}")}
	engine := e.Run(entries...)
	want(engine, "idle", `{"Write": "/tmp/a"}`, "written")
	want(engine, "frozen", `{"Write": "/tmp/a"}`, "written")
	s.Put("before")
	read.WaitFor(t, "before")
	q.Send("m")
	rig.Receive(t, begun)
	var asking sync.WaitGroup
	asking.Go(func() { // the answer never comes
		if resp, err := http.Post(engine.URL("/2015-03-31/functions/starting/invocations"), "application/json", strings.NewReader("{}")); err == nil {
			_ = resp.Body.Close()
		}
	})
	rig.Eventually(t, "one container is frozen and the others run", func() bool {
		return slices.Equal(states(t, e), []string{"busy running", "frozen paused", "idle running", "read running", "spare running", "starting running"})
	})
	engine.Kill()
	asking.Wait()
	left := kinds(leftovers(t, e))
	want := []string{"bridge", "container", "network"}
	if os.Getuid() == 0 { // the engine was, too
		want = []string{"bridge", "container", "disk", "network", "rule"}
	}
	for _, kind := range want {
		if !slices.Contains(left, kind) {
			t.Errorf("a killed engine left %q, want %q at least: this test does not see what is left", left, want)
		}
	}
	s.Put("after")
	engine = e.Run(entries...)
	for _, one := range states(t, e) {
		if function, _, _ := strings.Cut(one, " "); slices.Contains([]string{"frozen", "idle", "starting"}, function) {
			t.Errorf("after the start there is %s", one)
		}
	}
	read.WaitFor(t, "after")
	q.WaitCount(0)
	if n := rig.Count(busy.Texts(), "m"); n != 2 {
		t.Errorf("the message was handled %d times, want twice", n)
	}
	engine.Stop()
	noLeftovers(t, e)
}

// What a killed engine has left is also removed by one whose functions are processes.
func TestKilledEngineWithoutContainersAfterwards(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 30}", handler(t))}
	engine := e.Run(f)
	want(engine, "f", `{"Write": "/tmp/a"}`, "written")
	engine.Kill()
	if left := leftovers(t, e); len(left) == 0 {
		t.Error("a killed engine left nothing")
	}
	g := e.Function("g", rig.Succeed)
	e.Run(g).Stop()
	noLeftovers(t, e)
	e.Variables = []string{"DOCKER_HOST=unix://" + e.Path("docker.sock")} // where no daemon is
	e.Run(g).Stop()
}

// SIGTERM lets the container in hand finish its batch, as long as GracePeriod allows, and ends one that does not.
func TestStopWithWorkInHand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		finishes   bool
		code, left int // of the exit; messages
	}{"finishes": {true, 0, 0}, "hangs": {false, 1, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := rig.New(t)
			f := e.ContainerFunction("f", forwarder(t, e), nil)
			gate := f.Gate(t, rig.Succeed)
			q := e.Queue("stop", rig.Attributes{"VisibilityTimeout": "120"})
			q.Send("m")
			engine := e.Run(rig.EngineKeys("TimeScale: 0.05, GracePeriod: 10s"), f.On(q.ARN))
			rig.Receive(t, gate.Begun)
			engine.Signal(syscall.SIGTERM)
			if tt.finishes {
				gate.Open()
			}
			engine.WantExit(tt.code)
			if n := q.Count(); n != tt.left {
				t.Errorf("%d messages are left, want %d", n, tt.left)
			}
			noLeftovers(t, e)
		})
	}
}
