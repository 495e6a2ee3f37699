package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

const testID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

func TestSuite(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	platform := func(t *testing.T) lifecycle.Platform { return &Platform{Dir: t.TempDir()} }
	invokertest.Run(t, platform, config.Function{Name: "f", Command: []string{self}, CodeUri: t.TempDir()})
	layer := t.TempDir()
	extensionFile(t, layer, invokertest.ExtensionName)
	invokertest.RunExtensions(t, platform, config.Function{Name: "f", Command: []string{self}, CodeUri: t.TempDir(), Layers: []string{layer}})
}

// extensionFile makes this program an external extension of the code or layer in dir.
func extensionFile(t *testing.T, dir, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	must(t, os.MkdirAll(filepath.Join(dir, "extensions"), 0o755))
	must(t, os.Symlink(self, filepath.Join(dir, "extensions", name)))
}

// rig is a Starter of processes whose output is collected.
type rig struct {
	*testing.T
	lifecycle.Starter
	platform *Platform

	mu     sync.Mutex
	output strings.Builder // lines
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, platform: &Platform{Dir: t.TempDir()}}
	r.Starter = lifecycle.Starter{Platform: r.platform, Trace: r.trace}
	return r
}

func (r *rig) trace(e trace.Event) {
	if o, ok := e.(trace.Output); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.output.WriteString(o.Line + "\n")
	}
}

// text returns the output so far.
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

// broken starts a function that cannot be started, and checks that nothing is left of it.
func (r *rig) broken(fn config.Function) (*invoker.Broken, esm.Response) {
	r.Helper()
	_, err := r.Start(r.Context(), fn, invoker.OnDemand)
	broken, ok := errors.AsType[*invoker.Broken](err)
	if !ok {
		r.Fatalf("got %v, want a *Broken", err)
	}
	r.wantEmpty(r.platform.Dir)
	return broken, broken.Response(testID)
}

// invoke runs o until the environment is free again.
func (r *rig) invoke(e invoker.Environment, o order) esm.Response {
	r.Helper()
	event, err := json.Marshal(o)
	if err != nil {
		r.Fatal(err)
	}
	resp, err := e.Invoke(r.Context(), esm.Call{ID: testID, Function: "f", Payload: event})
	if err == nil {
		err = e.Drain(r.Context())
	}
	if err != nil {
		r.Fatal(err)
	}
	return resp
}

// describe invokes awsHandler.
func (r *rig) describe(e invoker.Environment, o order) (got result) {
	r.Helper()
	resp := r.invoke(e, o)
	if err := json.Unmarshal(resp.Payload, &got); err != nil || resp.Fault != "" {
		r.Fatalf("got %s %s: %v", resp.Fault, resp.Payload, err)
	}
	return got
}

func (r *rig) wantEmpty(dir string) {
	r.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		r.Errorf("left in %s: %v, %v", dir, entries, err)
	}
}

func exitError(text string) string {
	return `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + testID + ` Error: Runtime exited with error: ` + text + `"}`
}

func TestAnswersOfFailingRuntimes(t *testing.T) {
	r := newRig(t)
	aws, raw := r.start(handler("aws", nil)), r.start(handler("raw", nil))
	for _, tt := range []struct {
		env            invoker.Environment
		order          order
		payload, fault string
	}{
		{aws, order{Die: "segv"}, exitError("signal: segmentation fault"), "Runtime.ExitError"},
		// aws-lambda-go reports a panic and then exits: the report is the answer.
		{aws, order{Die: "panic"}, `{"errorMessage":"oh dear","errorType":"string","stackTrace":[`, "Unhandled"},
		{raw, order{Raw: "exit without reading the reply"}, `"done"`, ""},
		{raw, order{Raw: "half an answer and exit"}, exitError("exit status 6"), "Runtime.ExitError"},
	} {
		for range 5 {
			resp := r.invoke(tt.env, tt.order)
			if !strings.HasPrefix(string(resp.Payload), tt.payload) || resp.Fault != tt.fault {
				t.Fatalf("%+v: got %s, fault %q; want %s, fault %q", tt.order, resp.Payload, resp.Fault, tt.payload, tt.fault)
			}
		}
	}
	if got := r.describe(aws, order{}).Calls; got != 1 {
		t.Errorf("got call %d of the process, want the first of a new one", got)
	}
}

func TestBrokenStartNamesCommandAndLastOutput(t *testing.T) {
	r := newRig(t)
	broken, _ := r.broken(handler("die", nil))
	for _, want := range []string{os.Args[0], "exit status 3", "(last output: last words)"} {
		if !strings.Contains(broken.Error(), want) {
			t.Errorf("%q lacks %q", broken, want)
		}
	}
}

func TestCommandsThatCannotRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), mode))
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
		{config.Function{Command: []string{"./script"}}, "Runtime.InvalidEntrypoint", "Error: fork/exec " + script + ": no such file or directory", "the interpreter in its first line is not"},
		{config.Function{Command: []string{"true"}, CodeUri: "/nowhere"}, "Runtime.InvalidWorkingDir", "Error: chdir /nowhere: no such file or directory", "/nowhere"},
		{config.Function{Runtime: "provided.al2023"}, "Runtime.InvalidEntrypoint", "Error: Couldn't find valid bootstrap(s): [" + dir + "/bootstrap]", dir},
		{config.Function{Runtime: "python3.13", Handler: "app.h"}, "Runtime.InvalidEntrypoint", `Error: no way to run the runtime \"python3.13\" is known`, `handler "app.h", runtime python3.13`},
	} {
		tt.fn.Name = "f"
		if tt.fn.CodeUri == "" {
			tt.fn.CodeUri = dir
		}
		broken, resp := newRig(t).broken(tt.fn)
		want := fmt.Sprintf(`{"errorType":"%s","errorMessage":"RequestId: %s %s"}`, tt.kind, testID, tt.payload)
		if got := string(resp.Payload); got != want || resp.Fault != tt.kind {
			t.Errorf("%v: got %s, want %s", tt.fn.Command, got, want)
		}
		if !strings.Contains(broken.Error(), tt.text) {
			t.Errorf("%v: %q does not name %s", tt.fn.Command, broken, tt.text)
		}
	}
}

