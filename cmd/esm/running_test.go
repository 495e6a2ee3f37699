package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runningCommand is an `esm run` within this process.
type runningCommand struct {
	*testing.T
	lines chan string // of standard error
	stop  context.CancelFunc
	over  chan struct{} // closed when it has ended
	code  int           // its exit code, by then
}

// startRun starts `esm run` on the text of a file. It ends with the test.
func startRun(t *testing.T, file string, flags ...string) *runningCommand {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "mappings.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &runningCommand{T: t, lines: make(chan string, 1000), stop: stop, over: make(chan struct{})}
	args := append([]string{"run", path, "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"}, flags...)
	go func() {
		defer close(r.over)
		r.code = execute(ctx, args, io.Discard, lineWriter(r.lines))
	}()
	t.Cleanup(func() { r.stopped() })
	return r
}

// lineWriter sends what is written, each piece of which is whole lines.
type lineWriter chan<- string

func (w lineWriter) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		w <- string(line)
	}
	return len(p), nil
}

// says waits for a line that holds a text, and returns it.
func (r *runningCommand) says(text string) string {
	r.Helper()
	var before []string
	for late := time.After(30 * time.Second); ; {
		select {
		case line := <-r.lines:
			if strings.Contains(line, text) {
				return line
			}
			before = append(before, line)
		case <-late:
			r.Fatalf("it does not say %q, but:\n%s", text, strings.Join(before, ""))
		}
	}
}

// rest is what it has said and nobody has read.
func (r *runningCommand) rest() (text string) {
	for len(r.lines) > 0 {
		text += <-r.lines
	}
	return text
}

// ended waits for its end and returns the exit code.
func (r *runningCommand) ended() int {
	r.Helper()
	select {
	case <-r.over:
		return r.code
	case <-time.After(30 * time.Second):
		r.Fatal("it does not end")
		return -1
	}
}

// stopped is ended, which it asks for.
func (r *runningCommand) stopped() int {
	r.Helper()
	r.stop()
	return r.ended()
}

// address is where the face listens, once everything runs.
func (r *runningCommand) address() string {
	r.Helper()
	_, address, _ := strings.Cut(r.says("status, metrics and health on"), "http://")
	return strings.Trim(address, "\"\n")
}

// get asks for a URL.
func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
