package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/cmd/esm/status"
)

// BenchmarkDrainProgram is BenchmarkDrain with the whole program in a process of its own, which writes its logs to files.
// cpu-ratio compares the CPU time of that process with that of the bare loops, handlers and service aside.
func BenchmarkDrainProgram(b *testing.B) {
	services(b, func(b *testing.B, endpoint string) {
		client := sqsClient(endpoint)
		var program, bare float64
		var programCPU, bareCPU time.Duration
		for range b.N {
			for range 3 { // in turn, and the best of each
				before := cpu(b)
				bareHandlers = 0
				e0 := pidCPU(embeddedPID)
				bare = max(bare, drainBare(b, client, 5))
				bareCPU = least(bareCPU, cpu(b)-before)
				e1 := pidCPU(embeddedPID)
				b.Logf("bare %v: handlers %v embedded %v", cpu(b)-before, bareHandlers, e1-e0)
				rate, cpu := drainProgram(b, client, endpoint)
				e2 := pidCPU(embeddedPID)
				b.Logf("esm %v embedded %v", cpu, e2-e1)
				program, programCPU = max(program, rate), least(programCPU, cpu)
			}
		}
		b.ReportMetric(program, "esm-msg/s")
		b.ReportMetric(bare, "bare-msg/s")
		b.ReportMetric(program/bare, "ratio")
		b.ReportMetric(float64(programCPU.Microseconds())/drained, "esm-cpu-µs/msg")
		b.ReportMetric(float64(bareCPU.Microseconds())/drained, "bare-cpu-µs/msg")
	})
}

// least returns the smaller of two durations; 0 is none.
func least(x, y time.Duration) time.Duration {
	if x == 0 {
		return y
	}
	return min(x, y)
}

// drainProgram drains a queue with `esm run` and returns its rate and its CPU time. The program runs when the clock
// starts: its mapping is enabled then.
func drainProgram(b *testing.B, client *sqs.Client, endpoint string) (rate float64, cpu time.Duration) {
	b.Helper()
	_, arn := newQueue(b, client, drained)
	const uuid = "11111111-1111-4111-8111-111111111111"
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir := benchDir(b)
	file := filepath.Join(dir, "mappings.yaml")
	text := "Aws: {Endpoint: '" + endpoint + "', Region: us-east-1}\n" +
		"Functions: {f: {Command: ['" + self + "'], Timeout: 60, Environment: {Variables: {BENCH_AS: handler}}}}\n" +
		"EventSourceMappings: [{UUID: " + uuid + ", FunctionName: f, EventSourceArn: '" + arn + "', Enabled: false, ScalingConfig: {MaximumConcurrency: 5}}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	address := freeAddress(b)
	cmd := again(b, "program")
	cmd.Args = append(cmd.Args, "run", file, "--listen", address, "--log-level", cmpOr(os.Getenv("BENCH_LEVEL"), "info"))
	if profile := os.Getenv("BENCH_PROFILE"); profile != "" {
		cmd.Env = append(cmd.Env, fmt.Sprintf("BENCH_PROFILE=%s.%d", profile, time.Now().UnixNano()))
	}
	for name, into := range map[string]**os.File{"stdout": new(*os.File), "stderr": new(*os.File)} {
		if *into, err = os.Create(filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
		defer (*into).Close()
		if name == "stdout" {
			cmd.Stdout = *into
		} else {
			cmd.Stderr = *into
		}
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for {
		if is, _, err := status.Ask(b.Context(), address); err == nil && is.Ready {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	before, began := processCPU(b, address), time.Now()
	enable(b, address, uuid)
	for {
		is, _, err := status.Ask(b.Context(), address)
		if err != nil {
			b.Fatal(err)
		}
		if is.Mappings[0].Deleted >= drained {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(began)
	cpu = processCPU(b, address) - before
	b.Logf("began %v took %v", began, took)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	b.Logf("esm handlers and start %v", cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()-cpu)
	return drained / took.Seconds(), cpu
}

func pidCPU(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	f := strings.Fields(string(text))
	u, _ := strconv.Atoi(f[13])
	st, _ := strconv.Atoi(f[14])
	return time.Duration(u+st) * 10 * time.Millisecond
}

var cpuMetric = regexp.MustCompile(`(?m)^process_cpu_seconds_total (.+)$`)

// processCPU returns the CPU time of a running engine without its handlers'.
func processCPU(b *testing.B, address string) time.Duration {
	b.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	found := cpuMetric.FindSubmatch(text)
	if found == nil {
		b.Fatalf("no process_cpu_seconds_total in %s", text)
	}
	seconds, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
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

func enable(b *testing.B, address, uuid string) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPut,
		fmt.Sprintf("http://%s/2015-03-31/event-source-mappings/%s", address, uuid), strings.NewReader(`{"Enabled":true}`))
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		b.Fatalf("%d %s", resp.StatusCode, &body)
	}
}

func benchDir(b *testing.B) string {
	if d := os.Getenv("BENCH_DIR"); d != "" {
		d, _ = os.MkdirTemp(d, "run")
		return d
	}
	return b.TempDir()
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
