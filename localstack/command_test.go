package localstack_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// esm runs a command to its end.
func esm(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, err output
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func TestStatusMetricsAndHealth(t *testing.T) {
	h := newHouse(t, standIn)
	url, arn := h.queue("seen", map[string]string{"VisibilityTimeout": "60"})
	_, idle := h.queue("idle", map[string]string{})
	h.fn.answer = report("m1")
	e := h.run(h.file(mapping(arn, reporting, `FilterCriteria: {Filters: [{Pattern: '{"body":[{"anything-but":"m2"}]}'}]}`),
		mapping(idle, "Enabled: false")))
	h.sendMany(url, 3)
	eventually(t, "one message is left, and that is counted", func() bool {
		return h.count(url) == 1 && e.metric("esm_deleted_events_total") == 1 && e.metric("esm_failed_invoke_events_total") == 1
	})
	out, _, code := esm(t, "status", "--listen", e.listen)
	if code != 0 || !strings.Contains(out, "Enabled") || !strings.Contains(out, "Disabled") {
		t.Errorf("esm status says, with %d:\n%s", code, out)
	}
	out, _, _ = esm(t, "status", "--json", "--listen", e.listen)
	var status struct {
		Ready               bool
		EventSourceMappings []struct {
			EventSourceArn, State                               string
			Pollers                                             int
			Polled, FilteredOut, Invoked, Deleted, FailedInvoke int
		}
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.EventSourceMappings) != 2 {
		t.Fatalf("esm status --json says %s (%v)", out, err)
	}
	m := status.EventSourceMappings[1]
	if m.EventSourceArn != arn {
		m = status.EventSourceMappings[0]
	}
	if m.State != "Enabled" || m.Pollers != 5 || m.Polled != 3 || m.FilteredOut != 1 || m.Invoked != 2 || m.Deleted != 1 || m.FailedInvoke != 1 {
		t.Errorf("status %+v", m)
	}
	metrics := get(t, "http://"+e.listen+"/metrics")
	for _, want := range []string{"esm_polled_events_total", "esm_filtered_out_events_total", "esm_invoked_events_total",
		"esm_failed_invoke_events_total", "esm_deleted_events_total", "esm_pollers", "esm_function_invocations_total"} {
		if !strings.Contains(metrics, want+"{") {
			t.Errorf("no %s in /metrics", want)
		}
	}
	if got := get(t, "http://"+e.listen+"/healthz"); got != "ok\n" {
		t.Errorf("/healthz says %q", got)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text output
	if _, err := text.text.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestCommands(t *testing.T) {
	h := newHouse(t, standIn)
	h.write("good.yaml", "Aws: {Endpoint: embedded}\nFunctions:\n  f: {Command: [/bin/true]}\n")
	h.write("bad.yaml", "Aws: {Endpoint: embedded}\nFunctions:\n  f: {Command: [/bin/true], Timeuot: 3}\nNothing: 1\n")
	good, bad := filepath.Join(h.dir, "good.yaml"), filepath.Join(h.dir, "bad.yaml")
	tests := []struct {
		args []string
		code int
		says []string // on either stream
	}{
		{[]string{"version"}, 0, []string{"esm ", "go1."}},
		{[]string{"--help"}, 0, []string{"esm validate", "esm run"}},
		{[]string{"run", "--help"}, 0, []string{"--endpoint", "GracePeriod"}},
		{[]string{"completion", "bash"}, 0, []string{"complete"}},
		{[]string{"validate", good}, 0, []string{"is valid"}},
		{[]string{"validate", bad}, 2, []string{bad + ":3:", "Timeuot", "Timeout", bad + ":4:", "Nothing"}},
		{[]string{"validate"}, 2, []string{"1 arg"}},
		{[]string{"validate", filepath.Join(h.dir, "none.yaml")}, 2, []string{"no such file"}},
		{[]string{"run", bad}, 2, []string{"Timeuot"}},
		{[]string{"run", good, "--log-format", "xml"}, 2, []string{"xml"}},
		{[]string{"run", good, "--nonsense"}, 2, []string{"--nonsense"}},
		{[]string{"run", good, "--endpoint", "nonsense"}, 2, []string{"--endpoint"}},
		{[]string{"walk", good}, 2, []string{"walk"}},
		{[]string{"status", "--listen", "127.0.0.1:1"}, 1, []string{"no engine answers"}},
	}
	for _, test := range tests {
		out, err, code := esm(t, test.args...)
		if code != test.code {
			t.Errorf("esm %q: exit code %d, want %d\n%s%s", test.args, code, test.code, out, err)
		}
		for _, want := range test.says {
			if !strings.Contains(out+err, want) {
				t.Errorf("esm %q says nothing of %q:\n%s%s", test.args, want, out, err)
			}
		}
	}
}

func TestASignalWhileStartingCounts(t *testing.T) {
	h := newHouse(t, service{"nowhere", "http://127.0.0.1:1"})
	e := h.start("Resources: {Queues: [{QueueName: q}]}\nFunctions: {f: {Command: [/bin/true]}}\n")
	eventually(t, "it waits for the endpoint", func() bool { return strings.Contains(e.stderr.String(), "trying again") })
	began := time.Now()
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > slack {
		t.Errorf("stopping took %v", took)
	}
}
