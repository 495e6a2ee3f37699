package invokertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// order is the event of the suite's handler.
type order struct {
	Do    string          `json:"do"`
	Value json.RawMessage `json:"value,omitempty"`
	Name  string          `json:"name,omitempty"` // of a file
	Code  int             `json:"code,omitempty"` // of an exit
	Size  int             `json:"size,omitempty"` // of an answer
	End   string          `json:"end,omitempty"`  // of a stream: "", "fail" or "hang"
}

// about describes an invocation and its environment as the handler sees them.
type about struct {
	ID            string            `json:"id"`
	Arn           string            `json:"arn"`
	Trace         string            `json:"trace"`
	ClientContext string            `json:"clientContext"`
	Left          time.Duration     `json:"left"`  // until the deadline
	Calls         int               `json:"calls"` // of this process, this one included
	Env           map[string]string `json:"env"`
}

// Variables that make a process the suite's handler, and its Init fail.
const (
	handlerVariable = "ESM_INVOKERTEST"
	initVariable    = "ESM_INVOKERTEST_INIT"
)

const initError = `{"errorMessage":"there is no such module","errorType":"Runtime.ImportModuleError"}`

// ServeIfAsked makes this process the handler of [Run], or the extension of [RunExtensions], and never returns, if it was
// started as that. Otherwise it does nothing. The program of a test is both if its TestMain begins with this call.
func ServeIfAsked() {
	if os.Getenv(handlerVariable) == "" {
		return
	}
	mode := os.Getenv(extensionVariable)
	switch {
	case isExtension():
		extend(mode)
	case mode == adapts:
		time.Sleep(time.Hour) // a select would be a deadlock, and end the process
	}
	switch os.Getenv(initVariable) {
	case "internal":
		extendInternally()
	case "exit":
		os.Exit(3)
	case "error":
		post("init/error", []byte(initError))
		os.Exit(1)
	}
	for calls := 1; ; calls++ {
		serve(calls)
	}
}

// serve takes one event over HTTP and carries it out.
func serve(calls int) {
	resp, err := http.Get(url("invocation/next"))
	if err != nil {
		fail(err)
	}
	event, err := io.ReadAll(resp.Body)
	if err != nil {
		fail(err)
	}
	_ = resp.Body.Close()
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		fail(err)
	}
	path := "invocation/" + resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	o.obey(path, resp.Header, calls)
}

func (o order) obey(path string, h http.Header, calls int) {
	answer := func(body []byte) { post(path+"/response", body) }
	switch o.Do {
	case "echo":
		answer(o.Value)
	case "about":
		answer(describe(h, calls))
	case "print":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		fmt.Print("half a line")
		answer([]byte("null"))
	case "large":
		answer(bytes.Repeat([]byte{'1'}, o.Size))
	case "stream":
		o.stream(path)
	case "write":
		must(os.WriteFile(file(o.Name), o.Value, 0o600))
		answer([]byte("null"))
	case "read":
		content, err := os.ReadFile(file(o.Name))
		if err != nil {
			content = []byte("null")
		}
		answer(content)
	case "exit":
		os.Exit(o.Code)
	case "kill":
		if os.Getpid() == 1 { // which no signal from inside its container can kill; its status is the same
			os.Exit(128 + int(syscall.SIGKILL))
		}
		must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		select {}
	case "hang":
		select {}
	case "tick":
		fmt.Println(ticking)
		go func() { // ends with the process
			for {
				<-time.After(tick)
				fmt.Println(ticking)
			}
		}()
		answer([]byte("null"))
	case "answer and exit":
		answer([]byte("null"))
		os.Exit(o.Code)
	default:
		fail(fmt.Errorf("no such order: %q", o.Do))
	}
}

// streamError is the failure at the end of a stream.
const streamError = `{"errorMessage":"halfway","errorType":"Function.Late"}`

// streamType is the media type of streams.
const streamType = "text/event-stream"

// stream streams Size bytes.
func (o order) stream(path string) {
	read, write := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, url(path+"/response"), read)
	must(err)
	req.Header.Set("Content-Type", streamType)
	req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
	go func() { // ends before the request does
		_, _ = io.Copy(write, io.LimitReader(ones{}, int64(o.Size))) // fails with the request
		switch o.End {
		case "hang":
			return
		case "fail":
			req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Function.Late")
			req.Trailer.Set("Lambda-Runtime-Function-Error-Body", base64.StdEncoding.EncodeToString([]byte(streamError)))
		}
		_ = write.Close()
	}()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fail(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// ones are digits without an end.
type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '1'
	}
	return len(p), nil
}

func describe(h http.Header, calls int) []byte {
	var deadline int64
	_, err := fmt.Sscan(h.Get("Lambda-Runtime-Deadline-Ms"), &deadline)
	must(err)
	a := about{
		ID:            h.Get("Lambda-Runtime-Aws-Request-Id"),
		Arn:           h.Get("Lambda-Runtime-Invoked-Function-Arn"),
		Trace:         h.Get("Lambda-Runtime-Trace-Id"),
		ClientContext: h.Get("Lambda-Runtime-Client-Context"),
		Left:          time.Until(time.UnixMilli(deadline)),
		Calls:         calls,
		Env:           map[string]string{},
	}
	for _, name := range []string{"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "GREETING"} {
		a.Env[name] = os.Getenv(name)
	}
	body, err := json.Marshal(a)
	must(err)
	return body
}

func file(name string) string { return filepath.Join(os.TempDir(), name) }

func url(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func post(path string, body []byte) {
	resp, err := http.Post(url(path), "application/json", bytes.NewReader(body))
	if err != nil {
		fail(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

func must(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "invokertest:", err)
	os.Exit(99)
}
