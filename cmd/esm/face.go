package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/esm-run/esm/cmd/esm/observe"
)

// statusPath answers with an engineStatus.
const statusPath = "/esm/v1/status"

// engineStatus is what `esm status` asks a running engine for.
type engineStatus struct {
	Version string    `json:"Version"`
	PID     int       `json:"ProcessId"`
	Started time.Time `json:"Started"`
	Ready   bool      `json:"Ready"`             // nothing is waited for
	Waiting []string  `json:"Waiting,omitempty"` // enabled mappings that have not reached their source yet, or what comes before
	observe.Status
}

// face is the engine's HTTP server: health, metrics and status. It only reads.
func face(metrics prometheus.Gatherer, status func() engineStatus) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s := status(); !s.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "waiting for %s\n", strings.Join(s.Waiting, ", "))
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(status()) //nolint:errcheck // the client is gone
	})
	return mux
}

// listen opens the face's address, with an error that says what to do when it is taken.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("Engine.Listen %s: something else listens there, perhaps another engine: "+
			"stop it, or give this one an address of its own with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("Engine.Listen: %w", err)
	}
	return l, nil
}

// lastAnswers is how long answers that are being written when the server ends may take.
const lastAnswers = time.Second

// serve answers on l until ctx ends and the last answers are out. It closes l. What is wrong with single requests is
// written to complaints.
func serve(ctx context.Context, l net.Listener, h http.Handler, complaints *log.Logger) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          complaints,
	}
	ended := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(ended)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !running() {
		<-ended // Serve returns as soon as Shutdown begins
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
