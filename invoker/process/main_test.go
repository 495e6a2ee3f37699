package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// roleVariable turns the test binary into one of the roles: a handler, or a program that runs environments.
const roleVariable = "ESM_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		roles[role]()
		return
	}
	os.Exit(m.Run())
}

// roles are what a process of a test does. Those with a handler use aws-lambda-go as it is; the others speak to the
// Runtime API by themselves, to misbehave.
var roles map[string]func()

func init() { // refers to functions that refer to roles
	roles = map[string]func(){
		"echo":       func() { lambda.Start(func(e json.RawMessage) (json.RawMessage, error) { return e, nil }) },
		"aws":        func() { lambda.Start(awsHandler) },
		"aws-slow":   func() { time.Sleep(600 * time.Millisecond); lambda.Start(awsHandler) },
		"sigterm":    func() { lambda.StartWithOptions(awsHandler, lambda.WithEnableSIGTERM(func() { note("terminated") })) },
		"catch":      catch,
		"die":        func() { die(os.Getenv("HOW")) },
		"init-error": initErrorRole,
		"silent":     func() { select {} },
		"garbage":    garbage,
		"raw":        raw,
		"engine":     engine,
	}
}

// order is the event that the handlers here understand.
type order struct {
	Echo  json.RawMessage `json:",omitempty"`
	Fail  string          `json:",omitempty"`
	Die   string          `json:",omitempty"`
	Sleep time.Duration   `json:",omitempty"`
	Print int             `json:",omitempty"` // lines to standard output
	Write string          `json:",omitempty"` // a file in TMPDIR
	Fork  string          `json:",omitempty"` // kept, setsid: leave a process behind
	Raw   string          `json:",omitempty"` // for the role raw
	Size  int             `json:",omitempty"` // of the answer
	Say   string          `json:",omitempty"`
}

// result is what awsHandler tells about its surroundings.
type result struct {
	Calls int // of this process
	ID    string
	Arn   string
	Left  time.Duration // until the deadline
	Echo  json.RawMessage
	Env   map[string]string
	Dir   string
	Files []string // in TMPDIR
	Trace string
	Pid   int
}

var calls int

func awsHandler(ctx context.Context, o order) (any, error) {
	calls++
	if o.Say != "" {
		fmt.Println(o.Say)
	}
	out := bufio.NewWriter(os.Stdout)
	for i := range o.Print {
		fmt.Fprintf(out, "%1000d\n", i)
	}
	_ = out.Flush()
	if o.Write != "" {
		if err := os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), o.Write), nil, 0o600); err != nil {
			return nil, err
		}
	}
	if o.Fork != "" {
		leaveBehind(o.Fork)
	}
	time.Sleep(o.Sleep)
	if o.Die != "" {
		die(o.Die)
	}
	if o.Fail != "" {
		return nil, errors.New(o.Fail)
	}
	if o.Size > 0 {
		return strings.Repeat("x", o.Size-2), nil // and two quotes
	}
	return describe(ctx, o), nil
}

func describe(ctx context.Context, o order) result {
	r := result{Calls: calls, Echo: o.Echo, Pid: os.Getpid(), Env: map[string]string{}}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.ID, r.Arn = lc.AwsRequestID, lc.InvokedFunctionArn
	}
	deadline, _ := ctx.Deadline()
	r.Left = time.Until(deadline)
	r.Dir, _ = os.Getwd()
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		r.Env[name] = value
	}
	entries, _ := os.ReadDir(os.Getenv("TMPDIR"))
	for _, e := range entries {
		r.Files = append(r.Files, e.Name())
	}
	r.Trace, _ = ctx.Value("x-amzn-trace-id").(string)
	return r
}

func die(how string) {
	switch how {
	case "0":
		os.Exit(0)
	case "3":
		os.Exit(3)
	case "segv":
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -SEGV $$"}, os.Environ()) // Go would catch it
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "panic":
		panic("oh dear")
	}
	select {}
}

// leaveBehind starts a process that goes on for ever: one that holds the output, ignores SIGTERM and belongs to the
// group, or one that has left it.
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

// catch would note a SIGTERM, but registers no extension.
func catch() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	go func() { <-c; note("terminated"); os.Exit(0) }()
	lambda.Start(awsHandler)
}

func api(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func post(path, body string) int {
	resp, err := http.Post(api(path), "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func initErrorRole() {
	fmt.Println("cannot import")
	post("init/error", `{"errorMessage":"no module","errorType":"ImportError","requestId":"","stackTrace":[]}`)
	if os.Getenv("HOW") == "stay" {
		select {}
	}
	os.Exit(1)
}

func garbage() {
	for {
		c, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		if err != nil {
			os.Exit(1)
		}
		_, _ = c.Write([]byte("NONSENSE\x00\r\n\r\n"))
		_, _ = io.Copy(io.Discard, c)
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
}

// raw takes events and misbehaves as they order.
func raw() {
	for {
		resp, err := http.Get(api("invocation/next"))
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		var o order
		_ = json.Unmarshal(event, &o)
		path := "invocation/" + id + "/response"
		switch o.Raw {
		case "exit after response":
			post(path, `"done"`)
			os.Exit(5)
		case "exit without reading the reply":
			write(path, "Content-Length: 6\r\n\r\n\"done\"")
			os.Exit(5)
		case "hang after response":
			post(path, `"done"`)
			select {}
		case "half an answer":
			write(path, "Content-Length: 100\r\n\r\n\"do").Close()
			select {}
		case "half an answer and exit":
			write(path, "Content-Length: 100\r\n\r\n\"do")
			os.Exit(6)
		case "too large":
			fmt.Println("got", post(path, strings.Repeat("x", o.Size)))
		case "answer":
			post(path, `"fine"`)
		case "half a line":
			fmt.Print("half a line")
			post(path, `"fine"`)
		case "say and answer":
			fmt.Fprintln(os.Stderr, "before")
			post(path, `"fine"`)
			fmt.Println("after")
		}
	}
}

// write sends a request's beginning and leaves it at that.
func write(path, rest string) net.Conn {
	c, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		os.Exit(1)
	}
	host := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	_, _ = fmt.Fprintf(c, "POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\n%s", path, host, rest)
	return c
}

// engine is a program with one environment, which is told to leave processes behind and is never closed.
func engine() {
	s := &Starter{Dir: os.Getenv("STATE")}
	fn := handler("aws", nil)
	env, err := s.Start(context.Background(), fn)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, how := range strings.Fields(os.Getenv("HOW")) {
		_, err = env.Invoke(context.Background(), esm.Call{ID: "x", Payload: json.RawMessage(`{"Fork":"` + how + `"}`)})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("ready", env.(*environment).dir.id)
	select {}
}

// handler is a function whose command is this binary in a role.
func handler(role string, env map[string]string) config.Function {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	fn := config.Function{Name: "f", Command: []string{self}, CodeUri: os.TempDir(), Timeout: 10}
	fn.Environment.Variables = map[string]string{
		roleVariable: role,
		"GORACE":     "atexit_sleep_ms=0", // the race detector likes to wait a second
	}
	for k, v := range env {
		fn.Environment.Variables[k] = v
	}
	return fn
}

func spawnSleeper() (*exec.Cmd, error) {
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, cmd.Start()
}
