package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// marked are the living processes of an environment.
func marked(id string) (pids []int) {
	for _, pid := range processes() {
		if bears(pid, map[string]bool{id: true}) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestCloseEndsWhatWasLeftBehind(t *testing.T) {
	for _, how := range []string{"kept", "setsid"} {
		s, _ := newStarter(t)
		e := start(t, s, handler("aws", nil))
		id := e.(*environment).dir.id
		invoke(t, e, order{Fork: how})
		if got := len(marked(id)); got < 2 {
			t.Fatalf("%s: got %d processes, want at least 2", how, got)
		}
		began := time.Now()
		e.Close()
		if took := time.Since(began); took > patience {
			t.Errorf("%s: it took %v to close", how, took)
		}
		if got := marked(id); len(got) > 0 {
			t.Errorf("%s: processes %v survive", how, got)
		}
		wantEmpty(t, s.Dir)
	}
}

func TestCrashEndsWhatWasLeftBehind(t *testing.T) {
	for _, how := range []string{"kept", "setsid"} {
		s, _ := newStarter(t)
		e := start(t, s, handler("aws", nil))
		id := e.(*environment).dir.id
		began := time.Now()
		if got := invoke(t, e, order{Fork: how, Die: "3"}); got.Fault != "Runtime.ExitError" {
			t.Errorf("%s: got %s", how, got.Payload)
		}
		invoke(t, e, order{})
		if took := time.Since(began); took > patience {
			t.Errorf("%s: took %v", how, took)
		}
		if got := marked(id); len(got) != 1 {
			t.Errorf("%s: got processes %v, want the new runtime alone", how, got)
		}
	}
}

// A program that is killed leaves no runtime behind, and what the runtime had started is found later.
func TestKilledProgram(t *testing.T) {
	for _, how := range []string{"", "kept setsid"} {
		state := t.TempDir()
		cmd, id := startEngine(t, state, how)
		if got, want := len(marked(id)), 1+2*len(strings.Fields(how)); got < 1 || (how != "" && got < 3) {
			t.Fatalf("got %d processes, want about %d", got, want)
		}
		s := &Starter{Dir: state}
		before := len(marked(id))
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		if got := len(marked(id)); got < before-1 { // a shell's sleep may have just ended
			t.Errorf("sweeping ended the processes of a living program: %d of %d are left", got, before)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // says that it was killed
		if how == "" {
			waitFor(t, func() bool { return len(marked(id)) == 0 })
		}
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		if got := marked(id); len(got) > 0 {
			t.Errorf("processes %v survive", got)
		}
		wantEmpty(t, state)
		if err := s.Sweep(); err != nil {
			t.Error(err)
		}
	}
}

func startEngine(t *testing.T, state, how string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=engine", "STATE="+state, "HOW="+how)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	id, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Fatalf("got %q, %v", line, err)
	}
	return cmd, id
}

// A group is killed by its record too, for a process that has overwritten its environment; but only if its leader is
// the same process still.
func TestSweepByRecord(t *testing.T) {
	s, _ := newStarter(t)
	sleeper := func() *exec.Cmd {
		c, err := spawnSleeper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		return c
	}
	guilty, innocent := sleeper(), sleeper()
	// The test runs in what could be a program of another time.
	dir := filepath.Join(s.Dir, "999999999-1-"+bootID())
	for id, text := range map[string]string{
		"a": strconv.Itoa(guilty.Process.Pid) + " " + startTime(guilty.Process.Pid),
		"b": strconv.Itoa(innocent.Process.Pid) + " 1",
		"c": "nonsense",
		"d": "-1 ",
	} {
		p := private{id: id, path: filepath.Join(dir, id)}
		if err := os.MkdirAll(p.tmp(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p.group(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(s.Dir, "something else"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "1-2-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return startTime(guilty.Process.Pid) == "" })
	if startTime(innocent.Process.Pid) == "" {
		t.Error("a process that only bears the same id was killed")
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v; want the strange directory and file alone", entries, err)
	}
}
