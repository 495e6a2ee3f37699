package containers_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/e2e/rig"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// described returns what the daemon knows about the containers of a test's engines.
func described(t *testing.T, e *rig.Env) (all string) {
	t.Helper()
	c := dockertest.Client(t)
	found, err := c.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", e.ContainerLabel())})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found.Items {
		got, err := c.ContainerInspect(t.Context(), one.ID, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(got.Container)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text) + "\n"
	}
	return all
}

// What a handler does with its own environment harms neither the engine nor another function, and ends with the environment.
func TestMischief(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 300, MemorySize: 1024, EphemeralStorage: {Size: 600}, "+
		"ReservedConcurrentExecutions: 1, Environment: {Variables: {SIGTERM: ignored}}}", image)}
	g := &rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", image)}
	engine := e.Run(f, g)
	want(engine, "f", `{"PollAgain": true}`, "true")
	want(engine, "f", `{"Stranger": "8476a536-e9f4-11e8-9739-2dfe598c3fcd"}`,
		"400 Bad Request {'errorMessage':'Invalid request ID','errorType':'InvalidRequestID'}")

	fits, err := strconv.Atoi(ask(engine, "f", `{"Fill": "/tmp/full"}`))
	if err != nil || fits < 590 || fits > 640 {
		t.Errorf("/tmp has room for %d MB, %v; want 600", fits, err)
	}
	if processes, err := strconv.Atoi(ask(engine, "f", `{"Fork": 300}`)); err != nil || processes != 300 {
		t.Errorf("started %d processes of 300: %v", processes, err)
	}
	want(engine, "g", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "g")

	began := time.Now()
	engine.Stop()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v to end a handler that ignores SIGTERM, and its processes", took)
	}
	noLeftovers(t, e)
}

// A gigabyte of output is cut, and neither kept in memory nor in the way of another function. The test is not parallel: it takes
// the daemon's time.
func TestMuchOutput(t *testing.T) {
	e := rig.New(t)
	image := handler(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 300}", image)}
	g := &rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", image)}
	engine := e.Run(f, g)
	want(engine, "f", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "f")
	before := resident(t, engine.PID())
	written := make(chan string, 1)
	go func() { written <- ask(engine, "f", `{"Log": 1024}`) }()
	want(engine, "g", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "g")
	if got := rig.Receive(t, written); got != "written" {
		t.Errorf("writing 1 GB: %s", got)
	}
	if more := resident(t, engine.PID()) - before; more > 100*mb {
		t.Errorf("the engine takes %d MB more after 1 GB of output", more/mb)
	}
	if size := len(engine.Output()); size < 10*mb || size > 400*mb {
		t.Errorf("of 1 GB of output %d MB were written", size/mb)
	}
	engine.Stop()
	noLeftovers(t, e)
}

// A handler that forks without end exceeds the limit of processes or of memory, and nothing else.
func TestForkBomb(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60, MemorySize: 128}", image)}
	g := &rig.Function{Name: "g", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", image)}
	engine := e.Run(f, g)
	for range 2 {
		got := ask(engine, "f", `{"Fork": 100000}`)
		if n, err := strconv.Atoi(got); (err != nil || n >= 1024) && !strings.Contains(got, "Runtime.OutOfMemory") && !strings.Contains(got, "Sandbox.Timedout") {
			t.Errorf("got %s", got)
		}
		want(engine, "g", `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, "g")
	}
	engine.Stop()
	noLeftovers(t, e)
}

// The engine's own credentials are for its sources. No handler sees them, nor anybody who looks at its container or its output.
func TestCredentials(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	secrets := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAOFTHEENGINE00000", "AWS_SECRET_ACCESS_KEY": "secretOfTheEngine", "AWS_SESSION_TOKEN": "tokenOfTheEngine",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN": "containerTokenOfTheEngine", "ESM_OWN": "ownVariableOfTheEngine",
	}
	for name, value := range secrets {
		e.Variables = append(e.Variables, name+"="+value)
	}
	image := handler(t)
	f := &rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 30}", image)}
	q := e.Queue("credentials", nil)
	reader := e.ContainerFunction("reader", forwarder(t, e), rig.Succeed)
	q.Send("m")
	engine := e.Run(f, reader.On(q.ARN))
	reader.WaitFor(t, "m")
	vars := ask(engine, "f", `{"Vars": true}`)
	if !strings.Contains(vars, "AWS_ACCESS_KEY_ID=") || !strings.Contains(vars, "AWS_LAMBDA_FUNCTION_NAME=f") {
		t.Errorf("the handler's variables are %s", vars)
	}
	containers := described(t, e)
	if !strings.Contains(containers, `"run.esm.function":"f"`) || !strings.Contains(containers, `"run.esm.function":"reader"`) {
		t.Errorf("the containers are %s", containers)
	}
	engine.Stop()
	for where, text := range map[string]string{
		"variables of a handler": vars, "docker inspect": containers, "log": engine.Log(), "output": engine.Output(),
	} {
		for name, value := range secrets {
			if strings.Contains(text, value) {
				t.Errorf("%s has the engine's %s", where, name)
			}
		}
	}
	noLeftovers(t, e)
}

// A Go handler that asks for SIGTERM gets it, in a container and as a process, and is killed without it otherwise.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	image := handler(t)
	program := e.WriteFile("handler", string(dockertest.Build(t, "testdata/handler")))
	functions := map[string]string{}
	var entries []rig.Entry
	for way, keys := range map[string]string{"container": fmt.Sprintf("ImageUri: %q", image), "process": fmt.Sprintf("Command: [%q]", program)} {
		for _, what := range []string{"handled", "default"} {
			name := way + "-" + what
			functions[name] = what
			entries = append(entries, &rig.Function{Name: name,
				Description: fmt.Sprintf("{%s, Timeout: 30, Environment: {Variables: {SIGTERM: %s}}}", keys, what)})
		}
	}
	engine := e.Run(entries...)
	for name := range functions {
		want(engine, name, `{"Name": "AWS_LAMBDA_FUNCTION_NAME"}`, name)
	}
	began := time.Now()
	engine.Stop()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the end took %v", took)
	}
	for name, what := range functions {
		got := 0
		for line := range strings.Lines(engine.Output()) {
			if strings.Contains(line, name) && strings.Contains(line, "handler got SIGTERM") {
				got++
			}
		}
		if wanted := map[string]int{"handled": 1}[what]; got != wanted {
			t.Errorf("%s got SIGTERM %d times, want %d\n%s", name, got, wanted, engine.Output())
		}
	}
	noLeftovers(t, e)
}
