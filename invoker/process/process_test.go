package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

const testID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

// log collects what a Trace is told.
type log struct {
	mu    sync.Mutex
	lines []trace.Output
}

func (l *log) trace(e trace.Event) {
	if o, ok := e.(trace.Output); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, o)
	}
}

func (l *log) all() []trace.Output {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *log) text() string {
	var b strings.Builder
	for _, o := range l.all() {
		b.WriteString(o.Line + "\n")
	}
	return b.String()
}

func newStarter(t *testing.T) (*Starter, *log) {
	t.Helper()
	l := &log{}
	return &Starter{Dir: t.TempDir(), Trace: l.trace}, l
}

func start(t *testing.T, s *Starter, fn config.Function) invoker.Environment {
	t.Helper()
	e, err := s.Start(t.Context(), fn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// invoke runs o to its end: until the environment is free again.
func invoke(t *testing.T, e invoker.Environment, o order) esm.Response {
	t.Helper()
	resp := call(t, e, o)
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return resp
}

func call(t *testing.T, e invoker.Environment, o order) esm.Response {
	t.Helper()
	event, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: event})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func describedBy(t *testing.T, resp esm.Response) result {
	t.Helper()
	if resp.Fault != "" {
		t.Fatalf("got fault %s: %s", resp.Fault, resp.Payload)
	}
	var r result
	if err := json.Unmarshal(resp.Payload, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInvoke(t *testing.T) {
	s, _ := newStarter(t)
	s.Region = "eu-west-1"
	e := start(t, s, handler("aws", nil))
	event := json.RawMessage(`{"Echo": {"b":1, "a":"é\u0000"}}`)
	resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f:live", Payload: event})
	if err != nil {
		t.Fatal(err)
	}
	r := describedBy(t, resp)
	if resp.Status != 200 || resp.Version != "$LATEST" {
		t.Errorf("got status %d, version %q", resp.Status, resp.Version)
	}
	if r.ID != testID || r.Arn != "arn:aws:lambda:eu-west-1:000000000000:function:f:live" {
		t.Errorf("got id %q, ARN %q", r.ID, r.Arn)
	}
	if r.Left > 10*time.Second || r.Left < 5*time.Second {
		t.Errorf("got %v until the deadline, want nearly 10 s", r.Left)
	}
	if got, want := string(r.Echo), `{"b":1,"a":"é\u0000"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.HasPrefix(r.Trace, "Root=1-") || !strings.HasSuffix(r.Trace, ";Sampled=0") {
		t.Errorf("got trace header %q", r.Trace)
	}
	// A second invocation without Drain finds the same process.
	if got := describedBy(t, invoke(t, e, order{})); got.Calls != 2 || got.Pid != r.Pid {
		t.Errorf("got call %d of process %d, want 2 of %d", got.Calls, got.Pid, r.Pid)
	}
}

func TestHandlerErrorKeepsTheRuntime(t *testing.T) {
	s, _ := newStarter(t)
	e := start(t, s, handler("aws", nil))
	resp := invoke(t, e, order{Fail: "no luck"})
	if got, want := string(resp.Payload), `{"errorMessage":"no luck","errorType":"errorString"}`; got != want || resp.Fault != "Unhandled" || resp.Status != 200 {
		t.Errorf("got %s, fault %s, status %d; want %s", got, resp.Fault, resp.Status, want)
	}
	if got := describedBy(t, invoke(t, e, order{})).Calls; got != 2 {
		t.Errorf("got call %d, want 2", got)
	}
}

var deaths = []struct{ how, text string }{
	{"0", "Runtime exited without providing a reason"},
	{"3", "Runtime exited with error: exit status 3"},
	{"segv", "Runtime exited with error: signal: segmentation fault"},
	{"kill", "Runtime exited with error: signal: killed"},
}

func exitError(id, text string) string {
	return `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: ` + text + `"}`
}

func TestRuntimeThatDiesInAnInvocation(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	for _, tt := range deaths {
		resp := invoke(t, e, order{Die: tt.how})
		if got, want := string(resp.Payload), exitError(testID, tt.text); got != want || resp.Fault != "Runtime.ExitError" {
			t.Errorf("%s: got %s, fault %s; want %s", tt.how, got, resp.Fault, want)
		}
		if got := describedBy(t, invoke(t, e, order{})).Calls; got != 1 {
			t.Errorf("%s: got call %d of the process, want the first of a new one", tt.how, got)
		}
		if want := "\tStatus: error\tError Type: Runtime.ExitError\nRequestId: " + testID + " Error: " + tt.text + "\nRuntime.ExitError\n"; !strings.Contains(l.text(), want) {
			t.Errorf("%s: the log lacks %q:\n%s", tt.how, want, l.text())
		}
	}
	// aws-lambda-go reports a panic and then exits: the report is the answer.
	resp := invoke(t, e, order{Die: "panic"})
	if !strings.HasPrefix(string(resp.Payload), `{"errorMessage":"oh dear","errorType":"string","stackTrace":[`) || resp.Fault != "Unhandled" {
		t.Errorf("got %s, fault %s", resp.Payload, resp.Fault)
	}
	if got := describedBy(t, invoke(t, e, order{})).Calls; got != 1 {
		t.Errorf("got call %d of the process, want the first of a new one", got)
	}
}

func TestRuntimeThatDiesInInit(t *testing.T) {
	for _, tt := range deaths {
		s, l := newStarter(t)
		_, err := s.Start(t.Context(), handler("die", map[string]string{"HOW": tt.how}))
		broken, ok := errors.AsType[*invoker.Broken](err)
		if !ok {
			t.Fatalf("%s: got %v, want a *Broken", tt.how, err)
		}
		resp := broken.Response(testID)
		if got, want := string(resp.Payload), exitError(testID, tt.text); got != want || resp.Fault != "Runtime.ExitError" {
			t.Errorf("%s: got %s, fault %s; want %s", tt.how, got, resp.Fault, want)
		}
		if !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), os.Args[0]) {
			t.Errorf("%s: %q does not name the command and the reason", tt.how, err)
		}
		if got := l.text(); !strings.Contains(got, "\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n") {
			t.Errorf("%s: got log %q", tt.how, got)
		}
		wantEmpty(t, s.Dir)
	}
}

func TestInitErrorIsPassedOn(t *testing.T) {
	for _, how := range []string{"exit", "stay"} {
		s, _ := newStarter(t)
		_, err := s.Start(t.Context(), handler("init-error", map[string]string{"HOW": how}))
		broken, ok := errors.AsType[*invoker.Broken](err)
		if !ok {
			t.Fatalf("got %v, want a *Broken", err)
		}
		if got, want := string(broken.Response(testID).Payload), `{"errorMessage":"no module","errorType":"ImportError","requestId":"","stackTrace":[]}`; got != want {
			t.Errorf("%s: got %s, want %s", how, got, want)
		}
		if !strings.Contains(err.Error(), "cannot import") {
			t.Errorf("%s: %q does not tell the last output", how, err)
		}
		wantEmpty(t, s.Dir)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	before := describedBy(t, invoke(t, e, order{Write: "kept"}))
	e.(*environment).fn.Timeout = 1
	resp := invoke(t, e, order{Sleep: time.Hour, Fork: "kept"})
	want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + testID + ` Error: Task timed out after 1.00 seconds"}`
	if got := string(resp.Payload); got != want || resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got %s, fault %s; want %s", got, resp.Fault, want)
	}
	e.(*environment).fn.Timeout = 30 // for slow machines: the Init is within it
	after := describedBy(t, invoke(t, e, order{}))
	if after.Calls != 1 || after.Pid == before.Pid {
		t.Errorf("got call %d of process %d, want the first of a new one", after.Calls, after.Pid)
	}
	if !slices.Contains(after.Files, "kept") {
		t.Errorf("got files %v, want those from before the timeout", after.Files)
	}
	if got := l.text(); !strings.Contains(got, "\tStatus: timeout\n") || !strings.Contains(got, testID+" Task timed out after 1.00 seconds\n") ||
		!strings.Contains(got, "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t") {
		t.Errorf("got log\n%s", got)
	}
}

func TestSlowInit(t *testing.T) {
	t.Parallel()
	s, l := newStarter(t)
	s.initLimit = 200 * time.Millisecond
	fn := handler("aws-slow", nil)
	fn.Timeout = 30
	e := start(t, s, fn)
	if got := l.text(); !strings.Contains(got, "\tPhase: init\tStatus: timeout\n") {
		t.Errorf("got log %q", got)
	}
	r := describedBy(t, invoke(t, e, order{}))
	if r.Calls != 1 || r.Left > 29500*time.Millisecond {
		t.Errorf("got call %d with %v left, want a first one that had to wait for its Init", r.Calls, r.Left)
	}
	if strings.Contains(l.text(), " MB\tInit Duration: ") {
		t.Errorf("an Init within an invocation is in its duration, got log\n%s", l.text())
	}
	fn = handler("silent", nil)
	fn.Timeout = 1
	e = start(t, s, fn)
	if resp := invoke(t, e, order{}); resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got fault %q: %s", resp.Fault, resp.Payload)
	}
	if got := l.text(); !strings.Contains(got, "\tPhase: invoke\tStatus: timeout\n") {
		t.Errorf("got log %q", got)
	}
}

