package docker

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// facts describe a container from the inside; see testdata/handler.
type facts struct {
	Pid, Uid, Gid int
	Dir           string
	Args, Env     []string
	Status        map[string]string
	Files, Core   uint64
	Writable      []string
	Tmp, TmpFree  uint64
	TmpMode       string
	Hosts         string
	Shm           uint64
	Memory        string
	Task          []string
}

func (f facts) variable(name string) string { return variables(f.Env)[name] }

const mb = 1 << 20

// TestSettings looks at a container from the inside.
func TestSettings(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t, `ENV LANG=de_DE.UTF-8`, `ENV GREETING=image`, `ENV ONLY=image`, `ENV AWS_REGION=nowhere`, `USER 0`,
		`HEALTHCHECK CMD ["/handler"]`, `VOLUME /volume`))
	fn.Environment.Variables = map[string]string{"GREETING": "function", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "here"}
	e := r.start(fn)
	got := result[facts](r, e, order{Do: "look"})
	if got.Uid != 993 || got.Gid != 990 || got.Pid != 1 || got.Dir != "/var/task" {
		t.Errorf("user %d:%d, process %d in %s", got.Uid, got.Gid, got.Pid, got.Dir)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if n, err := strconv.ParseUint(got.Status[set], 16, 64); n != 0 || err != nil {
			t.Errorf("%s: %s, want none", set, got.Status[set])
		}
	}
	if got.Status["NoNewPrivs"] != "1" || got.Status["Seccomp"] != "2" {
		t.Errorf("no new privileges: %s, seccomp: %s", got.Status["NoNewPrivs"], got.Status["Seccomp"])
	}
	if got.Files != 1024 || got.Core != 0 {
		t.Errorf("limits: %d files, core of %d bytes", got.Files, got.Core)
	}
	if len(got.Writable) > 0 {
		t.Errorf("files could be written to %v", got.Writable)
	}
	if got.Tmp < 512*mb || got.Tmp > 560*mb || got.TmpFree < 512*mb || got.TmpMode != "dtrwxrwxrwx" {
		t.Errorf("/tmp has %d bytes, %d free, mode %s", got.Tmp, got.TmpFree, got.TmpMode)
	}
	if got.Shm > mb {
		t.Errorf("/dev/shm has %d bytes", got.Shm)
	}
	api := got.variable("AWS_LAMBDA_RUNTIME_API")
	name, _, _ := strings.Cut(api, ":")
	want := map[string]string{
		"LANG": "de_DE.UTF-8", "TZ": ":UTC", "GREETING": "function", "ONLY": "image", "AWS_REGION": config.DefaultRegion, "NO_PROXY": "here," + name,
		"LAMBDA_TASK_ROOT": "/var/task", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
	}
	for variable, value := range want {
		if got.variable(variable) != value {
			t.Errorf("%s is %q, want %q", variable, got.variable(variable), value)
		}
	}
	if !strings.HasPrefix(name, "rt-") || !strings.Contains(got.Hosts, name) || !strings.Contains(got.Hosts, "sandbox.localdomain") {
		t.Errorf("Runtime API at %s, hosts: %s", api, got.Hosts)
	}
	for name := range variables(os.Environ()) {
		if strings.HasPrefix(name, "ESM_") && got.variable(name) != "" {
			t.Errorf("the engine's %s is in the container", name)
		}
	}
	state := inspected(r)
	if state.HostConfig.Memory != 128*mb || state.HostConfig.MemorySwap != 128*mb || state.HostConfig.CPUShares != 128*1024/1769 ||
		state.HostConfig.RestartPolicy.Name != "no" || state.Config.StopSignal != "SIGTERM" || state.Config.Healthcheck.Test[0] != "NONE" {
		t.Errorf("settings: %+v", state.HostConfig.Resources)
	}
}

// The image's own user is kept on request, and any other can be given.
func TestUser(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t, "USER 12:34"))
	for user, want := range map[string]int{"image": 12, "1000:1000": 1000} {
		fn.Container.User = user
		if got := result[facts](r, r.start(fn), order{Do: "look"}); got.Uid != want {
			t.Errorf("%s: user %d", user, got.Uid)
		}
	}
}

