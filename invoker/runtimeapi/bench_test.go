package runtimeapi_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const benchEvent = `{"Records":[{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","body":"Test message."}]}`

// BenchmarkWarmInvoke measures a warm invocation over loopback against a loop that is as bare as net/http allows, in the
// same run: "ratio" is the quotient of the medians.
func BenchmarkWarmInvoke(b *testing.B) {
	ours, bare := startOurs(b), startBare(b)
	for range 200 {
		ours()
		bare()
	}
	var tookOurs, tookBare []time.Duration
	for i := 0; b.Loop(); i++ {
		if i/50%2 == 0 { // in turns, so that a busy machine disturbs both alike
			tookOurs = append(tookOurs, ours())
		} else {
			tookBare = append(tookBare, bare())
		}
	}
	if len(tookBare) == 0 {
		return
	}
	p50 := median(tookOurs)
	b.ReportMetric(float64(p50.Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(p50)/float64(median(tookBare)), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func startOurs(b *testing.B) func() time.Duration {
	session := runtimeapi.New(config.Function{Name: "f"})
	l := listen(b)
	server := runtimeapi.NewServer(nil)
	server.Host(l.Addr().String(), netip.Addr{}).Serve(session)
	serve(b, l, server.Serve, server.Close)
	ev := runtimeapi.Event{ID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", FunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:f",
		TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0", Payload: []byte(benchEvent)}
	return timed(session.Idle(), func() {
		ev.Deadline = time.Now().Add(3 * time.Second)
		if err := session.Dispatch(ev); err != nil {
			b.Fatal(err)
		}
		<-session.Answers()
	})
}

func startBare(b *testing.B) func() time.Duration {
	events, answers, idle := make(chan []byte), make(chan []byte), make(chan struct{}, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			idle <- struct{}{}
			select {
			case ev := <-events:
				h := w.Header()
				h.Set("Content-Type", "application/json")
				h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
				h.Set("Lambda-Runtime-Deadline-Ms", "1542409706888")
				h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f")
				h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
				_, _ = w.Write(ev)
			case <-r.Context().Done():
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		answers <- body
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"status":"OK"}` + "\n"))
	})}
	serve(b, listen(b), server.Serve, func() { _ = server.Close() })
	return timed(idle, func() {
		events <- []byte(benchEvent)
		<-answers
	})
}

// serve runs a server and the runtime that uses it until the benchmark ends.
func serve(b *testing.B, l net.Listener, serve func(net.Listener) error, stop func()) {
	var work sync.WaitGroup
	work.Go(func() { _ = serve(l) })
	work.Go(func() { loop(l.Addr().String()) })
	b.Cleanup(func() { stop(); work.Wait() })
}

// timed returns a function that measures invoke, between waits for the runtime to be idle.
func timed(idle <-chan struct{}, invoke func()) func() time.Duration {
	<-idle
	return func() time.Duration {
		began := time.Now()
		invoke()
		took := time.Since(began)
		<-idle
		return took
	}
}

func listen(b *testing.B) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// loop is a runtime in Go that echoes its events, until the server goes away.
func loop(addr string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	base := "http://" + addr + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := client.Get(base + "next")
		if err != nil {
			return
		}
		event, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return
		}
		resp, err = client.Post(base+resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(event))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
