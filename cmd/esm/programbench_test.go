package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/status"
)

// BenchmarkDrainProgram empties a queue of 20,000 messages in batches of 10 through a handler that does nothing: `esm run`,
// as a process of its own that writes its logs to files, against bare loops. Both have to start their handlers, and run as
// many batches concurrently.
//
// On a machine that has other work, "cpu-ratio" says more than "ratio". BENCH_PROFILE=file writes CPU profiles of the processes
// to file.*.
func BenchmarkDrainProgram(b *testing.B) {
	services(b, func(b *testing.B, endpoint string) {
		client := sqsClient(endpoint)
		b.ResetTimer()
		compare(b, drained,
			func() drain {
				return drainProgram(b, client, endpoint, fmt.Sprintf("Command: ['%s'], Environment: {Variables: {BENCH_AS: handler}}", executable(b)))
			},
			func() drain { return drainBare(b, client) })
	})
}

// drainProgram drains a queue with a process and a function of these keys. It runs when the measurement begins: its mapping is
// enabled then.
func drainProgram(b *testing.B, client *sqs.Client, endpoint, function string) drain {
	b.Helper()
	_, arn := newQueue(b, client, drained)
	p := startProgram(b, endpoint, arn, function)
	defer p.stop()
	cpu, began := p.cpu(), time.Now()
	p.enable()
	for p.deleted() < drained {
		time.Sleep(20 * time.Millisecond) // a percent of what it takes
	}
	return drain{took: time.Since(began), cpu: p.cpu() - cpu}
}

// program is a running `esm run`.
type program struct {
	*testing.B
	address string
	process *os.Process
	began   time.Time     // when it was started
	ready   time.Duration // how long it took to get ready
	stop    func()
	used    time.Duration // CPU time of the process and its handlers, once it has stopped
}

const programMapping = "11111111-1111-4111-8111-111111111111"

// startProgram starts a program with one mapping, which is disabled at first.
func startProgram(b *testing.B, endpoint, arn, function string) *program {
	b.Helper()
	return runProgram(b, b.TempDir(), fmt.Sprintf(`
Aws: {Endpoint: '%s', Region: us-east-1}
Functions: {f: {Timeout: 60, %s}}
EventSourceMappings:
  - {UUID: %s, FunctionName: f, EventSourceArn: '%s', Enabled: false, ScalingConfig: {MaximumConcurrency: %d}}
`, endpoint, function, programMapping, arn, bareLoops))
}

func executable(b *testing.B) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	return self
}

// runProgram starts a program with this mappings file in dir, and returns it when it is ready. Its data directory is
// dir/.esm.
func runProgram(b *testing.B, dir, mappings string) *program {
	b.Helper()
	write := func(name, text string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	file := write("mappings.yaml", mappings)
	p := &program{B: b, address: freeAddress(b)}
	cmd := again(b, "command")
	cmd.Args = append(cmd.Args, "run", file.Name(), "--listen", p.address)
	stdout, stderr := write("stdout", ""), write("stderr", "")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	p.began = time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.process = cmd.Process
	p.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			b.Errorf("the program ends with %v", err)
		}
		p.used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		for _, f := range []*os.File{file, stdout, stderr} {
			f.Close()
		}
	}
	for deadline := p.began.Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if resp, err := http.Get("http://" + p.address + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.ready = time.Since(p.began)
				return p
			}
		}
		if time.Now().After(deadline) {
			p.stop()
			b.Fatal("the program does not get ready")
		}
	}
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// call makes a request to the program and returns its answer.
func (p *program) call(method, path, body string) string {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, "http://"+p.address+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		p.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	return string(text)
}

func (p *program) enable() {
	p.Helper()
	p.call(http.MethodPut, "/2015-03-31/event-source-mappings/"+programMapping, `{"Enabled":true}`)
}

func (p *program) deleted() int64 {
	p.Helper()
	return p.status().Mappings[0].Deleted
}

func (p *program) status() httpserver.Status {
	p.Helper()
	is, _, err := status.Ask(p.Context(), p.address)
	if err != nil {
		p.Fatal(err)
	}
	return is
}

var cpuMetric = regexp.MustCompile(`(?m)^process_cpu_seconds_total (.+)$`)

// cpu returns the CPU time of the process, without its handlers'.
func (p *program) cpu() time.Duration {
	p.Helper()
	found := cpuMetric.FindStringSubmatch(p.call(http.MethodGet, "/metrics", ""))
	if found == nil {
		p.Skip("the process does not know its CPU time")
	}
	seconds, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		p.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// profiled calls f and writes a CPU profile of it if BENCH_PROFILE names a file.
func profiled(f func() int) int {
	path := os.Getenv("BENCH_PROFILE")
	if path == "" {
		return f()
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	defer pprof.StopCPUProfile()
	return f()
}
