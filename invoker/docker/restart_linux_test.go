package docker

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// ownDaemon is a daemon that a test may end.
type ownDaemon struct {
	*testing.T
	dir     string
	process *exec.Cmd
}

// newOwnDaemon starts a daemon with files of its own, which the test's helpers use from then on.
func newOwnDaemon(t *testing.T) *ownDaemon {
	dockertest.Host(t)
	path, err := exec.LookPath("dockerd")
	if err != nil || os.Getuid() != 0 {
		t.Skip("it starts a Docker daemon of its own, which needs dockerd and root")
	}
	dir, err := os.MkdirTemp("", "esm-dockerd-") // short enough for sockets
	must(t, err)
	d := &ownDaemon{T: t, dir: dir}
	d.start(path)
	t.Cleanup(func() {
		d.end(syscall.SIGTERM)
		d.unmount()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Setenv(dockertest.HostVariable, d.host())
	return d
}

// unmount ends what a daemon that was killed has left mounted.
func (d *ownDaemon) unmount() {
	mounts, _ := os.ReadFile("/proc/self/mounts") // RemoveAll shows whether any was left
	for _, line := range slices.Backward(strings.Split(string(mounts), "\n")) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], d.dir+"/") {
			_ = syscall.Unmount(fields[1], syscall.MNT_DETACH)
		}
	}
}

func (d *ownDaemon) host() string { return "unix://" + filepath.Join(d.dir, "s") }

func (d *ownDaemon) start(path string) {
	d.Helper()
	in := func(name string) string { return filepath.Join(d.dir, name) }
	log, err := os.OpenFile(in("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(d, err)
	defer log.Close()
	d.process = exec.Command(path, "--host", d.host(), "--data-root", in("data"), "--exec-root", in("exec"), "--pidfile", in("pid"),
		"--bridge", "none", "--iptables=false")
	d.process.Stdout, d.process.Stderr = log, log
	must(d, d.process.Start())
	p := &Platform{Host: d.host()}
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := p.Check(d.Context())
		if err == nil {
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(in("log"))
			d.Fatalf("%v\n%s", err, text)
		}
	}
}

func (d *ownDaemon) end(signal syscall.Signal) {
	_ = d.process.Process.Signal(signal)
	_ = d.process.Wait() // ends with the signal
}

// Invocations end when the daemon does, and environments come back with it: after it was stopped, which ends containers, and
// after it was killed, which leaves them.
func TestDaemonRestarts(t *testing.T) {
	d := newOwnDaemon(t)
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Timeout = 8
	e := r.start(fn)
	result[facts](r, e, order{Do: "look"})
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		var invoking sync.WaitGroup
		invoking.Go(func() {
			resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Do":"hang"}`)})
			if err != nil || resp.Fault != "Runtime.ExitError" && resp.Fault != "Sandbox.Timedout" {
				t.Errorf("%v: got %s %s, %v", signal, resp.Fault, resp.Payload, err)
			}
		})
		d.end(signal)
		began := time.Now()
		invoking.Wait()
		if took := time.Since(began); took > fn.TimeLimit()+time.Second {
			t.Errorf("%v: the invocation ended %v after the daemon", signal, took)
		}
		d.start(d.process.Path)
		waitFor(t, "an environment after the daemon's restart", func() bool {
			resp, err := e.Invoke(t.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Do":"look"}`)})
			if err == nil && resp.Fault == "" && e.Drain(t.Context()) == nil {
				return true
			}
			e.Close()
			e = r.start(fn)
			return false
		})
	}
}
