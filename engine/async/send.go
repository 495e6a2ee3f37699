package async

import (
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// noDestination is the error of sending a notice without a destination. It is an [esm.ErrUndeliverable].
type noDestination struct{}

func (noDestination) Error() string {
	return "the function has neither an OnFailure destination nor a dead-letter queue, or does not exist"
}

func (noDestination) Unwrap() error { return esm.ErrUndeliverable }

// sendAll sends the notices of a route until none waits.
func (o *outbox) sendAll(r *route) {
	for n, ok := o.next(r); ok; n, ok = o.next(r) {
		o.done(n, o.deliver(r, n))
	}
}

// deliver sends a notice, or stores it as undelivered, and removes it from those that are owed. It returns false if ctx or
// work ends before that is done: then the notice stays owed, and is sent by the next Run.
func (o *outbox) deliver(r *route, n esm.OwedNotice) (settled bool) {
	for tries := 1; ; tries++ {
		err := o.send(r, n.Notice)
		if err != nil && o.work.Err() != nil {
			return false
		}
		pause, again := o.rules().After(tries, o.failingFor(r, err), err)
		if again {
			if !retry.Sleep(o.ctx, pause) {
				return false
			}
			continue
		}
		if err != nil && !o.keep(n, err) || !o.settle(n) {
			return false
		}
		o.report(n, err)
		return true
	}
}

// send makes one try.
func (o *outbox) send(r *route, n esm.Notice) error {
	if r.arn == "" {
		return noDestination{}
	}
	to, err := o.open(r)
	if err != nil {
		return err
	}
	return to.Send(o.work, n)
}

// open opens the destination of a route, once.
func (o *outbox) open(r *route) (esm.Destination, error) {
	o.mu.Lock()
	opened := r.opened
	o.mu.Unlock()
	if opened != nil {
		return opened, nil
	}
	opened, err := o.feed.Open(o.work, r.arn, r.origin)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r.opened = opened
	return opened, nil
}

// failingFor makes note of the result of a try, and returns for how long the destination has failed.
func (o *outbox) failingFor(r *route, err error) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		r.failing = time.Time{}
		return 0
	case r.failing.IsZero():
		r.failing = time.Now()
	}
	return time.Since(r.failing)
}

// keep stores a notice as undelivered. It returns false if work ends before that is done.
func (o *outbox) keep(n esm.OwedNotice, why error) bool {
	return o.feed.repeat(o.work, "", func() error {
		return o.feed.Undelivered.Keep(o.work, n.Notice, n.Destination, why.Error())
	})
}

func (o *outbox) settle(n esm.OwedNotice) bool {
	return o.feed.repeat(o.work, "", func() error { return o.feed.Events.Settle(o.work, n.Notice.ID) })
}

func (o *outbox) report(n esm.OwedNotice, err error) {
	notice := n.Notice
	function := notice.FunctionArn
	if name, err := config.ParseFunctionName(function); err == nil {
		function = name.Name
	}
	o.feed.Trace.Emit(trace.EventNotified{
		Function: function, ID: notice.RequestID, Condition: notice.Condition, Destination: n.Destination,
		DeadLetter: notice.Event != nil && notice.Event.DeadLetter, Err: err,
	})
}
