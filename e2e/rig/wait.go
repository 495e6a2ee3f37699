package rig

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Slack bounds how long something takes on a busy machine that takes about a second on an idle one.
const Slack = 30 * time.Second

// Eventually waits until a condition holds. It fails the test after three minutes: on a busy machine a service may need
// one.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Within(t, 3*time.Minute, what, holds)
}

// Within waits until a condition holds, up to a limit.
func Within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v it does not hold that %s", limit, what)
		}
	}
}

// Receive waits for a value, up to a minute.
func Receive[T any](t testing.TB, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(time.Minute):
		t.Fatal("nothing comes within a minute")
	}
	return value
}

// missing skips a test for the want of something, and fails it in CI, where nothing is skipped.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing", what)
}

// Need skips a test where a program is missing.
func Need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program)
	}
}

// NeedCommand skips a test where a command is missing or fails.
func NeedCommand(t testing.TB, command ...string) {
	t.Helper()
	if err := exec.Command(command[0], command[1:]...).Run(); err != nil {
		missing(t, strings.Join(command, " "))
	}
}

// NeedVariable returns an environment variable that ./test sets, and skips a test without it.
func NeedVariable(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		missing(t, name+", which ./test sets,")
	}
	return value
}

// Output keeps what a process writes. It may be read meanwhile.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write is [io.Writer].Write.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
