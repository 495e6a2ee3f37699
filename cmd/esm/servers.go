package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/esm-run/esm/localstack/embedded"
)

// serve starts the HTTP face and, if the file asks for it, the stand-in, whose address then takes the place of
// "embedded" in the file. Both end with ctx; an error of theirs is given to stop.
func (r *run) serve(ctx context.Context, stop context.CancelCauseFunc) error {
	faceListener, err := listen(r.file.Engine.Listen)
	if err != nil {
		return err
	}
	r.background(stop, func() error { return serve(ctx, faceListener, face(r.board, r.metrics, r.status)) })
	if host, _, _ := net.SplitHostPort(r.file.Engine.Listen); !loopback(host) {
		r.voice.warn("Engine.Listen %s: everyone who can reach it can read the status; there is no login", r.file.Engine.Listen)
	}
	return r.standIn(ctx, stop)
}

func (r *run) standIn(ctx context.Context, stop context.CancelCauseFunc) error {
	port, asked := r.file.Aws.Embedded()
	if !asked {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("Aws.Endpoint embedded: %w (another program? \"embedded\" alone takes a port that is free)", err)
	}
	server := &embedded.Server{Region: r.file.Aws.Region, AccountID: r.file.Aws.AccountId}
	r.background(stop, func() error { return server.Serve(ctx, l) })
	r.file.Aws.Endpoint = "http://" + l.Addr().String()
	r.voice.info("the stand-in for AWS answers on %s (aws --endpoint-url %[1]s sqs list-queues)", r.file.Aws.Endpoint)
	return nil
}

// background runs one server.
func (r *run) background(stop context.CancelCauseFunc, server func() error) {
	r.servers.Go(func() {
		if err := server(); err != nil {
			stop(err)
		}
	})
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (r *run) status() engineStatus {
	waiting := r.board.Ready()
	return engineStatus{
		Version: version, PID: os.Getpid(), Started: r.began,
		Ready: len(waiting) == 0, Waiting: waiting, Status: r.board.Status(),
	}
}

// announce says what runs.
func (r *run) announce() {
	r.voice.info("esm %s runs %s; status, metrics and health on http://%s", version, r.file.Path, r.file.Engine.Listen)
	for _, m := range r.board.Status().Mappings {
		r.voice.info("%s → %s: %s", m.SourceName(), m.Function, strings.ToLower(m.State))
	}
}
