package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// eventPayload is an event of 1 KB.
var eventPayload = json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)

// invocationsPath is the path of invocations of f.
const invocationsPath = "/2015-03-31/functions/f/invocations"

// BenchmarkAcceptEvents sends events of 1 KB from 64 clients to `esm run`, whose function is busy meanwhile, and in turn to the same
// HTTP server before a bare loop that commits the bodies in groups to a bbolt file. Both are processes of their own, and
// answer when the event is durable. "ratio" is the program's rate to that of the bare loop.
func BenchmarkAcceptEvents(b *testing.B) {
	const clients, rounds, turns = 64, 20, 20
	p := runProgram(b, b.TempDir(), fmt.Sprintf(`
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Functions: {f: {Command: ['%s'], ReservedConcurrentExecutions: 1, Environment: {Variables: {BENCH_AS: sleeper}}}}
`, executable(b)))
	defer p.stop()
	bare := ownServer(b, "group commit", "BENCH_DIR="+b.TempDir())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	send := func(url string) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range rounds {
					if err := sendEvent(b.Context(), client, url); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return time.Since(began)
	}
	send("http://" + p.address + invocationsPath) // the connections are open, and the function is busy
	send(bare)
	var ours, theirs time.Duration
	for b.Loop() {
		for range turns { // in turn, so that other load on the machine slows both
			ours += send("http://" + p.address + invocationsPath)
			theirs += send(bare)
		}
	}
	n := float64(b.N * clients * rounds * turns)
	b.ReportMetric(n/ours.Seconds(), "esm-events/s")
	b.ReportMetric(n/theirs.Seconds(), "bare-events/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}

// sendEvent makes an asynchronous invocation.
func sendEvent(ctx context.Context, client *http.Client, url string) error {
	return post(ctx, client, url, "Event", http.StatusAccepted)
}

// post makes an invocation of a kind, which is to be answered with a status.
func post(ctx context.Context, client *http.Client, url, kind string, status int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(eventPayload))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Invocation-Type", kind)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("got %s %s", resp.Status, text)
	}
	return err
}

// groupCommit writes the bodies of requests to a file, and answers when they are durable. What arrives during a commit is
// written together by the next.
type groupCommit struct {
	db      *bolt.DB
	arrived chan arrival
}

type arrival struct {
	body    []byte
	written chan error
}

