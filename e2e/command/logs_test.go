package command_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

const talkingHandler = `
import os

def handler(event, context):
    if event == "exit":
        print("going")
        os._exit(3)
    print("said", event, flush=True)
    return context.aws_request_id
`

// esm logs shows what handlers wrote, of one function, one invocation, or since a time, and follows them.
func TestLogs(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", talkingHandler)
	const description = "{Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}"
	engine := e.Run(&rig.Function{Name: "f", Description: description}, &rig.Function{Name: "g", Description: description})
	invoke := func(name, event string) (id string) {
		t.Helper()
		out, _, _ := rig.Run(t, "invoke", name, "--payload", e.WriteFile("event.json", event), "--tail", "--listen", engine.Listen)
		return strings.Trim(strings.TrimSpace(out), `"`)
	}
	follow := exec.Command(rig.Command(t), "logs", "f", "--follow", "--listen", engine.Listen)
	var followed rig.Output
	follow.Stdout = &followed
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	first, other := invoke("f", `"one"`), invoke("g", `"two"`)
	rig.Eventually(t, "the line is followed", func() bool { return strings.Contains(followed.String(), "[f "+first+"] said one\n") })
	invoke("f", `"exit"`)
	logs := func(args ...string) string {
		t.Helper()
		out, err, code := rig.Run(t, append([]string{"logs", "--listen", engine.Listen}, args...)...)
		if code != 0 {
			t.Errorf("esm logs %q: exit code %d\n%s", args, code, err)
		}
		return out
	}
	rig.Eventually(t, "the report of the crash is kept", func() bool { return strings.Contains(logs("f"), "Error Type: Runtime.ExitError") })
	for _, c := range []struct {
		args         []string
		has, lacking string
	}{
		{nil, "[g " + other + "] said two\n", "nothing"},
		{[]string{"f"}, "] going\n", "said two"},
		{[]string{"--request", first}, "REPORT RequestId: " + first, "going"},
		{[]string{"--request", first}, "START RequestId: " + first, other},
		{[]string{"g", "--since", "1h"}, "said two", "said one"},
		{[]string{"--since", "2100-01-01T00:00:00Z"}, "", "said"},
		{[]string{"f", "--tail", "1"}, "Runtime.ExitError\n", "said one"},
	} {
		if out := logs(c.args...); !strings.Contains(out, c.has) || strings.Contains(out, c.lacking) {
			t.Errorf("esm logs %q: want %q and no %q in\n%s", c.args, c.has, c.lacking, out)
		}
	}
	var line struct {
		Time, Function, RequestID, Line string
		Platform                        bool
	}
	text, _, _ := strings.Cut(logs("f", "--json"), "\n")
	if err := json.Unmarshal([]byte(text), &line); err != nil || line.Function != "f" || line.RequestID != first || !line.Platform {
		t.Errorf("--json begins with %s, %v", text, err)
	}
	for _, u := range []use{
		{[]string{"logs", "nope"}, 2, []string{`no function "nope"`, "esm status"}},
		{[]string{"logs", "f", "g"}, 2, []string{"accepts at most 1 arg"}},
		{[]string{"logs", "--since", "yesterday"}, 2, []string{"10m"}},
		{[]string{"logs", "--tail", "0"}, 2, []string{"--tail"}},
	} {
		u.args = append(u.args, "--listen", engine.Listen)
		u.check(t)
	}
	use{[]string{"logs", "--listen", "127.0.0.1:1"}, 1, []string{"no engine answers"}}.check(t)
	engine.Signal(syscall.SIGTERM)
	if err := follow.Wait(); err != nil {
		t.Errorf("at the engine's end the follower ends with %v", err)
	}
	engine.WantExit(0)
	if out := followed.String(); !strings.Contains(out, "Runtime.ExitError") || strings.Contains(out, "said two") {
		t.Errorf("followed:\n%s", out)
	}
}

// esm status shows each environment of a function, and metrics count them.
func TestEnvironments(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	f := e.Function("f", rig.Answer("{}"))
	f.Keys = append(f.Keys, "ProvisionedConcurrentExecutions: 1")
	g, gate := e.GatedFunction("g", rig.Answer("{}"))
	engine := e.Run(f, g)
	rig.Eventually(t, "the provisioned environment is there", func() bool { return engine.Metric("esm_function_provisioned_environments") == 1 })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		rig.Run(t, "invoke", "g", "--listen", engine.Listen)
	}()
	rig.Eventually(t, "g is busy", func() bool { return engine.Metric("esm_function_concurrent_executions") == 1 })
	type environment struct {
		EnvironmentID, State, Kind   string
		Invocations, MaxMemoryUsedMB int
	}
	var status struct {
		Functions []struct {
			EnvironmentList   []environment
			EnvironmentStates map[string]int
		}
	}
	out, _, _ := rig.Run(t, "status", "--json", "--listen", engine.Listen)
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Functions) != 2 {
		t.Fatalf("esm status --json prints %s (%v)", out, err)
	}
	for i, want := range []environment{{State: "idle", Kind: "provisioned"}, {State: "busy", Kind: "on-demand"}} {
		got := status.Functions[i]
		if len(got.EnvironmentList) != 1 || got.EnvironmentStates[want.State] != 1 {
			t.Errorf("got %+v, want %+v", got, want)
			continue
		}
		is := got.EnvironmentList[0]
		want.EnvironmentID, want.MaxMemoryUsedMB = is.EnvironmentID, is.MaxMemoryUsedMB
		if is != want || len(is.EnvironmentID) != 32 {
			t.Errorf("got %+v, want %+v", is, want)
		}
		use{[]string{"status", "--listen", engine.Listen}, 0, []string{is.EnvironmentID[:12], want.State, want.Kind}}.check(t)
	}
	gate.Open()
	<-ended
	rig.Eventually(t, "starts and their times are counted", func() bool {
		m := engine.Metrics()
		return m["esm_function_cold_starts_total"] == 1 && m["esm_environment_init_duration_seconds_count"] == 2 &&
			m["esm_function_environments_by_state"] == 2 && m["esm_function_timeouts_total"] == 0
	})
}
