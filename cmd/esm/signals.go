package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// errStoppedAtOnce is the error of a run that was ended by a second signal or by the end of the grace period.
var errStoppedAtOnce = errors.New("stopped with batches in hand: their records will be delivered again")

// lifetimes turns signals into the two contexts of a run. The first SIGINT or SIGTERM ends ctx, after stopping was
// told; so does stop. Work ends with errStoppedAtOnce, grace after ctx has or at a second signal that is no echo of the
// first; a third is no longer caught, and ends the process.
//
// Grace and stopping are called from another goroutine. End gives everything back and blocks until nothing listens any
// more.
func lifetimes(parent context.Context, grace func() time.Duration, stopping func(os.Signal)) (
	ctx, work context.Context, stop context.CancelCauseFunc, end func(),
) {
	ctx, stop = context.WithCancelCause(parent)
	work, cut := context.WithCancelCause(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // a terminal that is closed; nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	pipes := brokenPipes()

	var listening sync.WaitGroup
	done := make(chan struct{})
	listening.Go(func() {
		select {
		case s := <-signals:
			stopping(s)
			stop(nil)
		case <-ctx.Done():
		case <-done:
			return
		}
		if linger(signals, grace(), done) {
			signal.Stop(signals)
			cut(errStoppedAtOnce)
		}
	})
	return ctx, work, stop, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(done)
		listening.Wait()
		stop(nil)
		cut(nil)
	}
}

// echo is how long one signal may go on arriving: Ctrl-C reaches a whole group of processes, and some that started this one
// pass it on besides.
const echo = 250 * time.Millisecond

// linger blocks until work in hand is to be cut short, or done is closed: then it reports false.
func linger(signals <-chan os.Signal, grace time.Duration, done <-chan struct{}) bool {
	late := time.NewTimer(grace)
	defer late.Stop()
	for first := time.Now(); ; {
		select {
		case <-signals:
			if time.Since(first) > echo {
				return true
			}
		case <-late.C:
			return true
		case <-done:
			return false
		}
	}
}

// brokenPipes takes the signal that would end the process at its next line when whoever read its output is gone. Ctrl-C
// ends a whole pipeline: with the reader first, what is in hand could not be finished. Handlers do not inherit this.
func brokenPipes() chan os.Signal {
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	return pipes
}
