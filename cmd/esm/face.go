package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/mappings"
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

// mappingsPath answers with all mappings, each a registered.
const mappingsPath = "/esm/v1/mappings"

// registered is a mapping as the engine has it: the members of a request of Lambda's CreateEventSourceMapping that are
// given, its State, LastModified, its Origin (File or HTTP), and whether it is one of the file that HTTP has Changed.
type registered map[string]any

func register(m mappings.Registered) registered {
	all := registered{}
	text, err := json.Marshal(m.Mapping)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		all["UUID"] = m.UUID
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil || value == "" })
	if m.StartingPositionTimestamp.IsZero() {
		delete(all, "StartingPositionTimestamp")
	}
	all["State"], all["Origin"], all["Changed"], all["LastModified"] = m.State, m.Origin, m.Changed, m.LastModified
	return all
}

// face is the engine's HTTP server: health, metrics, status and Lambda's API.
func (r *run) face() http.Handler {
	mux := face(r.metrics.Registry, r.status)
	mux.HandleFunc("GET "+mappingsPath, func(w http.ResponseWriter, _ *http.Request) {
		if known := r.known.Load(); known != nil {
			writeJSON(w, listed(known.List()))
			return
		}
		starting(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		if lambda := r.lambda.Load(); lambda != nil {
			lambda.ServeHTTP(w, req)
			return
		}
		starting(w)
	})
	return mux
}

// starting is the answer while it is not known yet which mappings there are.
func starting(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", "ServiceException")
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	writeJSON(w, map[string]string{"Type": "Service", "Message": "The engine is starting."})
}

// listed returns the answer of mappingsPath.
func listed(known []mappings.Registered) map[string][]registered {
	all := []registered{}
	for _, m := range known {
		all = append(all, register(m))
	}
	return map[string][]registered{"EventSourceMappings": all}
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value) //nolint:errcheck // the client is gone
}

// face is what of the engine's HTTP server only reads.
func face(metrics prometheus.Gatherer, status func() engineStatus) *http.ServeMux {
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
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status()) })
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
