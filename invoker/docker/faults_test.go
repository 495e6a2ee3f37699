package docker

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// broken starts a function that cannot be started because of itself.
func (r *rig) broken(fn config.Function) esm.Response {
	r.Helper()
	_, err := r.Start(r.Context(), fn, invoker.OnDemand)
	b, ok := errors.AsType[*invoker.Broken](err)
	if !ok {
		r.Fatalf("got %v, want a *Broken", err)
	}
	return b.Response(testID)
}

func (r *rig) wantPayload(resp esm.Response, kind, text string) {
	r.Helper()
	want := `{"errorType":"` + kind + `","errorMessage":"RequestId: ` + testID + ` Error: ` + text + `"}`
	if resp.Fault != kind || string(resp.Payload) != want {
		r.Errorf("got %s %s\nwant %s", resp.Fault, resp.Payload, want)
	}
}

// Programs that cannot be run are the function's fault.
func TestBadPrograms(t *testing.T) {
	r := newRig(t)
	files := append(handlerFiles(t), dockertest.File{Path: "text", Mode: 0o644, Content: []byte("text")})
	img := dockertest.Import(t, files, `CMD ["/handler"]`)
	none := dockertest.Import(t, files)
	with := func(change func(*config.Function)) config.Function {
		fn := function(img)
		change(&fn)
		return fn
	}
	for _, tt := range []struct {
		fn         config.Function
		kind, text string
	}{
		{with(func(f *config.Function) { f.ImageConfig.EntryPoint = []string{"/nothing"} }), "Runtime.InvalidEntrypoint", "fork/exec /nothing: no such file or directory"},
		{with(func(f *config.Function) { f.ImageConfig.Command = []string{"/text"} }), "Runtime.InvalidEntrypoint", "fork/exec /text: permission denied"},
		{with(func(f *config.Function) { f.ImageConfig.WorkingDirectory = "/text" }), "Runtime.InvalidWorkingDir",
			"Error response from daemon: Cannot mkdir: /text is not a directory"},
		{function(none), "Runtime.InvalidEntrypoint", "the image " + none + " has neither ENTRYPOINT nor CMD: give it one, or ImageConfig.EntryPoint"},
	} {
		r.wantPayload(r.broken(tt.fn), tt.kind, tt.text)
	}
}

// A runtime that ends in Init answers with its status; one that never polls is started again for the invocation, which times out.
func TestBadInits(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Environment.Variables = map[string]string{"ROLE": "exits"}
	r.wantPayload(r.broken(fn), "Runtime.ExitError", "Runtime exited with error: exit status 4")
	fn.Environment.Variables = map[string]string{"ROLE": "never polls"}
	fn.Timeout = 2
	e := r.start(fn)
	if resp := r.invoke(e, order{Do: "look"}); resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got %s %s", resp.Fault, resp.Payload)
	}
	if text := r.text(); !strings.Contains(text, "I never poll") {
		t.Errorf("output: %s", text)
	}
}

// An image that does not exist, or is made for another machine, is refused before anything runs.
func TestBadImages(t *testing.T) {
	r := newRig(t)
	began := time.Now()
	err := r.platform.Prepare(t.Context(), function("localhost:1/esm-test/nothing:latest"))
	if err == nil || !strings.Contains(err.Error(), "image localhost:1/esm-test/nothing:latest: the daemon does not have it and cannot pull it") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %v", took)
	}
	foreign := dockertest.Foreign(t, "arm64")
	err = r.platform.Prepare(t.Context(), function(foreign))
	if f, ok := errors.AsType[*runtimeapi.Failure](err); !ok || !strings.Contains(f.Text, "build it with --platform linux/amd64") {
		t.Errorf("got %v", err)
	}
}

// What a handler does beyond its rights does not outlast its invocation.
func TestMisbehaviour(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Environment.Variables = map[string]string{"ROLE": "ignores SIGTERM"}
	fn.MemorySize = 512
	e := r.start(fn)
	if !result[bool](r, e, order{Do: "poll twice"}) {
		t.Error("a second request for the event got another one")
	}
	if got := result[int](r, e, order{Do: "stranger"}); got != 400 {
		t.Errorf("an answer to a stranger's request: status %d", got)
	}
	pid := result[int](r, e, order{Do: "daemon"})
	if resp := r.invoke(e, order{Do: "exit", N: 3}); resp.Fault != "Runtime.ExitError" {
		t.Errorf("got %s", resp.Fault)
	}
	if got := result[facts](r, e, order{Do: "look"}); got.Pid != 1 || pid == 1 {
		t.Errorf("process %d, its daemon %d", got.Pid, pid)
	}
	began := time.Now()
	e.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// A process that faults, and one that leaves by itself, are told apart.
func TestFault(t *testing.T) {
	r := newRig(t)
	e := r.start(function(handlerImage(t)))
	for _, tt := range []struct {
		order order
		how   string
	}{
		{order{Do: "fault"}, "with error: signal: segmentation fault"},
		{order{Do: "exit", N: 3}, "with error: exit status 3"},
		{order{Do: "exit"}, "without providing a reason"},
	} {
		resp := r.invoke(e, tt.order)
		want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + callID(r.calls) + ` Error: Runtime exited ` + tt.how + `"}`
		if string(resp.Payload) != want {
			t.Errorf("%+v: got %s, want %s", tt.order, resp.Payload, want)
		}
	}
}

// Output that never ends is cut, and does not stop the handler.
func TestMuchOutput(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Timeout = 300
	e := r.start(fn)
	megabytes := 1024
	if testing.Short() {
		megabytes = 64
	}
	if got := result[string](r, e, order{Do: "log", N: megabytes}); got != "logged" {
		t.Errorf("got %q", got)
	}
	if n := len(r.text()); n > 200*mb || n < 10*mb {
		t.Errorf("%d MB were passed on", n/mb)
	}
}

// A paused environment is thawed by its next event, and can be closed.
func TestFreeze(t *testing.T) {
	r := newRig(t)
	e := r.start(function(handlerImage(t)))
	for range 2 {
		e.Freeze()
		if s := inspected(r).State; !s.Paused {
			t.Errorf("state %s", s.Status)
		}
		result[facts](r, e, order{Do: "look"})
	}
	e.Freeze()
	e.Close()
}

// Without a daemon the error says what was tried and what to do.
func TestNoDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	p := &Platform{Host: "unix://" + socket}
	err := p.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), socket) || !strings.Contains(err.Error(), "DOCKER_HOST") {
		t.Errorf("got %v", err)
	}
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("HOME", "/nowhere")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1")
	want := []string{
		"unix:///var/run/docker.sock", "unix:///nowhere/.docker/run/docker.sock", "unix:///nowhere/.colima/default/docker.sock",
		"unix:///run/user/1/docker.sock",
	}
	if got := hosts(""); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v", got)
	}
}

