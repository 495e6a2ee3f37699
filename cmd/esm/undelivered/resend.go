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
	"github.com/esm-run/esm/cmd/esm/settings"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/destinations"
)

// Resend sends the selected notices to the destinations that their mappings and functions have now, or to the ones that they
// were for, and drops what was accepted. It writes a line about each notice to w. It returns an error if any was not sent, or
// if ctx ends before.
func Resend(ctx context.Context, file *configfile.File, s *datadir.Store, wanted Selection, w io.Writer) (err error) {
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
	configs, err := settings.EventInvoke(ctx, file, s)
	if err != nil {
		return err
	}
	events := &queue{open: func() (esm.Events, error) { return wiring.OpenEvents(file.Engine.DataDir) }}
	defer func() { err = errors.Join(err, events.Close()) }()
	to := &addresses{
		file: file, now: destinationsOf(known), events: configs, opened: map[target]address{},
		destinations: wiring.Destinations{File: file, Clients: &awsclient.Clients{Region: file.Aws.Region}, Acceptor: events},
	}
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
	file         *configfile.File
	now          map[string]string                              // the ARNs of the destinations that mappings have now, by UUID
	events       func(function string) config.EventInvokeConfig // of functions, named with or without a qualifier
	destinations wiring.Destinations
	opened       map[target]address
}

// target is a destination for notices of an origin.
type target struct {
	arn    string
	origin config.Origin
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
	to := target{cmp.Or(a.present(u.Notice), u.Destination), destinations.OriginOf(u.Notice)}
	if known, ok := a.opened[to]; ok {
		return known
	}
	made := address{arn: to.arn}
	made.destination, made.err = a.open(ctx, to)
	a.opened[to] = made
	return made
}

// present returns the ARN of the destination that the sender of a notice has now, by the file and by what HTTP has changed. It
// is empty if it has none. A function's dead letters go to one target, whatever its qualifier.
func (a *addresses) present(n esm.Notice) string {
	if n.Event == nil {
		return a.now[n.Mapping]
	}
	name, err := config.ParseFunctionName(n.FunctionArn)
	fn, origin := a.file.Function(name.Name), destinations.OriginOf(n)
	switch {
	case err != nil || fn == nil:
		return ""
	case origin == config.DeadLetter:
		return fn.Destination(origin)
	}
	return a.events(name.Qualified()).Destination(origin)
}

func (a *addresses) open(ctx context.Context, to target) (esm.Destination, error) {
	if to.arn == "" {
		return nil, errors.New("its function had no destination when the event ended: give it one in the file, or drop the notice")
	}
	d, err := a.destinations.Open(ctx, to.arn, to.origin)
	if errors.Is(err, wiring.ErrStandIn) {
		err = fmt.Errorf("%w: name another endpoint with --endpoint", err)
	}
	return d, err
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
	for u, err := range wanted.Of(notices) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
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
