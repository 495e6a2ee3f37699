package running

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker/docker"
	"github.com/esm-run/esm/localstack/embedded"
	"github.com/esm-run/esm/mappings"
)

// serve starts the HTTP server, and the stand-in if the file asks for it, and returns the server's address. Both end with
// ctx; an error of theirs is passed to stop.
func (s *System) serve(ctx context.Context, stop context.CancelCauseFunc) (address string, err error) {
	l, err := httpserver.Listen(s.File.Engine.Listen)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(s.File.Functions, config.Function.InContainer) {
		l = httpserver.Apart(l, cmp.Or(s.File.Engine.ContainerNetworks, docker.DefaultNetworks))
	}
	complaints := slog.NewLogLogger(s.Log.Structured.Handler(), slog.LevelWarn)
	s.background(stop, func() error {
		return httpserver.Serve(ctx, l, api.Guard(s.handler(), http.HandlerFunc(s.functionURL), hostOf(s.File.Engine.Listen), hostOfURL(s.File.Engine.Url)), complaints)
	})
	return l.Addr().String(), s.standIn(ctx, stop)
}

// handler returns the handler of the HTTP server, which answers from the moment that the server listens.
func (s *System) handler() http.Handler {
	server := &httpserver.Server{
		Metrics: s.observers.monitor.Registry,
		Status:  s.status,
		Logs:    s.kept, HasFunction: s.hasFunction,
		Mappings: func() ([]mappings.Registered, bool) {
			known := s.known.Load()
			if known == nil {
				return nil, false
			}
			return known.List(), true
		},
		Subscriber: func() http.Handler {
			if topics := s.subscriber.Load(); topics != nil {
				return topics
			}
			return nil
		},
		Events: func() httpserver.Events {
			if events := s.events.Load(); events != nil {
				return events
			}
			return nil
		},
		Lambda: func() http.Handler {
			if lambda := s.lambda.Load(); lambda != nil {
				return lambda
			}
			return nil
		},
	}
	return server.Handler()
}

// functionURL answers a request to a function's URL.
func (s *System) functionURL(w http.ResponseWriter, req *http.Request) {
	if lambda := s.lambda.Load(); lambda != nil {
		lambda.ServeURL(w, req)
		return
	}
	httpserver.Starting(w)
}

// standIn starts the stand-in for AWS, whose address then replaces "embedded" in the file.
func (s *System) standIn(ctx context.Context, stop context.CancelCauseFunc) error {
	port, asked := s.File.Aws.Embedded()
	if !asked {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("Aws.Endpoint embedded:%s: the port is in use: stop what listens there, or give \"embedded\" alone to use a free port", port)
	}
	if err != nil {
		return fmt.Errorf("Aws.Endpoint embedded: %w", err)
	}
	server := &embedded.Server{
		Region: s.File.Aws.Region, AccountID: s.File.Aws.AccountId,
		Functions: lateEvents{s}, HasFunction: s.hasFunction, Pattern: eventPattern,
		Schedule: func(expression string) error {
			_, err := policy.ParseSchedule(expression)
			return err
		},
		GivenUp: func(target string, err error) { s.Log.Warn("the stand-in could not deliver to %s: %v", target, err) },
		Guard:   func(next http.Handler) http.Handler { return api.Guard(next, nil) },
	}
	s.background(stop, func() error { return server.Serve(ctx, l) })
	s.standInURL = "http://" + l.Addr().String()
	s.File.Aws.Endpoint = s.standInURL
	s.Log.Info("the stand-in for AWS answers on %s (aws --endpoint-url %[1]s sqs list-queues)", s.File.Aws.Endpoint)
	return nil
}

// hostOf returns the host of an address to listen on.
func hostOf(listen string) string {
	host, _, _ := net.SplitHostPort(listen)
	return host
}

// hostOfURL returns the host of a URL, or an empty string.
func hostOfURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// background runs one server. Its error ends the run.
func (s *System) background(stop context.CancelCauseFunc, server func() error) {
	s.servers.Go(func() {
		if err := server(); err != nil {
			stop(err)
		}
	})
}

// status returns the status of the engine, also while it starts.
func (s *System) status() httpserver.Status {
	now := s.now()
	waiting := now.Waiting()
	if !s.started.Load() {
		waiting = []string{"the engine to start"}
	}
	return httpserver.Status{
		Version: s.Version, PID: os.Getpid(), Started: s.Began,
		Ready: len(waiting) == 0, Waiting: waiting, Status: now,
	}
}

// now returns the status of the register's mappings, with their states and origins, or of the file's mappings before the
// register is open.
func (s *System) now() observe.Status {
	known := s.known.Load()
	if known == nil {
		return s.observers.monitor.Status()
	}
	all := map[string]mappings.Registered{}
	var described []observe.Mapping
	for _, m := range known.List() {
		all[m.UUID] = m
		described = append(described, observe.Describe(m.Mapping))
	}
	status := s.observers.monitor.StatusOf(described)
	for i := range status.Mappings {
		m := &status.Mappings[i]
		registered := all[m.UUID]
		m.State, m.Origin, m.Changed = registered.State, registered.Origin, registered.Changed
	}
	return status
}
