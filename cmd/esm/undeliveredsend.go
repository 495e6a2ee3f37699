package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/esm-run/esm"
)

// atOnce is how many notices are sent at the same time. Each may hold an event of 6 MB.
const atOnce = 8

// resender sends notices again. A notice is dropped when it was taken: a crash before that repeats it.
type resender struct {
	to   func(context.Context, esm.UndeliveredNotice) address // is called by one goroutine
	drop func(ctx context.Context, id string) error           // by several at once
	w    io.Writer                                            // is told of each notice; likewise

	sent, failed atomic.Int64
}

// errand is a notice on its way.
type errand struct {
	esm.UndeliveredNotice
	address
}

// run sends the notices that are wanted until ctx ends. The error is that of reading them: what is not sent is counted.
func (r *resender) run(ctx context.Context, notices iter.Seq2[esm.UndeliveredNotice, error], wanted picked) error {
	errands := make(chan errand)
	var senders sync.WaitGroup
	for range atOnce {
		senders.Go(func() {
			for e := range errands {
				r.send(ctx, e)
			}
		})
	}
	err := r.deal(ctx, notices, wanted, errands)
	close(errands)
	senders.Wait()
	return err
}

// deal gives each notice that is wanted to a sender.
func (r *resender) deal(ctx context.Context, notices iter.Seq2[esm.UndeliveredNotice, error], wanted picked, errands chan<- errand) error {
	for u, err := range notices {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !wanted.has(u.Notice.ID) {
			continue
		}
		select {
		case errands <- errand{u, r.to(ctx, u)}:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// send sends one notice and drops it.
func (r *resender) send(ctx context.Context, e errand) {
	err := e.err
	if err == nil {
		err = e.destination.Send(ctx, e.Notice)
	}
	if err != nil && ctx.Err() != nil {
		return // interrupted, which says nothing about the destination
	}
	if err == nil {
		r.sent.Add(1)
		fmt.Fprintf(r.w, "%s sent to %s\n", e.Notice.ID, e.arn)
		if err = r.drop(ctx, e.Notice.ID); err == nil {
			return
		}
		err = fmt.Errorf("sent, and will be sent again: %w", err)
	}
	r.failed.Add(1)
	fmt.Fprintf(r.w, "%s kept: %s: %s\n", e.Notice.ID, e.arn, clip(err.Error(), 500))
}

// verdict is the error that is left of sending so many.
func (r *resender) verdict(ctx context.Context, wanted int) error {
	switch sent, failed := r.sent.Load(), r.failed.Load(); {
	case ctx.Err() != nil && int(sent) < wanted:
		return fmt.Errorf("stopped: %d of %d notices were sent, the others are still kept", sent, wanted)
	case failed > 0:
		return fmt.Errorf("%d of %s could not be sent and dropped: `esm undelivered list` shows what is still kept", failed, plural(wanted, "notice"))
	}
	return nil
}