func TestInitErrorWithinAnInvocation(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil)).(*environment)
	e.env[roleVariable] = "init-error" // the next process will be a different one
	invoke(t, e, order{Die: "0"})
	resp := invoke(t, e, order{})
	if got, want := string(resp.Payload), `{"errorMessage":"no module","errorType":"ImportError","requestId":"","stackTrace":[]}`; got != want || resp.Fault != "Unhandled" {
		t.Errorf("got %s, fault %s; want %s", got, resp.Fault, want)
	}
	e.env[roleVariable] = "die"
	e.env["HOW"] = "3"
	if got, want := string(invoke(t, e, order{}).Payload), exitError(testID, "Runtime exited with error: exit status 3"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.program.argv = []string{"/nowhere/to/be/found"}
	if got := invoke(t, e, order{}); got.Fault != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %s, fault %s", got.Payload, got.Fault)
	}
	if got := strings.Count(l.text(), "\tPhase: invoke\tStatus: error\t"); got != 2 {
		t.Errorf("got %d reports of an Init within an invocation, want 2:\n%s", got, l.text())
	}
}

func TestCommandsThatCannotRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "x", 0o644)
	nonsense := write("nonsense", "\x7fnonsense", 0o755)
	script := write("script", "#!/nowhere/python\n", 0o755)
	for _, tt := range []struct {
		fn            config.Function
		kind, payload string
		text          string
	}{
		{config.Function{Command: []string{"/nowhere/x"}}, "Runtime.InvalidEntrypoint", "Error: fork/exec /nowhere/x: no such file or directory", "/nowhere/x"},
		{config.Function{Command: []string{"nowhere-x"}}, "Runtime.InvalidEntrypoint", `Error: exec: \"nowhere-x\": executable file not found in PATH`, "nowhere-x"},
		{config.Function{Command: []string{"./plain"}}, "Runtime.InvalidEntrypoint", "Error: fork/exec " + plain + ": permission denied", plain},
		{config.Function{Command: []string{"./nonsense"}}, "Runtime.InvalidEntrypoint", "Error: fork/exec " + nonsense + ": exec format error", nonsense},
		{config.Function{Command: []string{"./script"}}, "Runtime.InvalidEntrypoint", "Error: fork/exec " + script + ": no such file or directory", "the interpreter that it names is not"},
		{config.Function{Command: []string{"true"}, CodeUri: "/nowhere"}, "Runtime.InvalidWorkingDir", "Error: chdir /nowhere: no such file or directory", "/nowhere"},
		{config.Function{Runtime: "provided.al2023"}, "Runtime.InvalidEntrypoint", "Error: Couldn't find valid bootstrap(s): [" + dir + "/bootstrap]", dir},
		{config.Function{Runtime: "python3.13", Handler: "app.h"}, "Runtime.InvalidEntrypoint", `Error: no way to run the runtime \"python3.13\" is known`, `handler "app.h", runtime python3.13`},
	} {
		tt.fn.Name = "f"
		if tt.fn.CodeUri == "" {
			tt.fn.CodeUri = dir
		}
		s, _ := newStarter(t)
		_, err := s.Start(t.Context(), tt.fn)
		broken, ok := errors.AsType[*invoker.Broken](err)
		if !ok {
			t.Errorf("%v: got %v, want a *Broken", tt.fn.Command, err)
			continue
		}
		want := fmt.Sprintf(`{"errorType":"%s","errorMessage":"RequestId: %s %s"}`, tt.kind, testID, tt.payload)
		resp := broken.Response(testID)
		if got := string(resp.Payload); got != want || resp.Fault != tt.kind {
			t.Errorf("%v: got %s, want %s", tt.fn.Command, got, want)
		}
		if !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v: %q does not name %s", tt.fn.Command, err, tt.text)
		}
		wantEmpty(t, s.Dir)
	}
}

