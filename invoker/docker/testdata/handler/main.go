// Command handler is the program of the images of tests: the suite's handler, or one that looks around and misbehaves as
// ordered. It speaks the Runtime API itself.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/esm-run/esm/invoker/invokertest"
)

type order struct {
	Do   string
	N    int
	Text string
}

// Facts describe the environment from the inside.
type facts struct {
	Pid, Uid, Gid int
	Dir           string
	Args          []string
	Env           []string
	Status        map[string]string // of /proc/self/status
	Files         uint64            // limit
	Core          uint64            // limit
	Writable      []string          // directories outside of /tmp
	Tmp, TmpFree  uint64            // bytes
	TmpMode       string
	TmpType       int64
	Hosts         string
	Shm           uint64
	Memory, Cpu   string // limits of the control group
	Task          []string
}

func main() {
	invokertest.ServeIfAsked()
	switch role := os.Getenv("ROLE"); role {
	case "sleep":
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	case "never polls":
		fmt.Println("I never poll")
		time.Sleep(time.Hour)
	case "exits":
		fmt.Println("I exit")
		os.Exit(4)
	case "ignores SIGTERM":
		signal.Ignore(syscall.SIGTERM)
	}
	if strings.HasPrefix(os.Args[0], "/opt/extensions/") {
		extension()
	}
	for {
		next()
	}
}

func url(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/" + path
}

func next() {
	resp, err := http.Get(url("next"))
	check(err)
	body, err := io.ReadAll(resp.Body)
	check(err)
	resp.Body.Close()
	var o order
	check(json.Unmarshal(body, &o))
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	answer(id, o.obey(id))
}

func answer(id string, v any) int {
	body, err := json.Marshal(v)
	check(err)
	resp, err := http.Post(url(id+"/response"), "application/json", bytes.NewReader(body))
	check(err)
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func check(err error) {
	if err != nil {
		fmt.Println("handler:", err)
		os.Exit(99)
	}
}

func (o order) obey(id string) any {
	switch o.Do {
	case "look":
		return look()
	case "fill":
		return fill(o.N)
	case "eat":
		b := make([]byte, o.N<<20)
		for i := range b {
			b[i] = 1
		}
		return len(b)
	case "spawn":
		return spawn(o.N)
	case "daemon":
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "ROLE=sleep")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		check(c.Start())
		return c.Process.Pid
	case "open":
		return open(o.N)
	case "log":
		line := []byte(strings.Repeat("x", 1023) + "\n")
		for range o.N << 10 {
			os.Stdout.Write(line)
		}
		return "logged"
	case "print":
		fmt.Println(o.Text)
		return o.Text
	case "poll twice":
		resp, err := http.Get(url("next"))
		check(err)
		resp.Body.Close()
		return resp.Header.Get("Lambda-Runtime-Aws-Request-Id") == id
	case "stranger":
		return answer("8476a536-e9f4-11e8-9739-2dfe598c3fcd", 1)
	case "hang":
		select {}
	case "exit":
		os.Exit(o.N)
	case "fault":
		fault()
	case "listen":
		l, err := net.Listen("tcp", "sandbox.localdomain:0")
		check(err)
		go func() {
			c, err := l.Accept()
			check(err)
			fmt.Fprintln(c, "hello")
			c.Close()
		}()
		return l.Addr().(*net.TCPAddr).Port
	case "burn":
		for end := time.Now().Add(time.Duration(o.N) * time.Millisecond); time.Now().Before(end); {
		}
		return limits()
	case "keep":
		check(os.WriteFile("/tmp/kept", []byte(o.Text), 0o600))
		return 0
	case "kept":
		b, _ := os.ReadFile("/tmp/kept")
		return string(b)
	}
	return o.Do
}

// fault makes the kernel kill this process, which Go's own handler of the signal would prevent.
func fault() {
	var byDefault [4]uint64 // handler, flags, restorer, mask
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	var nowhere *int
	*nowhere = 1
}

func look() facts {
	f := facts{Pid: os.Getpid(), Uid: os.Getuid(), Gid: os.Getgid(), Args: os.Args, Env: os.Environ(), Status: map[string]string{}}
	f.Dir, _ = os.Getwd()
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		f.Status[name] = strings.TrimSpace(value)
	}
	var l syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l))
	f.Files = l.Max
	check(syscall.Getrlimit(syscall.RLIMIT_CORE, &l))
	f.Core = l.Max
	for _, dir := range []string{"/", "/etc", "/var/task", "/opt", "/dev", "/proc/sys/kernel", "/open"} {
		if os.WriteFile(filepath.Join(dir, "x"), []byte("x"), 0o600) == nil {
			f.Writable = append(f.Writable, dir)
		}
	}
	var s syscall.Statfs_t
	check(syscall.Statfs("/tmp", &s))
	f.Tmp, f.TmpFree, f.TmpType = s.Blocks*uint64(s.Bsize), s.Bavail*uint64(s.Bsize), int64(s.Type)
	if info, err := os.Stat("/tmp"); err == nil {
		f.TmpMode = info.Mode().String()
	}
	if syscall.Statfs("/dev/shm", &s) == nil {
		f.Shm = s.Blocks * uint64(s.Bsize)
	}
	hosts, _ := os.ReadFile("/etc/hosts")
	f.Hosts = string(hosts)
	entries, _ := os.ReadDir("/var/task")
	for _, e := range entries {
		f.Task = append(f.Task, e.Name())
	}
	f.Memory, f.Cpu = limits(), ""
	return f
}

// limits returns the quota of CPU time.
func limits() string {
	for _, path := range []string{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max"} {
		if b, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}

// fill writes n MB to /tmp and returns how many there was room for.
func fill(n int) int {
	file, err := os.Create("/tmp/filled")
	check(err)
	defer file.Close()
	block := bytes.Repeat([]byte("x"), 1<<20)
	for i := range n {
		if _, err := file.Write(block); err != nil {
			return i
		}
	}
	return n
}

// spawn starts up to n processes and returns how many it could.
func spawn(n int) int {
	var all []*exec.Cmd
	defer func() {
		for _, c := range all {
			c.Process.Kill()
		}
		for _, c := range all {
			c.Wait()
		}
	}()
	for i := range n {
		c := exec.Command(os.Args[0])
		c.Env = []string{"ROLE=sleep", "GOMAXPROCS=1"}
		if err := c.Start(); err != nil {
			return i
		}
		all = append(all, c)
	}
	return n
}

func open(n int) int {
	var all []*os.File
	defer func() {
		for _, f := range all {
			f.Close()
		}
	}()
	for i := range n {
		f, err := os.Open("/etc/hosts")
		if err != nil {
			return i
		}
		all = append(all, f)
	}
	return n
}

// extension is an external extension that takes no part in events, and says what it is told.
func extension() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	req, err := http.NewRequest(http.MethodPost, base+"register", strings.NewReader(`{"events":["SHUTDOWN"]}`))
	check(err)
	req.Header.Set("Lambda-Extension-Name", filepath.Base(os.Args[0]))
	resp, err := http.DefaultClient.Do(req)
	check(err)
	resp.Body.Close()
	fmt.Println("extension registered", resp.StatusCode)
	req, err = http.NewRequest(http.MethodGet, base+"event/next", nil)
	check(err)
	req.Header.Set("Lambda-Extension-Identifier", resp.Header.Get("Lambda-Extension-Identifier"))
	resp, err = http.DefaultClient.Do(req)
	check(err)
	event, err := io.ReadAll(resp.Body)
	check(err)
	fmt.Println("extension received", string(event))
	os.Exit(0)
}
