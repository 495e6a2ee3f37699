package containers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// environments returns "state kind" of a function's environments as esm status has them, the oldest first.
func environments(engine *rig.Engine, function string) (all []string) {
	engine.Helper()
	out, _, _ := rig.Run(engine.TB, "status", "--json", "--listen", engine.Listen)
	var status struct {
		Functions []struct {
			FunctionName    string
			EnvironmentList []struct{ State, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		engine.Fatalf("esm status --json prints %s (%v)", out, err)
	}
	for _, f := range status.Functions {
		for _, e := range f.EnvironmentList {
			if f.FunctionName == function {
				all = append(all, e.State+" "+e.Kind)
			}
		}
	}
	return all
}

// paused returns the number of a test's containers that stand still.
func paused(t *testing.T, e *rig.Env) int {
	t.Helper()
	found, err := dockertest.Client(t).ContainerList(t.Context(), client.ContainerListOptions{
		Filters: client.Filters{}.Add("label", e.ContainerLabel()).Add("status", "paused"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(found.Items)
}

// Spares start before the first event, stand still while they are idle, and are taken and replaced when others are busy.
func TestSpares(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := e.ContainerFunction("f", forwarder(t, e), rig.Answer(`"done"`))
	gate := f.Gate(t, rig.Answer(`"done"`))
	f.Timeout = 300 // invocations wait for the spare to start
	f.Keys = append(f.Keys, "Spares: 1", "Freeze: true")
	engine := e.Run(f)
	waitFor := func(want ...string) {
		t.Helper()
		rig.Eventually(t, "environments become "+want[0], func() bool { return slices.Equal(environments(engine, "f"), want) })
	}
	waitFor("frozen spare")
	if n := paused(t, e); n != 1 {
		t.Errorf("%d containers are paused, want 1", n)
	}
	answered := make(chan string, 2)
	for range 2 {
		go func() { answered <- ask(engine, "f", "{}") }()
		rig.Receive(t, gate.Begun)
	}
	waitFor("busy on-demand", "busy on-demand", "frozen spare")
	gate.Open()
	for range 2 {
		if got := rig.Receive(t, answered); got != "done" {
			t.Errorf("got %q", got)
		}
	}
	waitFor("frozen on-demand", "frozen on-demand", "frozen spare")
	if n := paused(t, e); n != 3 {
		t.Errorf("%d containers are paused, want 3", n)
	}
	if m := engine.Metrics(); m["esm_function_spare_environments"] != 1 || m["esm_environment_init_duration_seconds_count"] != 3 {
		t.Errorf("%v spares of %v starts, want 1 of 3", m["esm_function_spare_environments"], m["esm_environment_init_duration_seconds_count"])
	}
	engine.Stop()
	noLeftovers(t, e)
}

// Containers that run out of memory or time are counted, and esm logs has their lines.
func TestEndsAreCounted(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	fail := func(err error) rig.Handler { return func(rig.Call) (string, error) { return "", err } }
	f := e.ContainerFunction("f", forwarder(t, e), rig.Script(fail(rig.Memory), fail(rig.Hang)))
	f.Timeout = 3
	f.Keys = append(f.Keys, "MemorySize: 128")
	engine := e.Run(f)
	ask(engine, "f", "{}")
	ask(engine, "f", "{}")
	for name, want := range map[string]float64{
		"esm_function_out_of_memory_total": 1, "esm_function_timeouts_total": 1, "esm_function_errors_total": 2,
	} {
		if got := engine.Metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, text := range []string{"START RequestId: ", "Error Type: Runtime.OutOfMemory", "Status: timeout"} {
		rig.Eventually(t, "esm logs shows "+text, func() bool {
			out, _, _ := rig.Run(t, "logs", "f", "--listen", engine.Listen)
			return strings.Contains(out, text)
		})
	}
	engine.Stop()
	noLeftovers(t, e)
}
