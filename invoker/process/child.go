package process

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is the leader of a process group of its own. When it ends, its group is killed.
type child struct {
	pid    int
	exited chan struct{} // closed when it has ended and its group is killed
	state  *os.ProcessState
	work   sync.WaitGroup

	mu   sync.Mutex
	dead bool // its process id may be reused
}

// command describes a process.
type command struct {
	path           string
	argv, env      []string
	dir            string
	stdout, stderr *os.File
}

// spawn starts c, on a goroutine with an OS thread that lives as long as the child: the kernel takes the end of the thread
// that started a process for the end of its parent.
func spawn(c command) (*child, error) {
	ch := &child{exited: make(chan struct{})}
	started := make(chan error, 1)
	ch.work.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd, err := c.start()
		if err == nil {
			ch.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			ch.reap(cmd)
		}
	})
	if err := <-started; err != nil {
		return nil, err
	}
	return ch, nil
}

// start forks and executes. It retries for a short time while the file is open for writing in another process that is
// being forked.
func (c command) start() (*exec.Cmd, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		cmd := &exec.Cmd{Path: c.path, Args: c.argv, Env: c.env, Dir: c.dir, Stdout: c.stdout, Stderr: c.stderr}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		dieWithParent(cmd.SysProcAttr)
		err := cmd.Start()
		if err == nil {
			return cmd, nil
		}
		if !errors.Is(err, syscall.ETXTBSY) || wait > 200*time.Millisecond {
			return nil, err
		}
		<-time.After(wait)
	}
}

// reap waits for the child's end. It kills the group before it releases the child's id, so that no other group can have
// the same.
func (c *child) reap(cmd *exec.Cmd) {
	awaitExit(c.pid)
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	_ = syscall.Kill(-c.pid, syscall.SIGKILL) // an error means that the group is empty
	_ = cmd.Wait()                            // the result is in ProcessState
	c.state = cmd.ProcessState
	close(c.exited)
}

// signal sends sig to the whole group, unless it is being killed.
func (c *child) signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		_ = syscall.Kill(-c.pid, sig)
	}
}

// gone waits at most d for the child to end.
func (c *child) gone(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.exited:
		return true
	case <-t.C:
		return false
	}
}

// reason returns why the child ended, in the form of [runtimeapi.Exited].
func (c *child) reason() string {
	status, ok := c.state.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled():
		return "signal: " + status.Signal().String()
	case c.state.Success():
		return ""
	default:
		return c.state.String()
	}
}
