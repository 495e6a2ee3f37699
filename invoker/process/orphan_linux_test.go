package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// marked returns the living processes of a sandbox.
func marked(id string) (pids []int) {
	for _, pid := range processes() {
		if bears(pid, map[string]bool{id: true}) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestProcessesLeftBehindAreKilled(t *testing.T) {
	for _, how := range []string{"kept", "setsid"} {
		r := newRig(t)
		e := r.start(withExtensions(t, "idle"))
		id := r.describe(e, order{Fork: how}).Env[marker]
		if got := len(marked(id)); got < 3 {
			t.Fatalf("%s: got %d processes, want at least 3", how, got)
		}
		r.invoke(e, order{Fork: how, Die: "3"})
		r.describe(e, order{})
		if got := marked(id); len(got) != 2 {
			t.Errorf("%s: got processes %v after a crash, want the new runtime and its extension", how, got)
		}
		r.describe(e, order{Fork: how})
		e.Close()
		if got := marked(id); len(got) > 0 {
			t.Errorf("%s: processes %v survive", how, got)
		}
		r.wantEmpty(r.platform.Dir)
	}
}

// The kernel kills the runtimes of a killed program; Sweep finds what they had started.
func TestKilledProgram(t *testing.T) {
	for _, how := range []string{"", "kept setsid"} {
		r := newRig(t)
		fn, least := withExtensions(t, "idle"), 2
		if how != "" {
			fn, least = withExtensions(t, "fork", "idle"), 7
		}
		cmd, id := startEngine(t, r.platform.Dir, how, fn.CodeUri)
		if got := len(marked(id)); got < least {
			t.Fatalf("got %d processes, want at least %d", got, least)
		}
		before := len(marked(id))
		must(t, r.platform.Sweep())
		if got := len(marked(id)); got < before-1 { // a shell's sleep may have just ended
			t.Errorf("sweeping ended the processes of a living program: %d of %d are left", got, before)
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // says that it was killed
		if how == "" {
			waitFor(t, func() bool { return len(marked(id)) == 0 })
		}
		must(t, r.platform.Sweep())
		if got := marked(id); len(got) > 0 {
			t.Errorf("processes %v survive", got)
		}
		r.wantEmpty(r.platform.Dir)
		must(t, r.platform.Sweep())
	}
}

func startEngine(t *testing.T, state, how, code string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=engine", "STATE="+state, "HOW="+how, "CODE="+code)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	id, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Fatalf("got %q, %v", line, err)
	}
	return cmd, id
}

// A recorded group is killed too, for a process that has overwritten its environment, but only if its leader is still the
// same process.
func TestSweepByRecord(t *testing.T) {
	r := newRig(t)
	sleeper := func() *exec.Cmd {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		must(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		return c
	}
	guilty, accomplice, innocent := sleeper(), sleeper(), sleeper()
	dir := filepath.Join(r.platform.Dir, "999999999-1-"+bootID())
	for id, text := range map[string]string{
		"a": strconv.Itoa(guilty.Process.Pid) + " " + startTime(guilty.Process.Pid) + "\n" +
			strconv.Itoa(accomplice.Process.Pid) + " " + startTime(accomplice.Process.Pid) + "\n",
		"b": strconv.Itoa(innocent.Process.Pid) + " 1",
		"c": "nonsense",
		"d": "-1 ",
	} {
		p := private{id: id, path: filepath.Join(dir, id)}
		must(t, os.MkdirAll(p.tmp(), 0o700))
		must(t, os.WriteFile(p.group(), []byte(text), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(r.platform.Dir, "something else"), 0o700))
	must(t, os.WriteFile(filepath.Join(r.platform.Dir, "1-2-3"), nil, 0o600))
	must(t, r.platform.Sweep())
	waitFor(t, func() bool { return startTime(guilty.Process.Pid) == "" && startTime(accomplice.Process.Pid) == "" })
	if startTime(innocent.Process.Pid) == "" {
		t.Error("a process that only has the same id was killed")
	}
	entries, err := os.ReadDir(r.platform.Dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v; want the foreign directory and file alone", entries, err)
	}
}