// Each setting of ImageConfig replaces the image's own, and no other.
func TestProgram(t *testing.T) {
	img := &image{entrypoint: []string{"/a"}, command: []string{"b"}}
	for _, tt := range []struct {
		fn   config.Function
		want string
	}{
		{config.Function{ImageUri: "i"}, "/a b"},
		{config.Function{ImageUri: "i", ImageConfig: config.ImageConfig{EntryPoint: []string{"/x", "y"}}}, "/x y b"},
		{config.Function{ImageUri: "i", ImageConfig: config.ImageConfig{Command: []string{"c"}}}, "/a c"},
		{config.Function{BaseImage: "i", Handler: "app.handler"}, "/a app.handler"},
		{config.Function{BaseImage: "i", Handler: "app.handler", ImageConfig: config.ImageConfig{Command: []string{"c"}}}, "/a c"},
	} {
		entrypoint, command, err := program(tt.fn, img)
		if got := strings.Join(slices.Concat(entrypoint, command), " "); got != tt.want || err != nil {
			t.Errorf("%+v: got %s, %v; want %s", tt.fn, got, err, tt.want)
		}
	}
	if _, _, err := program(config.Function{ImageUri: "i"}, &image{}); err == nil {
		t.Error("an image without a program: no error")
	}
}

// Code and layers are mounted, and can be read by the container's user alone, as on Lambda.
func TestBaseImage(t *testing.T) {
	r := newRig(t)
	code, layer := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(code, "app.py"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(layer, "library"), []byte("x"), 0o644))
	fn := config.Function{
		Name: "f", Runtime: "python3.12", Run: "container", BaseImage: handlerImage(t), Handler: "app.handler", CodeUri: code, Layers: []string{layer},
	}
	got := result[facts](r, r.start(fn), order{Do: "look"})
	if !slices.Equal(got.Task, []string{"app.py"}) || !slices.Equal(got.Args, []string{"/handler", "app.handler"}) || len(got.Writable) > 0 {
		t.Errorf("files %v, arguments %v, writable %v", got.Task, got.Args, got.Writable)
	}
	if got.variable("_HANDLER") != "app.handler" || got.variable("AWS_EXECUTION_ENV") != "AWS_Lambda_python3.12" {
		t.Errorf("variables: %v", got.Env)
	}
}

// A daemon that does not see this program's files gets copies, once.
func TestCopies(t *testing.T) {
	r := newRig(t)
	no := false
	r.platform.shares = &no
	code := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(code, "dir"), 0o700))
	must(t, os.WriteFile(filepath.Join(code, "app.py"), []byte("x"), 0o600))
	must(t, os.Symlink("app.py", filepath.Join(code, "link")))
	fn := config.Function{Name: "f", Runtime: "python3.12", Run: "container", BaseImage: handlerImage(t), Handler: "app.handler", CodeUri: code}
	for range 2 {
		got := result[facts](r, r.start(fn), order{Do: "look"})
		if !slices.Equal(got.Task, []string{"app.py", "dir", "link"}) || len(got.Writable) > 0 {
			t.Errorf("files %v, writable %v", got.Task, got.Writable)
		}
	}
	if n := len(r.platform.copies); n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}

// /tmp is full at its size, and is no memory: 600 MB of it fit beside a memory size of 128 MB. It outlives the runtime.
func TestDisk(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.EphemeralStorage.Size = 600
	fn.Timeout = 60
	e := r.start(fn)
	result[int](r, e, order{Do: "keep", Text: "kept"})
	if got := result[int](r, e, order{Do: "fill", N: 700}); got < 590 || got > 640 {
		t.Errorf("%d MB fit in, want 600", got)
	}
	if resp := r.invoke(e, order{Do: "exit", N: 3}); resp.Fault != "Runtime.ExitError" {
		t.Errorf("got %s", resp.Fault)
	}
	if got := result[string](r, e, order{Do: "kept"}); got != "kept" {
		t.Errorf("after a crash /tmp has %q", got)
	}
	if len(r.warnings) > 0 {
		t.Errorf("warnings: %v", r.warnings)
	}
}

// Where there is no disk, /tmp is in memory that is added to the limit; it is said.
func TestDiskInMemory(t *testing.T) {
	r := newRig(t)
	must(t, r.platform.Check(t.Context()))
	r.platform.engine.local = false
	e := r.start(function(handlerImage(t)))
	if got := result[int](r, e, order{Do: "fill", N: 520}); got != 512 {
		t.Errorf("%d MB fit in, want 512", got)
	}
	if len(r.warnings) != 1 || !strings.Contains(r.warnings[0], "/tmp of containers is in memory") {
		t.Errorf("warnings: %v", r.warnings)
	}
}

