package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// soleFunction is an engine with the function orders, as far as Invoke needs one.
type soleFunction struct {
	answer func(esm.Call) (esm.Response, error)
}

func (soleFunction) Function(name string) (config.Function, bool) {
	return config.Function{Name: name, Command: []string{"x"}}, name == "orders"
}

// Accept implements [esm.Acceptor] for an event that says whether it can be stored.
func (soleFunction) Accept(_ context.Context, e esm.Event) error {
	if string(e.Payload) == `"full"` {
		return errors.New("disk full")
	}
	return nil
}

func (soleFunction) Functions() []config.Function { return []config.Function{{Name: "orders"}} }
func (soleFunction) Modified() time.Time          { return time.Time{} }

func (o soleFunction) Invoke(_ context.Context, c esm.Call) (esm.Response, error) { return o.answer(c) }

func (soleFunction) Reserve(context.Context, string) (esm.Slot, error) { return nil, esm.ErrRefused }

// invokeOn serves Lambda's API of one function and returns its address.
func invokeOn(t *testing.T, answer func(tails *api.Tails, c esm.Call) (esm.Response, error)) (address string) {
	t.Helper()
	tails := &api.Tails{}
	o := soleFunction{func(c esm.Call) (esm.Response, error) { return answer(tails, c) }}
	server := httptest.NewServer(&api.Server{Functions: o, Invoker: o, Async: o, Tails: tails, Region: "us-east-1", Account: "000000000000"})
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// runInvoke runs the command. Standard input is not reached here.
func runInvoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = execute(t.Context(), append([]string{"invoke"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestInvokeCommand(t *testing.T) {
	address := invokeOn(t, func(tails *api.Tails, c esm.Call) (esm.Response, error) {
		tails.Trace(trace.Output{ID: c.ID, Line: "hello\rthere"})
		switch string(c.Payload) {
		case `"fail"`:
			return esm.Response{Payload: []byte(`{"errorMessage":"no"}`), Fault: "Unhandled"}, nil
		case `"busy"`:
			return esm.Response{}, esm.ErrThrottled
		case `"down"`:
			return esm.Response{}, fmt.Errorf("start: %w", esm.ErrNotRun)
		}
		return esm.Response{Payload: c.Payload}, nil
	})
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, fmt.Sprintf("%x.json", text))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"nothing", []string{"orders"}, 0, "{}\n", ""},
		{"an event", []string{"orders", "--payload", file(`{"a": 1}`)}, 0, "{\"a\": 1}\n", ""},
		{"an ARN", []string{"arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST"}, 0, "{}\n", ""},
		{"the log", []string{"orders", "--tail"}, 0, "{}\n", "hello\nthere\n"},
		{"a failure", []string{"orders", "--payload", file(`"fail"`)}, 1, "{\"errorMessage\":\"no\"}\n", "esm: the function failed: its response says why\n"},
		{"a throttle", []string{"orders", "--payload", file(`"busy"`)}, 1, "", "esm: Rate Exceeded. (ConcurrentInvocationLimitExceeded): every permit"},
		{"no environment", []string{"orders", "--payload", file(`"down"`)}, 1, "", "esm: start: the function was not run (ServiceException)\n"},
		{"another function", []string{"order"}, 2, "", "esm: Function not found: arn:aws:lambda:us-east-1:000000000000:function:order:$LATEST (ResourceNotFoundException): `esm status` lists the functions\n"},
		{"no JSON", []string{"orders", "--payload", file(`oops`)}, 2, "", "esm: Could not parse request body into json: Could not parse payload into json: invalid character 'o' looking for beginning of value"},
		{"no file", []string{"orders", "--payload", dir + "/x"}, 2, "", "esm: --payload " + dir + "/x: no such file: give the event itself, such as --payload '{\"id\": 7}'\n"},
		{"inline", []string{"orders", "--payload", `{"inline": true}`}, 0, `{"inline": true}` + "\n", ""},
		{"a full disk", []string{"orders", "--event", "--payload", file(`"full"`)}, 1, "", "esm: "},
		{"no name", nil, 2, "", "esm: accepts 1 arg(s), received 0 (see esm invoke --help)\n"},
		{"both", []string{"orders", "--event", "--tail"}, 2, "", "esm: give --event or --tail, not both: an asynchronous invocation returns no log (see esm invoke --help)\n"},
	}
	for _, tt := range tests {
		code, stdout, stderr := runInvoke(t, append(tt.args, "--listen", address)...)
		if code != tt.code || stdout != tt.stdout || !strings.HasPrefix(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
			t.Errorf("%s: got %d, %q, %q\nwant %d, %q, %q", tt.name, code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
		}
	}
}

// The output of an asynchronous invocation is its request ID.
func TestInvokeAsynchronously(t *testing.T) {
	address := invokeOn(t, nil)
	code, stdout, stderr := runInvoke(t, "orders", "--event", "--payload", `{"id": 7}`, "--listen", address)
	if _, err := uuid.Parse(strings.TrimSpace(stdout)); code != 0 || err != nil || stderr != "" {
		t.Errorf("got %d, %q, %q", code, stdout, stderr)
	}
}

func TestInvokeWithoutAnEngine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if code, _, stderr := runInvoke(t, "f", "--listen", l.Addr().String()); code != 1 || !strings.Contains(stderr, "is `esm run` running") {
		t.Errorf("got %d, %q", code, stderr)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	code, _, stderr := runInvoke(t, "f", "--listen", other.Listener.Addr().String())
	if want := "but something else does (HTTP 404)\n"; code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("got %d, %q", code, stderr)
	}
	if code, _, stderr := runInvoke(t, "f", "--listen", "x"); code != 2 || !strings.Contains(stderr, "is not host:port") {
		t.Errorf("got %d, %q", code, stderr)
	}
}