// While the daemon is away, invocations go on, timeouts end them, and the environment comes back with the daemon.
func TestDaemonAway(t *testing.T) {
	g := newGate(t)
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Timeout = 2
	r.platform.Host = "unix://" + g.path
	e := r.start(fn)
	g.close()
	result[facts](r, e, order{Do: "look"})
	time.AfterFunc(3*time.Second, g.open)
	began := time.Now()
	if resp := r.invoke(e, order{Do: "hang"}); resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got %s %s", resp.Fault, resp.Payload)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the timeout took %v", took)
	}
	result[facts](r, e, order{Do: "look"})
	if resp := r.invoke(e, order{Do: "exit", N: 3}); resp.Fault != "Runtime.ExitError" {
		t.Errorf("got %s", resp.Fault)
	}
	g.close() // and once more: what is written while the daemon is away is lost, what comes after is not
	g.open()
	result[facts](r, e, order{Do: "look"})
	waitFor(t, "output after the daemon is back", func() bool {
		result[string](r, e, order{Do: "print", Text: "I am heard"})
		return strings.Contains(r.text(), "I am heard")
	})
}

// A daemon that hangs holds up nothing for longer than its bounds; what it could not remove is removed when it is back.
func TestDaemonHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the bounds of calls")
	}
	g := newGate(t)
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Timeout = 1
	r.platform.Host = "unix://" + g.path
	e := r.start(fn)
	g.hang(true)
	result[facts](r, e, order{Do: "look"})
	resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Do":"hang"}`)})
	if err != nil || resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got %s, %v", resp.Fault, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*killWait)
	defer cancel()
	_, err = e.Invoke(ctx, esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Do":"look"}`)})
	if !errors.Is(err, esm.ErrNotRun) || ctx.Err() != nil {
		t.Errorf("after a container that cannot be killed: %v", err)
	}
	began := time.Now()
	e.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	g.hang(false)
	r.platform.tidy(t.Context())
	if n := len(r.platform.live) + len(r.platform.abandoned); n != 0 {
		t.Errorf("%d sandboxes are known after the daemon is back", n)
	}
	result[facts](r, r.start(fn), order{Do: "look"})
}

// Starts that are given up leave nothing behind.
func TestCancelledStarts(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	must(t, r.platform.Prepare(t.Context(), fn))
	for _, after := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		if e, err := r.Start(ctx, fn, invoker.OnDemand); err == nil {
			e.Close()
		}
		cancel()
	}
	waitFor(t, "the end of all containers", func() bool {
		r.platform.tidy(t.Context())
		list, err := dockertest.Client(t).ContainerList(t.Context(), client.ContainerListOptions{
			All: true, Filters: client.Filters{}.Add("label", ownerLabel+"="+r.platform.Owner),
		})
		must(t, err)
		return len(list.Items) == 0
	})
}

// A killed engine's containers, paused ones too, and its networks and volumes are removed by the next engine of the same
// Owner, and nobody else's.
func TestSweep(t *testing.T) {
	img := handlerImage(t)
	dead, other := newRig(t), newRig(t)
	no := false
	dead.platform.shares = &no
	fn := function(img)
	fn.CodeUri = t.TempDir()
	frozen := dead.start(fn)
	frozen.Freeze()
	dead.start(fn)
	survivor := other.start(function(img))

	next := &Platform{Owner: dead.platform.Owner, Host: dead.platform.Host}
	must(t, next.Sweep(t.Context()))
	if left := dockertest.Leftovers(t, ownerLabel+"="+next.Owner); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	must(t, next.Close(t.Context()))
	result[facts](other, survivor, order{Do: "look"})
	must(t, next.Sweep(t.Context())) // of nothing
	must(t, next.Close(t.Context()))
}

// A second run of the engine does not remove what the first has while it runs under another Owner, nor its own.
func TestSweepSparesOwn(t *testing.T) {
	r := newRig(t)
	e := r.start(function(handlerImage(t)))
	must(t, r.platform.Sweep(t.Context()))
	r.platform.tidy(t.Context())
	result[facts](r, e, order{Do: "look"})
}
