package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/localstack/embedded"
	"github.com/esm-run/esm/mappings"
)

// serve starts the HTTP server, and the stand-in if the file asks for it, and returns the server's address. Both end with
// ctx; an error of theirs is passed to stop.
func (r *run) serve(ctx context.Context, stop context.CancelCauseFunc) (address string, err error) {
	l, err := httpserver.Listen(r.file.Engine.Listen)
	if err != nil {
		return "", err
	}
	complaints := slog.NewLogLogger(r.log.Structured.Handler(), slog.LevelWarn)
	r.background(stop, func() error {
		return httpserver.Serve(ctx, l, api.Guard(r.handler(), hostOf(r.file.Engine.Listen), hostOfURL(r.file.Engine.Url)), complaints)
	})
	return l.Addr().String(), r.standIn(ctx, stop)
}

// handler returns the handler of the HTTP server, which answers from the moment that the server listens.
func (r *run) handler() http.Handler {
	server := &httpserver.Server{
		Metrics: r.monitor.Registry,
		Status:  r.status,
		Mappings: func() ([]mappings.Registered, bool) {
			known := r.known.Load()
			if known == nil {
				return nil, false
			}
			return known.List(), true
		},
		Lambda: func() http.Handler {
			if lambda := r.lambda.Load(); lambda != nil {
				return lambda
			}
			return nil
		},
		Subscriber: func() http.Handler {
			if topics := r.subscriber.Load(); topics != nil {
				return topics
			}
			return nil
		},
	}
	return server.Handler()
}

// standIn starts the stand-in for AWS, whose address then replaces "embedded" in the file.
func (r *run) standIn(ctx context.Context, stop context.CancelCauseFunc) error {
	port, asked := r.file.Aws.Embedded()
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
	server := &embedded.Server{Region: r.file.Aws.Region, AccountID: r.file.Aws.AccountId}
	r.background(stop, func() error { return server.Serve(ctx, l) })
	r.standInURL = "http://" + l.Addr().String()
	r.file.Aws.Endpoint = r.standInURL
	r.log.Info("the stand-in for AWS answers on %s (aws --endpoint-url %[1]s sqs list-queues)", r.file.Aws.Endpoint)
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
func (r *run) background(stop context.CancelCauseFunc, server func() error) {
	r.servers.Go(func() {
		if err := server(); err != nil {
			stop(err)
		}
	})
}

// status returns the status of the engine, also while it starts.
func (r *run) status() httpserver.Status {
	now := r.now()
	waiting := now.Waiting()
	if !r.started.Load() {
		waiting = []string{"the engine to start"}
	}
	return httpserver.Status{
		Version: version, PID: os.Getpid(), Started: r.began,
		Ready: len(waiting) == 0, Waiting: waiting, Status: now,
	}
}

// now returns the status of the register's mappings, with their states and origins, or of the file's mappings before the
// register is open.
func (r *run) now() observe.Status {
	known := r.known.Load()
	if known == nil {
		return r.monitor.Status()
	}
	all := map[string]mappings.Registered{}
	var described []observe.Mapping
	for _, m := range known.List() {
		all[m.UUID] = m
		described = append(described, observe.Describe(m.Mapping))
	}
	s := r.monitor.StatusOf(described)
	for i := range s.Mappings {
		m := &s.Mappings[i]
		is := all[m.UUID]
		m.State, m.Origin, m.Changed = is.State, is.Origin, is.Changed
	}
	return s
}
