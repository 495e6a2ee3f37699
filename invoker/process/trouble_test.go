package process

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

func TestAnswersOfTroubledRuntimes(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("raw", nil))
	for _, tt := range []struct{ raw, payload, fault string }{
		{"exit after response", `"done"`, ""},
		{"exit without reading the reply", `"done"`, ""},
		{"half an answer", `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ` + testID + ` Error: HTTP request detected as truncated"}`, "Runtime.TruncatedResponse"},
		{"half an answer and exit", exitError(testID, "Runtime exited with error: exit status 6"), "Runtime.ExitError"},
		{"answer", `"fine"`, ""},
	} {
		for range 5 {
			resp := invoke(t, e, order{Raw: tt.raw})
			if got := string(resp.Payload); got != tt.payload || resp.Fault != tt.fault {
				t.Fatalf("%s: got %s, fault %q; want %s, fault %q", tt.raw, got, resp.Fault, tt.payload, tt.fault)
			}
		}
	}
	if got := strings.Count(l.text(), "Error: Runtime exited with error: exit status 5\nRuntime.ExitError\n"); got != 10 {
		t.Errorf("got %d lines about runtimes that ended after their answer, want 10", got)
	}
}

func TestRuntimeThatHangsAfterItsAnswer(t *testing.T) {
	t.Parallel()
	s, l := newStarter(t)
	fn := handler("raw", nil)
	fn.Timeout = 4
	e := start(t, s, fn)
	began := time.Now()
	if got := string(call(t, e, order{Raw: "hang after response"}).Payload); got != `"done"` {
		t.Errorf("got %s", got)
	}
	if took := time.Since(began); took > 3900*time.Millisecond {
		t.Errorf("the caller waited for %v", took)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("the environment was free after %v, want the function's timeout", took)
	}
	e.(*environment).fn.Timeout = 30 // for slow machines: the Init is within it
	if resp := invoke(t, e, order{Raw: "answer"}); resp.Fault != "" {
		t.Errorf("got fault %s: %s", resp.Fault, resp.Payload)
	}
	if got := l.text(); !strings.Contains(got, "\tStatus: timeout\n") {
		t.Errorf("got log\n%s", got)
	}
}

func TestRuntimeThatDiesWhileIdle(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	pid := describedBy(t, invoke(t, e, order{})).Pid
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e.(*environment).run.child.over)
	if got := describedBy(t, invoke(t, e, order{})); got.Calls != 1 || got.Pid == pid {
		t.Errorf("got call %d of process %d", got.Calls, got.Pid)
	}
	if !strings.Contains(l.text(), "Runtime exited with error: signal: killed\n") {
		t.Errorf("got log\n%s", l.text())
	}
}

func TestGarbageInsteadOfHTTP(t *testing.T) {
	s, _ := newStarter(t)
	s.initLimit = 300 * time.Millisecond
	fn := handler("garbage", nil)
	fn.Timeout = 1
	e := start(t, s, fn)
	if resp := invoke(t, e, order{}); resp.Fault != "Sandbox.Timedout" {
		t.Errorf("got %s", resp.Payload)
	}
}

func TestSizeOfAnswers(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	if got := len(invoke(t, e, order{Size: 6291556}).Payload); got != 6291556 {
		t.Errorf("got %d bytes", got)
	}
	want := `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`
	// aws-lambda-go exits when it is told that its answer is too large. That costs nobody anything.
	resp := invoke(t, e, order{Size: 6291557})
	if got := string(resp.Payload); got != want || resp.Fault != "Function.ResponseSizeTooLarge" {
		t.Errorf("got %.300s, fault %s", got, resp.Fault)
	}
	if got := describedBy(t, invoke(t, e, order{})).Calls; got != 1 {
		t.Errorf("got call %d", got)
	}
	if !strings.Contains(l.text(), "413") {
		t.Errorf("the runtime was not told 413:\n%s", l.text())
	}

	e = start(t, s, handler("raw", nil)) // takes it calmly
	for range 2 {
		if resp := invoke(t, e, order{Raw: "too large", Size: 7 << 20}); string(resp.Payload) != want {
			t.Errorf("got %.300s", resp.Payload)
		}
	}
	if got := strings.Count(l.text(), "got 413\n"); got != 2 {
		t.Errorf("got %d replies with 413, want 2", got)
	}
	if resp := invoke(t, e, order{Raw: "answer"}); string(resp.Payload) != `"fine"` {
		t.Errorf("got %s", resp.Payload)
	}
}

func TestInternalExtensionGetsSIGTERM(t *testing.T) {
	for _, tt := range []struct {
		role string
		want bool
	}{{"sigterm", true}, {"catch", false}} {
		notes := t.TempDir()
		s, l := newStarter(t)
		e := start(t, s, handler(tt.role, map[string]string{"NOTES": notes}))
		invoke(t, e, order{})
		began := time.Now()
		e.Close()
		if took := time.Since(began); took > patience {
			t.Errorf("%s: it took %v to close", tt.role, took)
		}
		_, err := os.Stat(filepath.Join(notes, "terminated"))
		if got := err == nil; got != tt.want {
			t.Errorf("%s: got SIGTERM: %v, want %v\n%s", tt.role, got, tt.want, l.text())
		}
		if strings.Contains(l.text(), "WARNING") {
			t.Errorf("%s: got log\n%s", tt.role, l.text())
		}
	}
}

