package undelivered

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/wiring"
)

// Resend sends the selected notices to the destinations that their mappings have now, or to the ones that they were for, and
// drops what was accepted. It writes a line about each notice to w. It returns an error if any was not sent, or if ctx ends
// before.
func Resend(ctx context.Context, file *configfile.File, s *datadir.Store, wanted Selection, w io.Writer) error {
	found, err := wanted.Find(s.Undelivered(ctx))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "there are no undelivered notices")
		return err
	}
	known, err := s.KnownMappings(ctx, file)
	if err != nil {
		return err
	}
	to := &addresses{file: file, now: destinationsOf(known), clients: &awsclient.Clients{Region: file.Aws.Region}, opened: map[string]address{}}
	r := &resender{to: to.of, drop: dropper(s), w: &logging.LockedWriter{W: w}}
	if err := r.run(ctx, s.Undelivered(ctx), wanted); err != nil {
		return err
	}
	return r.result(ctx, len(found))
}

// dropper returns a function that drops a notice that was sent, even if ctx has ended meanwhile.
func dropper(s *datadir.Store) func(context.Context, string) error {
	return func(ctx context.Context, id string) error { return s.Drop(context.WithoutCancel(ctx), id) }
}

// addresses opens the destinations of notices, each once. It belongs to one goroutine.
type addresses struct {
	file    *configfile.File
	now     map[string]string // the ARNs of the destinations that mappings have now, by UUID
	clients *awsclient.Clients
	opened  map[string]address // by ARN
}

func destinationsOf(known []datadir.Mapping) map[string]string {
	arns := map[string]string{}
	for _, m := range known {
		if m.DestinationConfig != nil {
			arns[m.UUID] = m.DestinationConfig.OnFailure.Destination
		}
	}
	return arns
}

// address is a destination, or why there is none.
type address struct {
	arn         string
	destination esm.Destination
	err         error
}

// of returns where a notice is sent.
func (a *addresses) of(ctx context.Context, u esm.UndeliveredNotice) address {
	arn := cmp.Or(a.now[u.Notice.Mapping], u.Destination)
	if known, ok := a.opened[arn]; ok {
		return known
	}
	made := address{arn: arn}
	made.destination, made.err = wiring.Destination(ctx, a.clients, a.file, arn)
	if errors.Is(made.err, wiring.ErrStandIn) {
		made.err = fmt.Errorf("%w: name another endpoint with --endpoint", made.err)
	}
	a.opened[arn] = made
	return made
}

// concurrency is how many notices are sent concurrently. Each may hold an event of 6 MB.
const concurrency = 8

// resender sends notices and drops those that were accepted: a crash in between sends a notice again.
type resender struct {
	to   func(context.Context, esm.UndeliveredNotice) address // called by one goroutine
	drop func(ctx context.Context, id string) error           // called concurrently
	w    io.Writer                                            // receives a line about each notice; used concurrently

	sent, failed atomic.Int64
}

// delivery is a notice and its destination.
type delivery struct {
	esm.UndeliveredNotice
	address
}

// run sends the selected notices until ctx ends. The error is about reading them; failures to send are counted.
func (r *resender) run(ctx context.Context, notices Notices, wanted Selection) error {
	deliveries := make(chan delivery)
	var senders sync.WaitGroup
	for range concurrency {
		senders.Go(func() {
			for e := range deliveries {
				r.send(ctx, e)
			}
		})
	}
	err := r.deal(ctx, notices, wanted, deliveries)
	close(deliveries)
	senders.Wait()
	return err
}

// deal hands each selected notice to a sender.
func (r *resender) deal(ctx context.Context, notices Notices, wanted Selection, deliveries chan<- delivery) error {
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
		case deliveries <- delivery{u, r.to(ctx, u)}:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// send sends one notice and drops it.
func (r *resender) send(ctx context.Context, e delivery) {
	err := e.err
	if err == nil {
		err = e.destination.Send(ctx, e.Notice)
	}
	if err != nil && ctx.Err() != nil {
		return // interrupted: the destination did not refuse it
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
	fmt.Fprintf(r.w, "%s kept: %s: %s\n", e.Notice.ID, e.arn, logging.OneLine(err.Error(), 500))
}

// result returns an error unless all wanted notices were sent and dropped.
func (r *resender) result(ctx context.Context, wanted int) error {
	switch sent, failed := r.sent.Load(), r.failed.Load(); {
	case ctx.Err() != nil && int(sent) < wanted:
		return fmt.Errorf("stopped: %d of %d notices were sent, the rest is still kept", sent, wanted)
	case failed > 0:
		return fmt.Errorf("%d of %d notices could not be sent and dropped: `esm undelivered list` shows what is still kept", failed, wanted)
	}
	return nil
}