// A full disk is not the function's fault: nothing was run, and no message pays for it.
func TestMachineThatCannotStart(t *testing.T) {
	r := newRig(t)
	r.platform.Bootstrap = func(config.Function) ([]string, map[string]string, error) {
		return nil, nil, fmt.Errorf("lay out: %w", &os.PathError{Op: "write", Path: "client.py", Err: syscall.ENOSPC})
	}
	_, err := r.Start(t.Context(), config.Function{Name: "f", Runtime: "python3.13", Handler: "app.h", CodeUri: t.TempDir()}, invoker.OnDemand)
	if _, broken := errors.AsType[*invoker.Broken](err); broken || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a full disk and no *Broken", err)
	}
	r.wantEmpty(r.platform.Dir)
}

func TestInternalExtensionGetsSIGTERM(t *testing.T) {
	r := newRig(t)
	notes := t.TempDir()
	e := r.start(handler("sigterm", map[string]string{"NOTES": notes}))
	r.describe(e, order{})
	e.Close()
	if _, err := os.Stat(filepath.Join(notes, "terminated")); err != nil || strings.Contains(r.text(), "WARNING") {
		t.Errorf("no SIGTERM: %v\n%s", err, r.text())
	}
}

func TestVariables(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the engine")
	t.Setenv("SOMETHING", "of the engine")
	r := newRig(t)
	r.Region, r.AWSEndpoint = "eu-central-1", "http://localhost:4566"
	fn := handler("aws", map[string]string{"AWS_REGION": "mine", "_HANDLER": "mine", "TZ": "Europe/Paris", marker: "mine",
		"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "example.com", "LAMBDA_TASK_ROOT": "mine"})
	fn.CodeUri, fn.Handler, fn.MemorySize = t.TempDir(), "app.handler", 512
	fn.LoggingConfig.LogFormat, fn.LoggingConfig.ApplicationLogLevel = "JSON", "DEBUG"
	got := r.describe(r.start(fn), order{})
	for name, want := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
		"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
		"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": fn.CodeUri, "LAMBDA_RUNTIME_DIR": fn.CodeUri,
		"LD_LIBRARY_PATH": fn.CodeUri + ":" + fn.CodeUri + "/lib", "LANG": "en_US.UTF-8",
		"TZ": "Europe/Paris", "PATH": os.Getenv("PATH"), "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
		"NO_PROXY": "example.com,127.0.0.1", "no_proxy": "example.com,127.0.0.1", "HTTP_PROXY": "http://127.0.0.1:1",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "SOMETHING": "", "AWS_EXECUTION_ENV": "", "AWS_LAMBDA_MAX_CONCURRENCY": "",
	} {
		if got := got.Env[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if id := got.Env[marker]; len(id) != 32 || !strings.HasSuffix(got.Env["AWS_LAMBDA_LOG_STREAM_NAME"], "/[$LATEST]"+id) {
		t.Errorf("got mark %q, log stream %q", id, got.Env["AWS_LAMBDA_LOG_STREAM_NAME"])
	}
	if got.Env["TMPDIR"] != got.Env["HOME"] || !strings.HasPrefix(got.Env["TMPDIR"], r.platform.Dir) {
		t.Errorf("got TMPDIR %q, HOME %q", got.Env["TMPDIR"], got.Env["HOME"])
	}
	if want, err := filepath.EvalSymlinks(fn.CodeUri); err != nil || got.Dir != want {
		t.Errorf("got working directory %q, want %q", got.Dir, want)
	}
	r.AWSEndpoint = ""
	got = r.describe(r.start(handler("aws", map[string]string{"AWS_ACCESS_KEY_ID": "given"})), order{})
	if got.Env["AWS_ACCESS_KEY_ID"] != "given" || got.Env["AWS_SECRET_ACCESS_KEY"] != "" || got.Env["AWS_ENDPOINT_URL"] != "" {
		t.Errorf("got credentials %v", got.Env)
	}
}

// A file that is still open for writing somewhere cannot be executed yet.
func TestFreshlyWrittenCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fresh")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\nexit 7\n"), 0o755))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	closing := time.AfterFunc(20*time.Millisecond, func() { f.Close() })
	defer closing.Stop()
	c, err := spawn(command{path: path, argv: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	<-c.exited
	if got, want := c.reason(), "exit status 7"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingLeaks(t *testing.T) {
	r := newRig(t)
	fn := withExtensions(t, "idle")
	r.start(fn).Close() // what is made once
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 5 {
		e := r.start(fn)
		r.invoke(e, order{Die: "3"})
		r.describe(e, order{})
		e.Close()
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	if got := openFiles(t); got > files {
		t.Errorf("got %d open files, want %d", got, files)
	}
	r.wantEmpty(r.platform.Dir)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}