func serveGroupCommit() {
	db, err := bolt.Open(filepath.Join(os.Getenv("BENCH_DIR"), "events.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		panic(err)
	}
	g := &groupCommit{db: db, arrived: make(chan arrival, 1000)}
	go g.run()
	serveRole(func(ctx context.Context, l net.Listener) { _ = httpserver.Serve(ctx, l, g, log.Default()) })
}

func (g *groupCommit) run() {
	for first := range g.arrived {
		batch := []arrival{first}
		for len(g.arrived) > 0 {
			batch = append(batch, <-g.arrived)
		}
		err := g.db.Update(func(tx *bolt.Tx) error { return g.write(tx, batch) })
		for _, a := range batch {
			a.written <- err
		}
	}
}

func (g *groupCommit) write(tx *bolt.Tx, batch []arrival) error {
	events, err := tx.CreateBucketIfNotExists([]byte("events"))
	if err != nil {
		return err
	}
	for _, a := range batch {
		place, err := events.NextSequence()
		if err != nil {
			return err
		}
		if err := events.Put(binary.BigEndian.AppendUint64(nil, place), a.body); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (g *groupCommit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		a := arrival{body, make(chan error, 1)}
		g.arrived <- a
		err = <-a.written
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

const dispatched = 10_000

// BenchmarkDispatchEvents runs 10,000 events of 1 KB that have waited, through a handler that does nothing: `esm run`, as a
// process of its own that writes its logs to files, and in turn the invocations alone, by loops on the same invoker. Both
// have to start their handlers, and run as many concurrently. "time-ratio" is the program's time to that of the
// invocations, of the best run each. "cpu-ratio" is that of the CPU time, with the handlers', which says more on a machine that
// has other work.
func BenchmarkDispatchEvents(b *testing.B) {
	for _, concurrency := range []int{10, 100} {
		b.Run(fmt.Sprintf("concurrency=%d", concurrency), func(b *testing.B) {
			var ours, theirs drain
			for b.Loop() {
				for range 3 {
					theirs = theirs.better(invokeAlone(b, concurrency))
					ours = ours.better(dispatchProgram(b, concurrency))
				}
			}
			b.ReportMetric(dispatched/ours.took.Seconds(), "esm-events/s")
			b.ReportMetric(dispatched/theirs.took.Seconds(), "alone-events/s")
			b.ReportMetric(ours.took.Seconds()/theirs.took.Seconds(), "time-ratio")
			b.ReportMetric(ours.cpu.Seconds()/theirs.cpu.Seconds(), "cpu-ratio")
		})
	}
}

// dispatchProgram runs events that are all due at one moment, after the program is ready.
func dispatchProgram(b *testing.B, concurrency int) drain {
	b.Helper()
	dir, due := b.TempDir(), time.Now().Add(5*time.Second)
	addEvents(b, dir, dispatched, due)
	p := runProgram(b, dir, fmt.Sprintf(`
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Engine: {Concurrency: %d}
Functions: {f: {Command: ['%s'], Timeout: 60, Environment: {Variables: {BENCH_AS: handler}}}}
`, concurrency, executable(b)))
	cpu := p.cpu()
	if time.Now().After(due) {
		b.Fatal("the events were due before the program was ready")
	}
	time.Sleep(time.Until(due))
	for p.status().Functions[0].Events.Succeeded < dispatched {
		time.Sleep(20 * time.Millisecond) // a percent of what it takes
	}
	took := time.Since(due)
	p.stop()
	return drain{took: took, cpu: p.used - cpu}
}

// addEvents stores events of f that wait, in the data directory of the program in dir.
func addEvents(b *testing.B, dir string, n int, due time.Time) {
	b.Helper()
	const adders = 1000
	q, err := checkpoint.OpenEvents(wiring.EventsPath(filepath.Join(dir, ".esm")))
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var all sync.WaitGroup
	for range adders {
		all.Go(func() {
			for range n / adders {
				e := esm.Event{ID: uuid.NewString(), Function: "f", Payload: eventPayload, Accepted: now, Due: due}
				if _, err := q.Add(b.Context(), e); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
}

// invokeAlone makes as many invocations by bare loops.
func invokeAlone(b *testing.B, concurrency int) drain {
	b.Helper()
	p := engineWith(b, "http://127.0.0.1:1", func(trace.Event) {})
	before, began := cpuWithChildren(b), time.Now()
	var all sync.WaitGroup
	for range concurrency {
		all.Go(func() {
			for range dispatched / concurrency {
				if err := invokeOnce(b.Context(), p.Functions); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	p.Close(context.WithoutCancel(b.Context())) // the handlers have ended
	return drain{took: took, cpu: cpuWithChildren(b) - before}
}

func invokeOnce(ctx context.Context, functions *invoker.Functions) error {
	slot, err := functions.Reserve(ctx, "f")
	if err != nil {
		return err
	}
	defer slot.Release()
	_, err = slot.Invoke(ctx, esm.Call{ID: uuid.NewString(), Function: "f", Payload: eventPayload})
	return err
}

// cpuWithChildren returns the CPU time of this process and its children that have ended.
func cpuWithChildren(b *testing.B) time.Duration {
	b.Helper()
	var children syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err != nil {
		b.Fatal(err)
	}
	return cpu(b) + time.Duration(children.Utime.Nano()+children.Stime.Nano())
}

// BenchmarkMillionEvents starts `esm run` while a million events of 1 KB wait: the time until it is ready, its memory without
// pages of files (RssAnon), and how long it takes then to answer with status and metrics.
func BenchmarkMillionEvents(b *testing.B) {
	const events = 1_000_000
	dir := b.TempDir()
	addEvents(b, dir, events, time.Now().Add(time.Hour))
	b.ResetTimer()
	var ready, status, metrics []time.Duration
	most := 0.0
	for range max(b.N, 3) {
		p := runProgram(b, dir, fmt.Sprintf(`
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Engine: {TimeScale: 100} # a delay may be as long as these
Functions: {f: {Command: ['%s'], Environment: {Variables: {BENCH_AS: handler}}}}
`, executable(b)))
		ready = append(ready, p.ready)
		most = max(most, p.memory())
		for range 20 {
			status = append(status, timed(func() {
				if waiting := p.status().Functions[0].Events.Waiting; waiting != events {
					b.Fatalf("%d wait", waiting)
				}
			}))
			metrics = append(metrics, timed(func() { p.call(http.MethodGet, "/metrics", "") }))
			most = max(most, p.memory())
		}
		p.stop()
	}
	b.ReportMetric(float64(quantile(ready, .5).Milliseconds()), "ready-ms")
	b.ReportMetric(most, "MB-RssAnon")
	b.ReportMetric(float64(quantile(status, .5).Microseconds()), "status-p50-µs")
	b.ReportMetric(float64(quantile(metrics, .5).Microseconds()), "metrics-p50-µs")
}

// memory returns the program's memory in megabytes, without pages of files.
func (p *program) memory() (size float64) {
	p.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Pid))
	if err != nil {
		p.Skip("the system does not tell the memory of a process")
	}
	_, line, _ := strings.Cut(string(text), "RssAnon:")
	if _, err := fmt.Sscan(line, &size); err != nil {
		p.Fatal(err)
	}
	return size / 1024
}

// tellTime is a handler that sends the time of its start to BENCH_CLOCK.
func tellTime(json.RawMessage) error {
	began := time.Now()
	to, err := net.Dial("unixgram", os.Getenv("BENCH_CLOCK"))
	if err != nil {
		return err
	}
	defer to.Close()
	_, err = to.Write(binary.BigEndian.AppendUint64(nil, uint64(began.UnixNano())))
	return err
}

// BenchmarkEventToHandler measures the time from sending an event to an idle program until its handler runs, in turn with that
// of a synchronous invocation, which shows what the machine adds.
func BenchmarkEventToHandler(b *testing.B) {
	dir := b.TempDir()
	clock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "clock"), Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	defer clock.Close()
	p := runProgram(b, dir, fmt.Sprintf(`
Aws: {Endpoint: 'http://127.0.0.1:1', Region: us-east-1}
Functions: {f: {Command: ['%s'], Environment: {Variables: {BENCH_AS: clock, BENCH_CLOCK: '%s'}}}}
`, executable(b), clock.LocalAddr()))
	defer p.stop()
	toHandler := func(kind string, accepted int) time.Duration {
		sent := time.Now()
		if err := post(b.Context(), http.DefaultClient, "http://"+p.address+invocationsPath, kind, accepted); err != nil {
			b.Fatal(err)
		}
		var at [8]byte
		if _, err := io.ReadFull(clock, at[:]); err != nil {
			b.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // idle again
		return time.Unix(0, int64(binary.BigEndian.Uint64(at[:]))).Sub(sent)
	}
	toHandler("RequestResponse", http.StatusOK) // waits for the environment
	var events, invocations []time.Duration
	for b.Loop() {
		for range 500 {
			events = append(events, toHandler("Event", http.StatusAccepted))
			invocations = append(invocations, toHandler("RequestResponse", http.StatusOK))
		}
	}
	report(b, "event-to-handler", events)
	report(b, "invocation-to-handler", invocations)
}
