package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/esm-run/esm/localstack/embedded"
)

// serve starts the HTTP face, whose address is returned, and, if the file asks for it, the stand-in. Both end with ctx;
// an error of theirs is given to stop.
func (r *run) serve(ctx context.Context, stop context.CancelCauseFunc) (address string, err error) {
	l, err := listen(r.file.Engine.Listen)
	if err != nil {
		return "", err
	}
	complaints := slog.NewLogLogger(r.voice.log.Handler(), slog.LevelWarn)
	r.background(stop, func() error { return serve(ctx, l, face(r.metrics.Registry, r.status), complaints) })
	return l.Addr().String(), r.standIn(ctx, stop)
}

// standIn starts the stand-in for AWS, whose address then takes the place of "embedded" in the file.
func (r *run) standIn(ctx context.Context, stop context.CancelCauseFunc) error {
	port, asked := r.file.Aws.Embedded()
	if !asked {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("Aws.Endpoint embedded:%s: something else listens there: stop it, or take \"embedded\" alone, which finds a free port", port)
	}
	if err != nil {
		return fmt.Errorf("Aws.Endpoint embedded: %w", err)
	}
	server := &embedded.Server{Region: r.file.Aws.Region, AccountID: r.file.Aws.AccountId}
	r.background(stop, func() error { return server.Serve(ctx, l) })
	r.file.Aws.Endpoint = "http://" + l.Addr().String()
	r.voice.info("the stand-in for AWS answers on %s (aws --endpoint-url %[1]s sqs list-queues)", r.file.Aws.Endpoint)
	return nil
}

// background runs one server. Its error ends the run.
func (r *run) background(stop context.CancelCauseFunc, server func() error) {
	r.servers.Go(func() {
		if err := server(); err != nil {
			stop(err)
		}
	})
}

// status may be asked for from when the face is served on.
func (r *run) status() engineStatus {
	waiting := r.board.Waiting()
	if !r.started.Load() {
		waiting = []string{"the start to be finished"}
	}
	return engineStatus{
		Version: version, PID: os.Getpid(), Started: r.began,
		Ready: len(waiting) == 0, Waiting: waiting, Status: r.board.Status(),
	}
}
