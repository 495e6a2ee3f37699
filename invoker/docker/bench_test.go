package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// percentiles returns p50 and p99 of what was measured.
func percentiles(took []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

const benchEvent = `{"Do":"echo"}`

// BenchmarkWarmInvoke measures invocations through a container until their answer, in turn with a bare loop: the same handler in
// a container on a bridge of the same kind, whose Runtime API is a handler function of net/http that does nothing else. It reports the
// ratios of p50 and p99.
func BenchmarkWarmInvoke(b *testing.B) {
	r := newRig(b)
	r.Starter.Trace = nil
	fn := function(handlerImage(b))
	e := r.start(fn)
	bare := newBareLoop(b, r, fn)
	c := esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(benchEvent)}
	var ours, theirs []time.Duration
	for b.Loop() {
		began := time.Now()
		if resp, err := e.Invoke(b.Context(), c); err != nil || resp.Fault != "" {
			b.Fatal(err, resp)
		}
		ours = append(ours, time.Since(began))
		must(b, e.Drain(b.Context()))
		began = time.Now()
		bare.invoke()
		theirs = append(theirs, time.Since(began))
		bare.drain()
	}
	p50, p99 := percentiles(ours)
	bare50, bare99 := percentiles(theirs)
	b.ReportMetric(float64(p50.Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(p99.Nanoseconds()), "p99-ns")
	b.ReportMetric(float64(p50)/float64(bare50), "p50-ratio")
	b.ReportMetric(float64(p99)/float64(bare99), "p99-ratio")
}

// bareLoop is the least that a Runtime API does.
type bareLoop struct {
	asked, event, answered chan struct{}
}

func (l *bareLoop) invoke() { l.event <- struct{}{}; <-l.answered }
func (l *bareLoop) drain()  { <-l.asked }

func (l *bareLoop) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		_, _ = io.Copy(io.Discard, req.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"OK"}`)
		l.answered <- struct{}{}
		return
	}
	l.asked <- struct{}{}
	select {
	case <-l.event:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", testID)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", "0")
		_, _ = io.WriteString(w, benchEvent)
	case <-req.Context().Done():
	}
}

// newBareLoop starts a container with no settings, on a network of its own.
func newBareLoop(b *testing.B, r *rig, fn config.Function) *bareLoop {
	c := dockertest.Client(b)
	n, err := c.NetworkCreate(b.Context(), "esm-bench-"+randomID(), client.NetworkCreateOptions{Driver: "bridge", Labels: r.platform.labels("", "")})
	must(b, err)
	b.Cleanup(func() { _, _ = c.NetworkRemove(context.Background(), n.ID, client.NetworkRemoveOptions{}) })
	network, err := c.NetworkInspect(b.Context(), n.ID, client.NetworkInspectOptions{})
	must(b, err)
	listener, err := net.Listen("tcp", network.Network.IPAM.Config[0].Gateway.String()+":0")
	must(b, err)
	l := &bareLoop{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	server := &http.Server{Handler: l}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	made, err := c.ContainerCreate(b.Context(), client.ContainerCreateOptions{
		Config: &container.Config{
			Image: fn.ImageUri, Env: []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}, Labels: r.platform.labels("", ""),
		},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(n.ID), LogConfig: container.LogConfig{Type: "none"}},
	})
	must(b, err)
	b.Cleanup(func() {
		_, _ = c.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
		_ = server.Close()
		serving.Wait()
	})
	_, err = c.ContainerStart(b.Context(), made.ID, client.ContainerStartOptions{})
	must(b, err)
	l.drain()
	return l
}

// BenchmarkColdStart measures starts of an environment up to its first request for an event, in turn with what the daemon's API
// needs to create and start a container with the same limits and rights, whose program may not be running yet.
func BenchmarkColdStart(b *testing.B) {
	r := newRig(b)
	r.Starter.Trace = nil
	fn := function(handlerImage(b))
	r.start(fn).Close()
	var ours, theirs []time.Duration
	for b.Loop() {
		began := time.Now()
		e, err := r.Start(b.Context(), fn, invoker.OnDemand)
		must(b, err)
		ours = append(ours, time.Since(began))
		e.Close()
		theirs = append(theirs, bareStart(b, r, fn))
	}
	p50, _ := percentiles(ours)
	bare50, _ := percentiles(theirs)
	b.ReportMetric(float64(p50.Milliseconds()), "start-ms")
	b.ReportMetric(float64(bare50.Milliseconds()), "bare-ms")
	b.ReportMetric(float64(p50)/float64(bare50), "ratio")
}

// bareStart returns how long the API alone takes to create and start a container like those of fn.
func bareStart(b *testing.B, r *rig, fn config.Function) time.Duration {
	c := dockertest.Client(b)
	n, err := r.platform.network(b.Context(), fn)
	must(b, err)
	seat, err := n.join()
	must(b, err)
	defer seat.leave()
	s := &sandbox{platform: r.platform, spec: lifecycle.Spec{Function: fn}, network: n, seat: seat, disk: r.platform.newDisk(r.platform.engine, fn)}
	defer s.disk.close()
	options := client.ContainerCreateOptions{
		Config:     &container.Config{Image: fn.ImageUri, Labels: r.platform.labels("", "")},
		HostConfig: s.hostConfig(),
	}
	began := time.Now()
	made, err := c.ContainerCreate(b.Context(), options)
	must(b, err)
	_, err = c.ContainerStart(b.Context(), made.ID, client.ContainerStartOptions{})
	must(b, err)
	took := time.Since(began)
	_, err = c.ContainerRemove(b.Context(), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	must(b, err)
	return took
}

// BenchmarkSpare measures the first invocation of a function whose spare is up, in turn with bareStart. "ratio" is to that.
func BenchmarkSpare(b *testing.B) {
	r := newRig(b)
	r.Starter.Trace = nil
	fn := function(handlerImage(b))
	must(b, r.platform.Prepare(b.Context(), fn))
	bareStart(b, r, fn)
	fn.Spares = 1
	var ours, theirs []time.Duration
	for b.Loop() {
		f := &invoker.Functions{Limits: invoker.NewLimits(4)}
		f.SetLocal(&invoker.Pool{Function: fn, Starter: &r.Starter})
		f.StartSpares()
		waitFor(b, "a spare", func() bool {
			all := f.Environments()
			return len(all) == 1 && all[0].State == invoker.Idle
		})
		began := time.Now()
		if resp, err := f.Invoke(b.Context(), esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(benchEvent)}); err != nil || resp.Fault != "" {
			b.Fatal(err, resp)
		}
		ours = append(ours, time.Since(began))
		f.StopStarting()
		f.Close(b.Context())
		theirs = append(theirs, bareStart(b, r, fn))
	}
	p50, _ := percentiles(ours)
	bare50, _ := percentiles(theirs)
	b.ReportMetric(float64(p50.Microseconds())/1000, "first-ms")
	b.ReportMetric(float64(bare50.Milliseconds()), "bare-ms")
	b.ReportMetric(float64(p50)/float64(bare50), "ratio")
}

// BenchmarkFifty starts fifty environments at once, and closes them.
func BenchmarkFifty(b *testing.B) {
	const many = 50
	r := newRig(b)
	r.Starter.Trace = nil
	fn := function(handlerImage(b))
	must(b, r.platform.Prepare(b.Context(), fn))
	var starting, closing time.Duration
	for b.Loop() {
		var all [many]invoker.Environment
		each(b, many, &starting, func(i int) (err error) {
			all[i], err = r.Start(b.Context(), fn, invoker.Provisioned)
			return err
		})
		each(b, many, &closing, func(i int) error {
			if all[i] != nil {
				all[i].Close()
			}
			return nil
		})
	}
	b.ReportMetric(starting.Seconds()/float64(b.N), "start-s")
	b.ReportMetric(closing.Seconds()/float64(b.N), "close-s")
}

// each calls do concurrently and adds how long all calls took.
func each(b *testing.B, n int, sum *time.Duration, do func(i int) error) {
	began := time.Now()
	errs := make([]error, n)
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() { errs[i] = do(i) })
	}
	work.Wait()
	*sum += time.Since(began)
	must(b, errors.Join(errs...))
}