func TestVariables(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the engine")
	t.Setenv("SOMETHING", "of the engine")
	s, _ := newStarter(t)
	s.Region, s.AWSEndpoint = "eu-central-1", "http://localhost:4566"
	fn := handler("aws", map[string]string{"AWS_REGION": "mine", "_HANDLER": "mine", "TZ": "Europe/Paris",
		"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "example.com", "LAMBDA_TASK_ROOT": "mine"})
	fn.CodeUri, fn.Handler, fn.MemorySize = t.TempDir(), "app.handler", 512
	e := start(t, s, fn)
	r := describedBy(t, invoke(t, e, order{}))
	id := e.(*environment).dir.id
	for name, want := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
		"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
		"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": fn.CodeUri, "LAMBDA_RUNTIME_DIR": fn.CodeUri,
		"LD_LIBRARY_PATH": fn.CodeUri + ":" + fn.CodeUri + "/lib", "LANG": "en_US.UTF-8",
		"TZ": "Europe/Paris", "PATH": os.Getenv("PATH"), marker: id,
		"NO_PROXY": "example.com,127.0.0.1", "no_proxy": "example.com,127.0.0.1", "HTTP_PROXY": "http://127.0.0.1:1",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "SOMETHING": "", "AWS_EXECUTION_ENV": "", "AWS_LAMBDA_MAX_CONCURRENCY": "",
	} {
		if got := r.Env[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if !strings.HasSuffix(r.Env["AWS_LAMBDA_LOG_STREAM_NAME"], "/[$LATEST]"+id) {
		t.Errorf("got log stream %q", r.Env["AWS_LAMBDA_LOG_STREAM_NAME"])
	}
	if r.Env["TMPDIR"] != r.Env["HOME"] || !strings.HasPrefix(r.Env["TMPDIR"], s.Dir) {
		t.Errorf("got TMPDIR %q, HOME %q", r.Env["TMPDIR"], r.Env["HOME"])
	}
	if want, err := filepath.EvalSymlinks(fn.CodeUri); err != nil || r.Dir != want {
		t.Errorf("got working directory %q, want %q", r.Dir, want)
	}
	s.AWSEndpoint = ""
	r = describedBy(t, invoke(t, start(t, s, handler("aws", map[string]string{"AWS_ACCESS_KEY_ID": "given"})), order{}))
	if r.Env["AWS_ACCESS_KEY_ID"] != "given" || r.Env["AWS_SECRET_ACCESS_KEY"] != "" || r.Env["AWS_ENDPOINT_URL"] != "" {
		t.Errorf("got credentials %v", r.Env)
	}
}

// The script is the first that AWS's own tutorial on custom runtimes has people write, in essence.
func TestShellBootstrap(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	dir := t.TempDir()
	script := `#!/bin/sh
set -eu
while :; do
  headers="$(mktemp)"
  event=$(curl -sS -L -D "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "$_HANDLER got $event"
  rm "$headers"
done
`
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s, l := newStarter(t)
	fn := config.Function{Name: "f", Runtime: "provided.al2023", Handler: "h", CodeUri: dir, Timeout: 20}
	fn.Environment.Variables = map[string]string{"http_proxy": "http://127.0.0.1:1"} // which curl would use
	e := start(t, s, fn)
	for range 3 {
		resp := invoke(t, e, order{Say: "x"})
		if got, want := string(resp.Payload), `h got {"Say":"x"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := strings.Count(l.text(), `{"status":"OK"}`); got != 3 {
		t.Errorf("got %d replies in the log, want 3:\n%s", got, l.text())
	}
}

// A file that is still open for writing somewhere cannot be executed yet.
func TestFreshlyWrittenCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fresh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 7\n"), 0o755); err != nil {
		t.Fatal(err)
	}
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

func TestNeighboursAreKeptApart(t *testing.T) {
	s, _ := newStarter(t)
	e := start(t, s, handler("aws", nil))
	address := describedBy(t, invoke(t, e, order{})).Env["AWS_LAMBDA_RUNTIME_API"]
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{address: 200, "localhost:" + port: 404, "evil.example:" + port: 404, "": 400} {
		req, err := http.NewRequest(http.MethodGet, "http://"+address+"/2018-06-01/ping", nil)
		if err != nil {
			t.Fatal(err)
		}
		if req.Host = host; host == "" {
			continue // a client cannot leave it out
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: got %d, want %d", host, resp.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestNothingLeaks(t *testing.T) {
	s, _ := newStarter(t)
	warm := start(t, s, handler("aws", nil))
	warm.Close()
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 5 {
		e := start(t, s, handler("aws", nil))
		invoke(t, e, order{Die: "3"})
		invoke(t, e, order{})
		e.Close()
	}
	waitFor(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	if got := openFiles(t); got > files {
		t.Errorf("got %d open files, want %d", got, files)
	}
	wantEmpty(t, s.Dir)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}
