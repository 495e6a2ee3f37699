package bootstrap

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

const patience = 30 * time.Second // for what a process does at once

// event is one answer to next.
type event struct {
	id      string
	payload string
	header  map[string]string
}

// answer is what a runtime posted.
type answer struct {
	path      string // after /2018-06-01/runtime/
	body      string
	errorType string // Lambda-Runtime-Function-Error-Type
	streamed  bool
	mediaType string
	failure   string // at the end of a stream
}

// fakeAPI is a Runtime API for one runtime: it sends events to it and passes on what it posts.
type fakeAPI struct {
	*httptest.Server
	events   chan event
	answers  chan answer
	asked    chan struct{} // a value for each of the first calls of next
	dropped  chan struct{} // a value for each call of next whose connection was lost
	tooLarge int           // a response longer than this is answered 413; 0 is no limit
	chunked  bool          // events are sent without a Content-Length
	hangUp   bool          // every answer closes its connection
	parts    chan string   // what arrives of streams, if it is not nil
	gone     chan struct{} // closed by end
	end      func()        // takes the API away, also from a process that is just connecting
}

func newFakeAPI(t testing.TB) *fakeAPI {
	f := &fakeAPI{events: make(chan event), answers: make(chan answer, 10), asked: make(chan struct{}, 10), dropped: make(chan struct{}, 10), gone: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/", f.post)
	f.Server = httptest.NewServer(mux)
	f.end = sync.OnceFunc(func() {
		close(f.gone)
		f.CloseClientConnections()
		f.Close()
	})
	t.Cleanup(f.end)
	return f
}

func (f *fakeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case f.asked <- struct{}{}:
	default:
	}
	var e event
	select {
	case e = <-f.events:
	case <-r.Context().Done():
		f.dropped <- struct{}{}
		return
	case <-f.gone:
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", e.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:fn")
	for name, value := range e.header {
		header.Set(name, value)
	}
	if f.hangUp {
		header.Set("Connection", "close")
	}
	if f.chunked {
		middle := len(e.payload) / 2
		io.WriteString(w, e.payload[:middle])
		w.(http.Flusher).Flush()
		io.WriteString(w, e.payload[middle:])
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(e.payload)))
	io.WriteString(w, e.payload)
}

func (f *fakeAPI) post(w http.ResponseWriter, r *http.Request) {
	body, err := f.read(w, r)
	if err != nil {
		return
	}
	failure, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if err != nil {
		failure = []byte("not base64")
	}
	f.answers <- answer{
		path:      strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/"),
		body:      string(body),
		errorType: r.Header.Get("Lambda-Runtime-Function-Error-Type") + r.Trailer.Get("Lambda-Runtime-Function-Error-Type"),
		streamed:  r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming",
		mediaType: r.Header.Get("Content-Type"),
		failure:   string(failure),
	}
	w.Header().Set("Content-Type", "application/json")
	if f.tooLarge > 0 && len(body) > f.tooLarge {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, `{"errorMessage":"too large","errorType":"RequestEntityTooLarge"}`)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, "{\"status\":\"OK\"}\n")
}

// read reads a body. It stops when that is too large, and passes on the parts of it.
func (f *fakeAPI) read(w http.ResponseWriter, r *http.Request) (body []byte, err error) {
	for part := make([]byte, 4096); ; {
		n, err := r.Body.Read(part)
		body = append(body, part[:n]...)
		if n > 0 && f.parts != nil {
			f.parts <- string(part[:n])
		}
		switch {
		case f.tooLarge > 0 && len(body) > f.tooLarge, errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

// process is a started handler and the Runtime API that it talks to.
type process struct {
	t      testing.TB
	api    *fakeAPI
	cmd    *exec.Cmd
	exited chan struct{}
	out    bytes.Buffer // read after exited
}

// code writes the files of a function into a new directory; a key is a path.
func code(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return dir
}

// begin starts the handler of fn against api.
func begin(t testing.TB, api *fakeAPI, fn config.Function) *process {
	t.Helper()
	b := &Bootstraps{Dir: t.TempDir()}
	argv, env, err := b.Command(fn)
	if err != nil {
		needInterpreter(t, err)
	}
	p := &process{t: t, api: api, exited: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	p.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	p.cmd.Dir = fn.CodeUri
	p.cmd.Env = environ(fn, env, api.Listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	must(t, p.cmd.Start())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		p.cmd.Wait() // its error is the exit status, which is read from ProcessState
		close(p.exited)
	})
	t.Cleanup(func() {
		cancel()
		waiting.Wait()
		if t.Failed() {
			t.Logf("the process wrote:\n%s", p.out.String())
		}
	})
	return p
}

func environ(fn config.Function, more map[string]string, address string) []string {
	env := map[string]string{
		"PATH":                            os.Getenv("PATH"),
		"LAMBDA_TASK_ROOT":                fn.CodeUri,
		"AWS_LAMBDA_RUNTIME_API":          address,
		"AWS_LAMBDA_FUNCTION_NAME":        "fn",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/fn",
		"AWS_LAMBDA_LOG_STREAM_NAME":      "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
	}
	maps.Copy(env, fn.Environment.Variables)
	maps.Copy(env, more)
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// needInterpreter skips the test on a machine without the interpreter, except in CI.
func needInterpreter(t testing.TB, err error) {
	t.Helper()
	var invalid *Invalid
	if os.Getenv("CI") == "true" || errors.As(err, &invalid) {
		t.Fatal(err)
	}
	t.Skipf("an interpreter is missing: %v", err)
}

// invoke sends the process an event and returns what it posts about it.
func (p *process) invoke(e event) answer {
	p.t.Helper()
	p.send(e)
	got := p.answer()
	if want := "invocation/" + e.id + "/"; !strings.HasPrefix(got.path, want) {
		p.t.Fatalf("posted to %q, want %q…", got.path, want)
	}
	return got
}

func (p *process) send(e event) {
	p.t.Helper()
	select {
	case p.api.events <- e:
	case <-p.exited:
		p.t.Fatalf("the process ended (%v) before it asked for an event", p.cmd.ProcessState)
	case <-time.After(patience):
		p.t.Fatal("the process does not ask for an event")
	}
}

func (p *process) answer() answer {
	p.t.Helper()
	select {
	case got := <-p.api.answers:
		return got
	case <-p.exited:
		if len(p.api.answers) == 0 {
			p.t.Fatalf("the process ended without an answer: %v", p.cmd.ProcessState)
		}
		return <-p.api.answers
	case <-time.After(patience):
		p.t.Fatal("the process does not answer")
		return answer{}
	}
}

// exit waits for the process to end and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
		return 0
	}
}

// lines takes the Runtime API away, waits for the process to end and returns what it wrote.
func (p *process) lines() []string {
	p.t.Helper()
	p.api.end()
	p.exit()
	return strings.Split(strings.TrimSuffix(p.out.String(), "\n"), "\n")
}

// failure is the body of a reported error, of either language.
type failure struct {
	ErrorMessage string   `json:"errorMessage"`
	ErrorType    string   `json:"errorType"`
	RequestID    *string  `json:"requestId"`
	StackTrace   []string `json:"stackTrace"`
	Trace        []string `json:"trace"`
}

// frames returns the stack trace, which each language names differently.
func (f failure) frames() []string { return append(f.StackTrace, f.Trace...) }

func (a answer) failed(t testing.TB) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		t.Fatalf("posted to %s: %q: %v", a.path, a.body, err)
	}
	return f
}

// equalJSON compares JSON by its values.
func equalJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("got %q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("want %q: %v", want, err)
	}
	if fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// must ends the test if a step of its setup failed.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