// A full disk is not the function's fault: nothing was run, and no message pays for it.
func TestMachineThatCannotStart(t *testing.T) {
	s, _ := newStarter(t)
	s.Bootstrap = func(config.Function) ([]string, map[string]string, error) {
		return nil, nil, fmt.Errorf("lay out: %w", &os.PathError{Op: "write", Path: "client.py", Err: syscall.ENOSPC})
	}
	_, err := s.Start(t.Context(), config.Function{Name: "f", Runtime: "python3.13", Handler: "app.h", CodeUri: t.TempDir()})
	if _, broken := errors.AsType[*invoker.Broken](err); broken || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a full disk and no *Broken", err)
	}
	wantEmpty(t, s.Dir)
}

func TestStartEndsWithItsContext(t *testing.T) {
	s, _ := newStarter(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Start(ctx, handler("silent", nil))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	wantEmpty(t, s.Dir)
}

func TestInvokeEndsWithItsContext(t *testing.T) {
	s, _ := newStarter(t)
	e := start(t, s, handler("aws", nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := e.Invoke(ctx, esm.Call{ID: testID, Payload: json.RawMessage(`{"Sleep":3600000000000}`)})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, esm.ErrNotRun) {
		t.Errorf("got %v, want the context's error and no word on whether it ran", err)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err = e.Invoke(ctx, esm.Call{ID: testID}); !errors.Is(err, esm.ErrNotRun) {
		t.Errorf("got %v, want ErrNotRun", err)
	}
	if got := describedBy(t, invoke(t, e, order{})).Calls; got != 1 {
		t.Errorf("got call %d of the process, want the first of a new one", got)
	}
}

func TestCloseEndsAnInvocation(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	var group sync.WaitGroup
	group.Go(func() {
		_, err := e.Invoke(t.Context(), esm.Call{ID: testID, Payload: json.RawMessage(`{"Say":"here","Sleep":3600000000000}`)})
		if err == nil || errors.Is(err, esm.ErrNotRun) {
			t.Errorf("got %v, want an error that leaves open whether it ran", err)
		}
	})
	waitFor(t, func() bool { return strings.Contains(l.text(), "here\n") })
	e.Close()
	e.Close()
	group.Wait()
	if _, err := e.Invoke(t.Context(), esm.Call{ID: testID}); !errors.Is(err, esm.ErrNotRun) {
		t.Errorf("got %v, want ErrNotRun", err)
	}
	if err := e.Drain(t.Context()); err == nil {
		t.Error("a closed environment drains, want an error")
	}
	wantEmpty(t, s.Dir)
}

// patience is for what other processes do, which is over at once on a machine that has nothing else to do.
const patience = 20 * time.Second

// waitFor polls what other processes do.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left in the directory", e.Name())
	}
}
