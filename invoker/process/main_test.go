package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/invokertest"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// roleVariable makes the test binary one of the roles: a handler, or a program that runs environments.
const roleVariable = "ESM_TEST_ROLE"

func TestMain(m *testing.M) {
	invokertest.ServeIfAsked()
	if isExtension() {
		extensionRoles[filepath.Base(os.Args[0])]()
		return
	}
	if role := os.Getenv(roleVariable); role != "" {
		roles[role]()
		return
	}
	os.Exit(m.Run())
}

// roles are what a process of a test does. Handlers use aws-lambda-go unmodified; raw speaks to the Runtime API itself, to
// misbehave.
var roles map[string]func()

func init() { // refers to functions that refer to roles
	roles = map[string]func(){
		"echo":    func() { lambda.Start(func(e json.RawMessage) (json.RawMessage, error) { return e, nil }) },
		"aws":     func() { lambda.Start(awsHandler) },
		"sigterm": func() { lambda.StartWithOptions(awsHandler, lambda.WithEnableSIGTERM(func() { note("terminated") })) },
		"die":     func() { fmt.Println("last words"); os.Exit(3) },
		"raw":     raw,
		"engine":  engine,
	}
}

// order is the event of awsHandler and raw.
type order struct {
	Fail string `json:",omitempty"`
	Die  string `json:",omitempty"`
	Fork string `json:",omitempty"` // kept, setsid: leave a process behind
	Raw  string `json:",omitempty"` // for the role raw
	Say  string `json:",omitempty"`
}

// result describes awsHandler's environment.
type result struct {
	Calls int // of this process
	Env   map[string]string
	Dir   string
}

var calls int

func awsHandler(_ context.Context, o order) (any, error) {
	calls++
	if o.Fork != "" {
		leaveBehind(o.Fork)
	}
	if o.Die != "" {
		die(o.Die)
	}
	r := result{Calls: calls, Env: map[string]string{}}
	r.Dir, _ = os.Getwd()
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		r.Env[name] = value
	}
	return r, nil
}

func die(how string) {
	switch how {
	case "3":
		os.Exit(3)
	case "segv":
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -SEGV $$"}, os.Environ()) // Go would catch it
	case "panic":
		panic("oh dear")
	}
}

// leaveBehind starts a process that never ends: one that holds the output, ignores SIGTERM and belongs to the group, or
// one that has left the group.
func leaveBehind(how string) {
	script := `trap "" TERM; while :; do sleep 1; done`
	cmd := exec.Command("/bin/sh", "-c", script)
	if how == "setsid" {
		cmd = exec.Command("/bin/sh", "-c", "setsid /bin/sh -c '"+script+"' & exit 0")
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	_ = cmd.Start()
	if how == "setsid" {
		_ = cmd.Wait()
	}
}

// note leaves a file that a test can see when the environment is gone.
func note(name string) { _ = os.WriteFile(filepath.Join(os.Getenv("NOTES"), name), nil, 0o600) }

// raw takes events and misbehaves as ordered.
func raw() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := http.Get(base + "next")
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		var o order
		_ = json.Unmarshal(event, &o)
		path := resp.Header.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
		switch o.Raw {
		case "exit without reading the reply":
			begin(path, "Content-Length: 6\r\n\r\n\"done\"")
			os.Exit(5)
		case "half an answer and exit":
			begin(path, "Content-Length: 100\r\n\r\n\"do")
			os.Exit(6)
		}
	}
}

// begin sends the beginning of a request.
func begin(path, rest string) {
	host := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	c, err := net.Dial("tcp", host)
	if err != nil {
		os.Exit(1)
	}
	_, _ = fmt.Fprintf(c, "POST /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: %s\r\n%s", path, host, rest)
}

// engine is a program with one environment, which leaves processes behind and is never closed.
func engine() {
	s := &lifecycle.Starter{Platform: &Platform{Dir: os.Getenv("STATE")}}
	fn := handler("aws", nil)
	fn.CodeUri = os.Getenv("CODE")
	env, err := s.Start(context.Background(), fn, invoker.OnDemand)
	for _, how := range append(strings.Fields(os.Getenv("HOW")), "") {
		var resp esm.Response
		if err == nil {
			resp, err = env.Invoke(context.Background(), esm.Call{ID: "x", Payload: json.RawMessage(`{"Fork":"` + how + `"}`)})
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if how == "" {
			var r result
			_ = json.Unmarshal(resp.Payload, &r)
			fmt.Println("ready", r.Env[marker])
		}
	}
	select {}
}

// handler returns a function whose command is this binary in a role.
func handler(role string, env map[string]string) config.Function {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	fn := config.Function{Name: "f", Command: []string{self}, CodeUri: os.TempDir(), Timeout: 30}
	fn.Environment.Variables = map[string]string{
		roleVariable: role,
		"GORACE":     "atexit_sleep_ms=0", // the race detector likes to wait a second
	}
	for k, v := range env {
		fn.Environment.Variables[k] = v
	}
	return fn
}

// patience bounds what other processes do at once on an idle machine.
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

// must ends the test if a step of its setup failed.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
