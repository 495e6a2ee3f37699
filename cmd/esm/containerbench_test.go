package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/invoker/docker/dockertest"
)

// BenchmarkDrainContainers empties a queue of 20,000 messages in batches of 10 with `esm run`, through containers and in turn
// through processes: the same program, as many environments, all of which run before it begins. The program does nothing, or
// writes a line for each batch. "ratio" is the rate through containers to that through processes, of the best run each;
// "cpu-ratio" is how much more CPU the engine takes, without handlers and the daemon.
func BenchmarkDrainContainers(b *testing.B) {
	b.Setenv("DOCKER_HOST", dockertest.Host(b))
	program := dockertest.Build(b, "testdata/nothing")
	path := filepath.Join(b.TempDir(), "handler")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		b.Fatal(err)
	}
	image := dockertest.Import(b, []dockertest.File{{Path: "handler", Mode: 0o755, Content: program}}, `ENTRYPOINT ["/handler"]`)
	endpoint := ownEmbedded(b)
	client := sqsClient(endpoint)
	for _, how := range []struct{ name, line string }{{"silent", ""}, {"writes", "a line of a handler"}} {
		b.Run(how.name, func(b *testing.B) {
			var containers, processes drain
			for b.Loop() {
				for range 3 {
					processes = processes.better(drainWarm(b, client, endpoint, "Command: ['"+path+"']", how.line))
					containers = containers.better(drainWarm(b, client, endpoint, "ImageUri: '"+image+"'", how.line))
				}
			}
			b.ReportMetric(drained/containers.took.Seconds(), "containers-rec/s")
			b.ReportMetric(drained/processes.took.Seconds(), "processes-rec/s")
			b.ReportMetric(processes.took.Seconds()/containers.took.Seconds(), "ratio")
			b.ReportMetric(containers.cpu.Seconds()/processes.cpu.Seconds(), "cpu-ratio")
		})
	}
}

// drainWarm drains a queue with a program whose environments are idle when the measurement begins. A container has the time of
// one CPU if others want it too, as a process has.
func drainWarm(b *testing.B, client *sqs.Client, endpoint, handler, line string) drain {
	b.Helper()
	_, arn := newQueue(b, client, drained)
	p := runProgram(b, b.TempDir(), fmt.Sprintf(`
Aws: {Endpoint: '%s', Region: us-east-1}
Functions: {f: {%s, Timeout: 60, MemorySize: 1769, Spares: %d, Environment: {Variables: {BENCH_LINE: '%s'}}}}
EventSourceMappings:
  - {UUID: %s, FunctionName: f, EventSourceArn: '%s', Enabled: false, ScalingConfig: {MaximumConcurrency: %d}}
`, endpoint, handler, bareLoops, line, programMapping, arn, bareLoops))
	defer p.stop()
	for deadline := time.Now().Add(time.Minute); p.status().Functions[0].Spares < bareLoops; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("the environments do not start")
		}
	}
	cpu, began := p.cpu(), time.Now()
	p.enable()
	for p.deleted() < drained {
		time.Sleep(20 * time.Millisecond) // a percent of what it takes
	}
	return drain{took: time.Since(began), cpu: p.cpu() - cpu}
}
