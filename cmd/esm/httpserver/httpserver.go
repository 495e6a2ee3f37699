// Package httpserver is the engine's HTTP server: health, readiness, metrics, status, and Lambda's API behind them.
package httpserver

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
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/subscriber"
)

// Paths of the engine's own API.
const (
	StatusPath   = "/esm/v1/status"   // a Status
	MappingsPath = "/esm/v1/mappings" // all mappings, with their origin
)

// Status is what `esm status` shows of a running engine.
type Status struct {
	Version string    `json:"Version"`
	PID     int       `json:"ProcessId"`
	Started time.Time `json:"Started"`
	Ready   bool      `json:"Ready"`             // nothing is waited for
	Waiting []string  `json:"Waiting,omitempty"` // enabled mappings that do not read their source yet, or the start itself
	observe.Status
}

// Server answers requests to a running engine. Its functions are called concurrently.
type Server struct {
	Metrics prometheus.Gatherer
	Status  func() Status

	// Logs are the lines that handlers wrote; HasFunction reports whether the file has a function.
	Logs        *observe.Kept
	HasFunction func(name string) bool

	// Mappings returns all mappings; ok is false while the engine is starting.
	Mappings func() (all []mappings.Registered, ok bool)

	// Events returns the asynchronous events that wait, or nil while the engine is starting.
	Events func() Events

	// Lambda returns Lambda's API, or nil while the engine is starting.
	Lambda func() http.Handler

	// Subscriber returns the endpoint of SNS topics, or nil while the engine is starting.
	Subscriber func() http.Handler

	logReaders atomic.Int32
}

// Handler returns the handler of all paths.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET "+StatusPath, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Status()) })
	mux.HandleFunc("GET "+MappingsPath, func(w http.ResponseWriter, _ *http.Request) {
		if all, ok := s.Mappings(); ok {
			writeJSON(w, describeAll(all))
			return
		}
		Starting(w)
	})
	mux.HandleFunc("GET "+LogsPath, s.logs)
	s.handleEvents(mux)
	mux.HandleFunc(subscriber.Path, func(w http.ResponseWriter, req *http.Request) {
		if topics := s.Subscriber(); topics != nil {
			topics.ServeHTTP(w, req)
			return
		}
		Starting(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		if lambda := s.Lambda(); lambda != nil {
			lambda.ServeHTTP(w, req)
			return
		}
		Starting(w)
	})
	return mux
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if status := s.Status(); !status.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "waiting for %s\n", strings.Join(status.Waiting, ", "))
		return
	}
	fmt.Fprintln(w, "ok")
}

// describe returns a mapping as MappingsPath shows it: the members of Lambda's CreateEventSourceMapping request that have a
// value, State, LastModified, Origin (File or HTTP), and Changed, which is true for a mapping of the file that was changed
// over HTTP.
func describe(m mappings.Registered) map[string]any {
	all := map[string]any{}
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

func describeAll(known []mappings.Registered) map[string][]map[string]any {
	all := []map[string]any{}
	for _, m := range known {
		all = append(all, describe(m))
	}
	return map[string][]map[string]any{"EventSourceMappings": all}
}

// Starting answers a request that needs mappings or functions while the engine is starting.
func Starting(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", "ServiceException")
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	writeJSON(w, map[string]string{"Type": "Service", "Message": "The engine is starting."})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // payloads of events stay as they are
	enc.Encode(value)        //nolint:errcheck // the client is gone
}

// Listen listens on the address of Engine.Listen. Its error says what to do if the address is in use.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("Engine.Listen %s: the port is in use, perhaps by another engine: "+
			"stop it, or give this engine another address with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("Engine.Listen: %w", err)
	}
	return l, nil
}

// lastAnswers bounds how long responses may take that are being written when the server ends.
const lastAnswers = time.Second

// Serve serves h on l until ctx has ended and the last responses are written, and closes l. Errors of single requests are
// written to complaints.
func Serve(ctx context.Context, l net.Listener, h http.Handler, complaints *log.Logger) error {
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
