package rig

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An Engine is an `esm run`.
type Engine struct {
	testing.TB
	Listen string // the address of its HTTP API
	Ended  chan struct{}

	cmd            *exec.Cmd
	stdout, stderr Output
}

// Start starts `esm run` with these arguments. It is killed when the test ends, if it still runs.
func Start(t testing.TB, args ...string) *Engine {
	t.Helper()
	return StartWith(t, nil, args...)
}

// StartWith is Start with variables (NAME=value) beside those of the test.
func StartWith(t testing.TB, variables []string, args ...string) *Engine {
	t.Helper()
	e := &Engine{TB: t, Listen: freeAddress(t), Ended: make(chan struct{})}
	e.cmd = exec.Command(Command(t), append([]string{"run", "--listen", e.Listen}, args...)...)
	e.cmd.Env = append(dockerHost(os.Environ()), variables...)
	e.cmd.Stdout, e.cmd.Stderr = &e.stdout, &e.stderr
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.Ended)
	}()
	t.Cleanup(func() {
		e.Kill()
		if t.Failed() {
			t.Logf("esm wrote:\n%s\nits handlers:\n%s", clip(e.Log()), clip(e.Output()))
		}
	})
	return e
}

// clip shortens a long text in its middle.
func clip(text string) string {
	if len(text) > 8000 {
		return text[:4000] + "\n…\n" + text[len(text)-4000:]
	}
	return text
}

// Log returns what esm wrote to standard error.
func (e *Engine) Log() string { return e.stderr.String() }

// Output returns what esm wrote to standard output: the lines of handlers.
func (e *Engine) Output() string { return e.stdout.String() }

// PID returns the process's number.
func (e *Engine) PID() int { return e.cmd.Process.Pid }

// WaitLog waits until esm has written all of these texts to standard error.
func (e *Engine) WaitLog(texts ...string) {
	e.Helper()
	for _, text := range texts {
		Eventually(e.TB, "esm logs "+text, func() bool { return strings.Contains(e.Log(), text) })
	}
}

// WaitOutput waits until handlers have written all of these texts.
func (e *Engine) WaitOutput(texts ...string) {
	e.Helper()
	for _, text := range texts {
		Eventually(e.TB, "a handler prints "+text, func() bool { return strings.Contains(e.Output(), text) })
	}
}

// URL returns the URL of a path of the HTTP API.
func (e *Engine) URL(path string) string { return "http://" + e.Listen + path }

// WaitReady waits until all mappings poll.
func (e *Engine) WaitReady() {
	e.Helper()
	Eventually(e.TB, "esm is ready", func() bool {
		select {
		case <-e.Ended:
			e.Fatal("esm ended before it was ready")
		default:
		}
		resp, err := http.Get(e.URL("/readyz"))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// Get returns the answer to a GET request.
func (e *Engine) Get(path string) string {
	e.Helper()
	resp, err := http.Get(e.URL(path))
	if err != nil {
		e.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.Fatal(err)
	}
	return string(text)
}

// Metrics returns all metrics of one moment: by name, the sums of their series.
func (e *Engine) Metrics() map[string]float64 {
	e.Helper()
	sums := map[string]float64{}
	for line := range strings.Lines(e.Get("/metrics")) {
		cut := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if series, _, _ := strings.Cut(line[:max(cut, 0)], "{"); series != "" && series[0] != '#' {
			var value float64
			fmt.Sscan(line[cut:], &value)
			sums[series] += value
		}
	}
	return sums
}

// Metric returns the sum of a metric's series.
func (e *Engine) Metric(name string) float64 {
	e.Helper()
	return e.Metrics()[name]
}

// WaitHandled waits until n records were filtered out or answered by functions, over all mappings.
func (e *Engine) WaitHandled(n int) {
	e.Helper()
	Eventually(e.TB, fmt.Sprintf("%d records are handled", n), func() bool {
		return e.Metric("esm_filtered_out_events_total")+e.Metric("esm_batch_records_sum") >= float64(n)
	})
}

// Signal sends a signal.
func (e *Engine) Signal(s os.Signal) { _ = e.cmd.Process.Signal(s) }

// Stop asks for a clean end, and checks that it comes and the exit code is 0.
func (e *Engine) Stop() {
	e.Helper()
	e.Signal(syscall.SIGTERM)
	e.WantExit(0)
}

// WantExit waits until esm ends, and checks its exit code.
func (e *Engine) WantExit(want int) {
	e.Helper()
	select {
	case <-e.Ended:
	case <-time.After(90 * time.Second):
		e.Fatal("esm does not end within 90 s")
	}
	if code := e.cmd.ProcessState.ExitCode(); code != want {
		e.Errorf("exit code %d, want %d", code, want)
	}
}

// Kill ends the process as a crash does.
func (e *Engine) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.Ended
}

// ProcessesWith lists the processes that have a text in their environment: a handler, and all it started. It needs /proc.
func ProcessesWith(text string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), text) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
