package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

var compiled struct {
	sync.Once
	program []byte
}

// handlerFiles returns the files of an image with the handler.
func handlerFiles(t testing.TB) []dockertest.File {
	t.Helper()
	dockertest.Host(t)
	compiled.Do(func() { compiled.program = dockertest.Build(t, "testdata/handler") })
	return []dockertest.File{
		{Path: "handler", Mode: 0o755, Content: compiled.program},
		{Path: "etc/", Mode: 0o755},
		{Path: "open/", Mode: 0o777},
	}
}

func handlerImage(t testing.TB, instructions ...string) string {
	t.Helper()
	return dockertest.Import(t, handlerFiles(t), append([]string{`ENTRYPOINT ["/handler"]`}, instructions...)...)
}

// newPlatform returns a Platform that leaves nothing behind.
func newPlatform(t testing.TB, traced trace.Func) *Platform {
	t.Helper()
	p := &Platform{Owner: dockertest.Owner(), Host: dockertest.Host(t), Dir: t.TempDir(), Trace: traced}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if left := dockertest.Leftovers(t, ownerLabel+"="+p.Owner); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if left := savedRules(p.Owner); len(left) > 0 {
			t.Errorf("rules are left:\n%s", strings.Join(left, "\n"))
		}
	})
	return p
}

func TestSuite(t *testing.T) {
	fn := config.Function{Name: "f", ImageUri: handlerImage(t)}
	invokertest.Run(t, func(t *testing.T) lifecycle.Platform { return newPlatform(t, nil) }, fn)
}

func TestSuiteExtensions(t *testing.T) {
	files := handlerFiles(t)
	files = append(files, dockertest.File{Path: "opt/extensions/" + invokertest.ExtensionName, Mode: 0o755, Content: files[0].Content},
		dockertest.File{Path: "opt/extensions/text", Mode: 0o644, Content: []byte("text")},
		dockertest.File{Path: "opt/extensions/dir/program", Mode: 0o755, Content: []byte("text")})
	fn := config.Function{Name: "f", ImageUri: dockertest.Import(t, files, `ENTRYPOINT ["/handler"]`)}
	invokertest.RunExtensions(t, func(t *testing.T) lifecycle.Platform { return newPlatform(t, nil) }, fn)
}

const testID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

// rig is a Starter of containers whose trace is collected.
type rig struct {
	testing.TB
	lifecycle.Starter
	platform *Platform

	mu       sync.Mutex
	output   strings.Builder // lines
	warnings []string
	calls    int

	platformLines []string
}

func newRig(t testing.TB) *rig {
	r := &rig{TB: t}
	r.platform = newPlatform(t, r.trace)
	r.Starter = lifecycle.Starter{Platform: r.platform, Trace: r.trace}
	return r
}

func (r *rig) trace(e trace.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case trace.Output:
		if e.Platform {
			r.platformLines = append(r.platformLines, e.Line)
		} else {
			r.output.WriteString(e.ID + " " + e.Line + "\n")
		}
	case trace.Warning:
		r.warnings = append(r.warnings, e.Text)
	}
}

func (r *rig) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String()
}

func (r *rig) start(fn config.Function) invoker.Environment {
	r.Helper()
	e, err := r.Start(r.Context(), fn, invoker.OnDemand)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(e.Close)
	return e
}

type order struct {
	Do   string
	N    int    `json:",omitempty"`
	Text string `json:",omitempty"`
}

// invoke runs o until the environment is free again.
func (r *rig) invoke(e invoker.Environment, o order) esm.Response {
	r.Helper()
	event, err := json.Marshal(o)
	must(r, err)
	r.calls++
	resp, err := e.Invoke(r.Context(), esm.Call{ID: callID(r.calls), Function: "f", Payload: event})
	must(r, err)
	must(r, e.Drain(r.Context()))
	return resp
}

func callID(n int) string { return fmt.Sprintf("8476a536-e9f4-4e8f-8d4c-%012d", n) }

// result invokes o and decodes its answer.
func result[T any](r *rig, e invoker.Environment, o order) (got T) {
	r.Helper()
	resp := r.invoke(e, o)
	if err := json.Unmarshal(resp.Payload, &got); err != nil || resp.Fault != "" {
		r.Fatalf("%+v: got %s %s: %v", o, resp.Fault, resp.Payload, err)
	}
	return got
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func function(image string) config.Function {
	return config.Function{Name: "f", ImageUri: image, Timeout: 30}
}

// patience bounds what happens at once on an idle machine.
const patience = 30 * time.Second

// waitFor polls what others do.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// onlySandbox returns the rig's sandbox.
func onlySandbox(r *rig) *sandbox {
	r.Helper()
	r.platform.mu.Lock()
	defer r.platform.mu.Unlock()
	if len(r.platform.live) != 1 {
		r.Fatalf("%d sandboxes, want 1", len(r.platform.live))
	}
	for _, s := range r.platform.live {
		return s
	}
	return nil
}

// inspected returns what the daemon says about the rig's container.
func inspected(r *rig) container.InspectResponse {
	r.Helper()
	got, err := dockertest.Client(r).ContainerInspect(r.Context(), onlySandbox(r).container, client.ContainerInspectOptions{})
	must(r, err)
	return got.Container
}