// The limits of processes and files are the container's alone.
func TestLimits(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.MemorySize = 3008
	fn.Timeout = 120
	e := r.start(fn)
	if got := result[int](r, e, order{Do: "spawn", N: 1024}); got < 50 || got > 1023 {
		t.Errorf("%d processes could be started", got)
	}
	if got := result[int](r, e, order{Do: "open", N: 2000}); got < 900 || got > 1023 {
		t.Errorf("%d files could be opened", got)
	}
}

// A runtime that uses more than its memory is out of memory, and its container is replaced.
func TestOutOfMemory(t *testing.T) {
	r := newRig(t)
	e := r.start(function(handlerImage(t)))
	before := inspected(r).ID
	if got := result[int](r, e, order{Do: "eat", N: 64}); got != 64*mb {
		t.Errorf("got %d", got)
	}
	resp := r.invoke(e, order{Do: "eat", N: 256})
	id := callID(r.calls)
	want := `{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ` + id + ` Error: Runtime exited with error: signal: killed"}`
	if resp.Fault != "Runtime.OutOfMemory" || string(resp.Payload) != want {
		t.Errorf("got %s %s", resp.Fault, resp.Payload)
	}
	result[facts](r, e, order{Do: "look"})
	if inspected(r).ID == before {
		t.Error("the same container was started again")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	const report = "Memory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory"
	if !slices.ContainsFunc(r.platformLines, func(line string) bool { return strings.Contains(line, report) }) {
		t.Errorf("no report with the peak: %q", r.platformLines)
	}
}

// CPU time is limited on request, from the end of Init on; a runtime that is started again has its Init without.
func TestCPULimit(t *testing.T) {
	r := newRig(t)
	fn := function(handlerImage(t))
	fn.Container.CPULimit = true
	e := r.start(fn)
	limited := func() bool {
		got := result[string](r, e, order{Do: "burn", N: 1})
		return strings.HasPrefix(got, "7235") || strings.HasPrefix(got, "7236")
	}
	waitFor(t, "a limit of 128/1769 of a CPU", limited)
	r.invoke(e, order{Do: "exit"})
	waitFor(t, "the limit after a restart", limited)
}

// sandbox.localdomain is the container itself, and can be dialled from outside.
func TestDial(t *testing.T) {
	r := newRig(t)
	e := r.start(function(handlerImage(t)))
	port := result[int](r, e, order{Do: "listen"})
	c, err := onlySandbox(r).Dial(t.Context(), port)
	must(t, err)
	defer c.Close()
	greeting := make([]byte, 6)
	if n, err := c.Read(greeting); string(greeting[:n]) != "hello\n" {
		t.Errorf("got %q, %v", greeting[:n], err)
	}
}

// Endings are named as Lambda names them.
func TestReason(t *testing.T) {
	for status, want := range map[int]string{
		0: "", 1: "exit status 1", 2: "exit status 2", 129: "exit status 129", 142: "exit status 142", 134: "signal: aborted",
		137: "signal: killed", 139: "signal: segmentation fault", 143: "signal: terminated", 255: "exit status 255",
	} {
		if got := reason(status); got != want {
			t.Errorf("%d: got %q, want %q", status, got, want)
		}
	}
}

func TestExtensionsInDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "b"), nil, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "c"), nil, 0o644))
	if got := executables(dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
}

// An image's variables win over Lambda's defaults, and lose against the function's and those that Lambda reserves.
func TestEnviron(t *testing.T) {
	s := &sandbox{platform: &Platform{Endpoint: "http://127.0.0.1:4566"}, seat: &seat{host: "rt-1.lambda.internal:9001", name: "rt-1.lambda.internal"}}
	s.spec.Env = map[string]string{"LANG": "en", "TZ": "x", "AWS_REGION": "r", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "TWO": "f"}
	s.spec.Function.Environment.Variables = map[string]string{"TZ": "x", "TWO": "f"}
	got := s.environ(&image{env: map[string]string{"LANG": "image", "TZ": "image", "no_proxy": "a"}}, "http://10.0.0.1:5")
	want := map[string]string{
		"TZ": "x", "TWO": "f", "AWS_REGION": "r", "AWS_ENDPOINT_URL": "http://10.0.0.1:5", "LAMBDA_TASK_ROOT": "/var/task",
		"LAMBDA_RUNTIME_DIR": "/var/runtime", "AWS_LAMBDA_RUNTIME_API": "rt-1.lambda.internal:9001",
		"NO_PROXY": "a,rt-1.lambda.internal", "no_proxy": "a,rt-1.lambda.internal",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
