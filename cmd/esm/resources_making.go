package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	lookAgain = 5 * time.Second        // the pause before a service that did not answer is asked again
	lookSoon  = 100 * time.Millisecond // the pause between looks at what is under way
)

// making is the making of one resource, as far as it has come. A step of which nobody knows whether it was taken is taken
// again: to create something twice changes nothing, and contents are rather put twice than not at all.
type making struct {
	resource

	ours    bool // it was not there when it was looked for: this run makes it, and puts its contents
	created bool // by this run
	done    int  // how much of the contents is put
}

// finish goes on until the resource is there and, if this run makes it, holds its contents. It waits for an endpoint that
// does not answer and for what is not ready, which it says once, until ctx ends. An answer that says no is an error.
func (m *making) finish(ctx context.Context, v *voice) error {
	waiting := false
	for {
		err := m.goOn(ctx, v)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			m.regret(v)
			return context.Cause(ctx)
		case !passing(err):
			m.regret(v)
			return err
		case !waiting:
			waiting = true
			v.warn("%s: %v; trying again until it answers", m.name, err)
		}
		pause(ctx, lookAgain)
	}
}

// goOn takes the steps that are left, as far as they succeed. It gives a resource some time to become ready.
func (m *making) goOn(ctx context.Context, v *voice) error {
	for began := time.Now(); ; pause(ctx, lookSoon) {
		found, err := m.look(ctx)
		if err == nil && !found.there {
			found, err = m.begin(ctx)
		}
		switch {
		case err != nil:
			return err
		case found.there && found.status == "":
			return m.complete(ctx, found, v)
		case time.Since(began) >= lookAgain:
			return unready(found.status)
		}
	}
}

// begin creates the resource, which is not there, and looks at it. What was put into an earlier one of its name that this
// run made went with that.
func (m *making) begin(ctx context.Context) (found, error) {
	m.ours, m.done = true, 0
	if err := m.create(ctx); err != nil {
		return found{}, fmt.Errorf("create it: %w", err)
	}
	m.created = true
	at, err := m.look(ctx)
	if err == nil && !at.there {
		at.status = "made and not there"
	}
	return at, err
}

// complete puts what is left of the contents into the resource, which is ready, if it is this run's. Of another's, it
// tells what is not as the file says.
func (m *making) complete(ctx context.Context, at found, v *voice) error {
	if !m.ours {
		if len(at.differs) > 0 {
			v.warn("%s: is there already and stays as it is: %s", m.name, strings.Join(at.differs, "; "))
		}
		return nil
	}
	for ; m.done < m.count; m.done++ {
		if err := m.put(ctx, m.done); err != nil {
			return fmt.Errorf("put %s %d: %w", m.content, m.done, err)
		}
	}
	with := ""
	if m.put != nil {
		with = ", with " + plural(m.count, m.content)
	}
	v.info("%s: made%s", m.name, with)
	return nil
}

// regret tells of contents that will be missing, since the next run finds the resource and puts nothing into it.
func (m *making) regret(v *voice) {
	if m.created && m.done < m.count {
		v.warn("%s: made, with %d of its %s: the next run finds it there and puts no more", m.name, m.done, plural(m.count, m.content))
	}
}

// unready is the status of a resource that is there and does not become ready.
type unready string

func (u unready) Error() string { return "it is " + string(u) }

// passing reports whether err says that nothing answers, or something that is in trouble or busy, perhaps because it is
// just starting. Any other answer is final.
func passing(err error) bool {
	if _, waits := errors.AsType[unready](err); waits {
		return true
	}
	if _, unanswered := errors.AsType[*smithyhttp.RequestSendError](err); unanswered {
		return true
	}
	answer, answered := errors.AsType[*smithyhttp.ResponseError](err)
	return answered && (answer.HTTPStatusCode() >= http.StatusInternalServerError || throttled(err))
}

// throttled reports whether err says that there were too many calls. That a limit is reached, such as how many shards
// there may be, does not pass.
func throttled(err error) bool {
	refusal, refused := errors.AsType[smithy.APIError](err)
	if !refused || refusal.ErrorCode() == "LimitExceededException" {
		return false
	}
	_, throttles := retry.DefaultThrottleErrorCodes[refusal.ErrorCode()]
	return throttles
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
