package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

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
	Ready   bool      `json:"Ready"`
	Waiting []string  `json:"Waiting,omitempty"` // enabled mappings that have not reached their source yet
	observe.Status
}

// face is the engine's HTTP server: health, metrics and status. It only reads.
func face(board *observe.Board, metrics *observe.Metrics, status func() engineStatus) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if waiting := board.Ready(); len(waiting) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "not polling yet: %s\n", strings.Join(waiting, ", "))
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
	if err != nil {
		return nil, fmt.Errorf("Engine.Listen %s: %w (another engine? give this one another address with --listen)", address, err)
	}
	return l, nil
}

// serve answers on l until ctx ends and the last answers are out.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
