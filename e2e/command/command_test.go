// Package command_test shows the command line: what the commands print, their exit codes, and the examples as their first
// lines say.
package command_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// A use of a command, its exit code, and texts that it prints.
type use struct {
	args   []string
	code   int
	prints []string
}

func (u use) check(t *testing.T) {
	t.Helper()
	out, err, code := rig.Run(t, u.args...)
	if code != u.code {
		t.Errorf("esm %q: exit code %d, want %d\n%s%s", u.args, code, u.code, out, err)
	}
	for _, want := range u.prints {
		if !strings.Contains(out+err, want) {
			t.Errorf("esm %q does not print %q:\n%s%s", u.args, want, out, err)
		}
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	good := e.WriteFile("good.yaml", "Aws: {Endpoint: embedded}\nFunctions:\n  f: {Command: [/bin/true]}\n")
	bad := e.WriteFile("bad.yaml", "Aws: {Endpoint: embedded}\nFunctions:\n  f: {Command: [/bin/true], Timeuot: 3}\nNothing: 1\n")
	filter := e.WriteFile("filter.yaml", "Functions: {f: {Command: [/bin/true]}}\nEventSourceMappings:\n  - {FunctionName: f, EventSourceArn: "+
		"'arn:aws:dynamodb:us-east-1:000000000000:table/carts', StartingPosition: LATEST, FilterCriteria: {Filters: [{Pattern: 'single-string'}]}}\n")
	for _, u := range []use{
		{[]string{"version"}, 0, []string{"esm ", "go1."}},
		{[]string{"--help"}, 0, []string{"esm validate", "esm run"}},
		{[]string{"run", "--help"}, 0, []string{"--endpoint", "GracePeriod"}},
		{[]string{"completion", "bash"}, 0, []string{"complete"}},
		{[]string{"validate", good}, 0, []string{"is valid"}},
		{[]string{"validate", bad}, 2, []string{bad + ":3:", "Timeuot", "Timeout", bad + ":4:", "Nothing"}},
		{[]string{"validate", filter}, 2, []string{"FilterCriteria.Filters[0].Pattern: must be a JSON object", "1 error,"}},
		{[]string{"validate"}, 2, []string{"1 arg"}},
		{[]string{"validate", e.Path("none.yaml")}, 2, []string{"no such file"}},
		{[]string{"run", bad}, 2, []string{"Timeuot"}},
		{[]string{"run", good, "--log-format", "xml"}, 2, []string{"xml"}},
		{[]string{"run", good, "--nonsense"}, 2, []string{"--nonsense"}},
		{[]string{"run", good, "--endpoint", "nonsense"}, 2, []string{"--endpoint"}},
		{[]string{"walk", good}, 2, []string{"walk"}},
		{[]string{"status", "--listen", "127.0.0.1:1"}, 1, []string{"no engine answers"}},
	} {
		u.check(t)
	}
}

func TestStatusMetricsAndHealth(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q, idle := e.Queue("seen", rig.Attributes{"VisibilityTimeout": "60"}), e.Queue("idle", nil)
	f := e.Function("f", rig.Report("m1"))
	engine := e.Run(f.On(q.ARN, rig.Reporting, rig.Filter(`{"body":[{"anything-but":"m2"}]}`)), f.On(idle.ARN, rig.Disabled))
	q.Send("m1", "m2", "m3")
	rig.Eventually(t, "one message is left, and that is counted", func() bool {
		return q.Count() == 1 && engine.Metric("esm_deleted_events_total") == 1 && engine.Metric("esm_failed_invoke_events_total") == 1
	})
	use{[]string{"status", "--listen", engine.Listen}, 0, []string{"Enabled", "Disabled"}}.check(t)
	out, _, _ := rig.Run(t, "status", "--json", "--listen", engine.Listen)
	type mapping struct {
		EventSourceArn, State                               string
		Pollers                                             int
		Polled, FilteredOut, Invoked, Deleted, FailedInvoke int
	}
	var status struct{ EventSourceMappings []mapping }
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.EventSourceMappings) != 2 {
		t.Fatalf("esm status --json prints %s (%v)", out, err)
	}
	want := mapping{q.ARN, "Enabled", 5, 3, 1, 2, 1, 1}
	if m := status.EventSourceMappings; m[0] != want && m[1] != want {
		t.Errorf("status %+v, want %+v in it", m, want)
	}
	for name, want := range map[string]float64{
		"esm_polled_events_total": 3, "esm_filtered_out_events_total": 1, "esm_invoked_events_total": 2, "esm_pollers": 5,
	} {
		if got := engine.Metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got := engine.Get("/healthz"); got != "ok\n" {
		t.Errorf("/healthz answers %q", got)
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	rig.Need(t, "python3")
	e := rig.New(t)
	e.WriteFile("src/app.py", `
def handler(event, context):
    if event == "fail":
        raise ValueError("out of beans")
    print("hello")
    return {"event": event, "arn": context.invoked_function_arn}
`)
	engine := e.Run(&rig.Function{Name: "f", Description: "{Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}"})
	payload, fail := e.WriteFile("event.json", `{"a": 1}`), e.WriteFile("fail.json", `"fail"`)
	for _, u := range []use{
		{[]string{"f", "--payload", payload, "--tail"}, 0, []string{`"event":`, `"a":`, "START RequestId: ", "hello", "REPORT RequestId: "}},
		{[]string{"f:$LATEST"}, 0, []string{rig.FunctionARN + "f:$LATEST"}},
		{[]string{rig.FunctionARN + "f"}, 0, []string{rig.FunctionARN + "f"}},
		{[]string{"f", "--payload", fail}, 1, []string{"out of beans", "the function failed"}},
		{[]string{"nope"}, 2, []string{"Function not found", "esm status"}},
		{[]string{"f", "--event"}, 0, nil},
		{[]string{"f", "--payload", e.Path("none.json")}, 2, []string{"no such file"}},
		{[]string{"f", "--payload", e.Path("src/app.py")}, 2, []string{"--payload wants JSON"}},
		{[]string{}, 2, []string{"1 arg"}},
	} {
		u.args = append(append([]string{"invoke"}, u.args...), "--listen", engine.Listen)
		u.check(t)
	}
}

func TestSignalDuringStart(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	file := e.WriteFile("nowhere.yaml", "Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}\n"+
		"Resources: {Queues: [{QueueName: q}]}\nFunctions: {f: {Command: [/bin/true]}}\n")
	engine := rig.Start(t, file, "--data-dir", e.DataDir())
	engine.WaitLog("trying again")
	began := time.Now()
	engine.Stop()
	if took := time.Since(began); took > rig.Slack {
		t.Errorf("stopping took %v", took)
	}
}

func TestDataDirIsInUse(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	mapping := e.Function("f", rig.Succeed).On(e.Queue("one", nil).ARN)
	first := e.Run(mapping)
	second := e.Start(mapping)
	second.WantExit(1)
	if want := fmt.Sprint("in use by process ", first.PID()); !strings.Contains(second.Log(), want) {
		t.Errorf("the second engine says %q, want %q in it", second.Log(), want)
	}
}

// Commands show, move and resend what is kept of a mapping that only the DataDir knows. What its first destination did not
// take goes to the one that HTTP gave it since.
func TestMappingMadeOverHTTP(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	s, q, f := e.Stream("moved", 1), e.Queue("there", nil), e.Function("f", rig.Fail)
	to := func(arn string) *types.DestinationConfig {
		return &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &arn}}
	}
	s.Put("1", "2")
	engine := e.Run(f)
	uuid := engine.Create(lambda.CreateEventSourceMappingInput{
		EventSourceArn: &s.ARN, StartingPosition: types.EventSourcePositionTrimHorizon, MaximumRetryAttempts: aws.Int32(0), DestinationConfig: to(q.ARN + "-gone"),
	})
	engine.WaitLog("notice not accepted, kept as undelivered")
	engine.Update(lambda.UpdateEventSourceMappingInput{UUID: &uuid, DestinationConfig: to(q.ARN)}, "Enabled")
	use{[]string{"status", "--listen", engine.Listen}, 0, []string{s.Name, "created over HTTP"}}.check(t)
	engine.Stop()

	const shard = "shardId-000000000000"
	title := "f ← " + s.Name + " (created over HTTP)"
	contains := func(text string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("esm prints %s, want %q in it", text, w)
			}
		}
	}
	contains(e.RunOnData("position", "list"), title+"  "+shard)
	contains(e.RunOnData("undelivered", "list"), title+"  "+shard)
	contains(e.RunOnData("undelivered", "resend"), "sent to "+q.ARN+"\n")
	if n := q.Count(); n != 1 {
		t.Errorf("%d notices were sent, want 1", n)
	}
	contains(e.RunOnData("position", "set", "--mapping", "f", "--shard", shard, "--trim-horizon"), "shard "+shard+" of "+title+": was after ", ", is oldest")

	f.Handle(rig.Succeed)
	engine = e.Run(f)
	s.Put("3")
	f.Want(t, "1", "2", "3")
	engine.Delete(uuid)
	if out, _, _ := rig.Run(t, "status", "--listen", engine.Listen); strings.Contains(out+engine.Get("/metrics"), s.Name) {
		t.Errorf("status or metrics show a deleted mapping:\n%s", out)
	}
	engine.Stop()
	if says := e.RunOnData("position", "list"); says != "there are no positions yet\n" {
		t.Errorf("of a deleted mapping, esm prints %s", says)
	}
}
