// Package schedule sends the events of rules that run on a schedule, as EventBridge does.
package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// Feed runs one rule: each time that its schedule is due, it sends an event to every target. Set the fields before Run.
//
// A time that passes while the feed does not run, because the engine is down or the machine sleeps, is not made up for, as on
// EventBridge. A clock that is set back repeats nothing.
type Feed struct {
	Rule            string // its ARN
	Region, Account string // shown in events
	Expression      string // the text of Schedule
	Schedule        policy.Schedule
	Targets         []Target

	// Starts stores when a rate was first seen, so that a restart keeps its phase. It is not used for cron.
	Starts esm.Documents

	Scale float64 // multiplies the pauses between tries; 0 means 1
	Trace trace.Func
}

const (
	// giveUpAfter bounds the tries to send one event (AWS: "How EventBridge retries delivering events").
	giveUpAfter = 24 * time.Hour

	// tooLate is the delay after which a time counts as missed: the machine slept, or its clock was set forward.
	tooLate = time.Minute

	// glance bounds how long the feed sleeps before it looks at the clock again, which may have been set.
	glance = 30 * time.Second
)

// Run implements the contract of the engine's feeds: it blocks until ctx has ended and events being sent are sent or given
// up, or work has ended too.
func (f *Feed) Run(ctx, work context.Context, ready func()) {
	start, known := f.start(ctx)
	if !known {
		return
	}
	ready()
	var sending sync.WaitGroup
	defer sending.Wait()
	for after := now(); ; {
		due := f.Schedule.Next(start, after)
		if due.IsZero() {
			<-ctx.Done()
			return
		}
		if !sleepUntil(ctx, due) {
			return
		}
		after = due
		if woke := now(); woke.Sub(due) > tooLate {
			after = woke
			continue
		}
		event := f.event(due)
		for _, t := range f.Targets {
			sending.Go(func() { f.deliver(ctx, work, t, due, event) })
		}
	}
}

// now returns the time of the wall clock alone, which can be set.
func now() time.Time { return time.Now().Round(0) }

// sleepUntil waits until the wall clock shows a time, and returns false as soon as ctx ends.
func sleepUntil(ctx context.Context, t time.Time) bool {
	for left := t.Sub(now()); left > 0; left = t.Sub(now()) {
		if !retry.Sleep(ctx, min(left, glance)) {
			return false
		}
	}
	return ctx.Err() == nil
}

// deliver sends the event of one time to one target. After an error it tries again, until ctx ends or the event is too old.
func (f *Feed) deliver(ctx, work context.Context, t Target, due time.Time, event json.RawMessage) {
	done := trace.Scheduled{Rule: f.Rule, Target: t.Arn, ID: f.id(due, t.ID), Due: due}
	retry.Keep(ctx, f.Scale, func() (more bool, err error) {
		done.Err = t.To.Send(work, done.ID, t.input(event))
		return done.Err != nil && now().Sub(due) < giveUpAfter, done.Err
	}, func(_ error, wait time.Duration) {
		again := done
		again.Wait = wait
		f.Trace.Emit(again)
	})
	f.Trace.Emit(done)
}

// documents is the kind of the documents that store starts, by the ARN of their rule.
const documents = "schedules"

// begun is the content of such a document. Another expression starts anew.
type begun struct {
	Expression string
	Start      time.Time
}

// start returns the time at which the rule was first seen with its expression, once that is durable. It returns false if ctx
// ends before.
func (f *Feed) start(ctx context.Context) (start time.Time, known bool) {
	if !f.Schedule.Periodic() {
		return time.Time{}, ctx.Err() == nil
	}
	retry.Keep(ctx, f.Scale, func() (more bool, err error) {
		start, err = f.load(ctx)
		known = err == nil
		return !known, err
	}, func(err error, wait time.Duration) {
		f.Trace.Emit(trace.Scheduled{Rule: f.Rule, Err: err, Wait: wait})
	})
	return start, known
}

// load reads the start of the rule, or stores the current time as such.
func (f *Feed) load(ctx context.Context) (time.Time, error) {
	all, err := f.Starts.Documents(ctx, documents)
	if err != nil {
		return time.Time{}, err
	}
	var is begun
	if text, found := all[f.Rule]; found {
		if err := json.Unmarshal(text, &is); err != nil {
			return time.Time{}, fmt.Errorf("the start of the rule was not written by this release: %w", err)
		}
		if is.Expression == f.Expression {
			return is.Start, nil
		}
	}
	is = begun{f.Expression, now().UTC().Truncate(time.Second)} // events show whole seconds
	text, err := json.Marshal(is)
	if err != nil {
		return time.Time{}, err
	}
	return is.Start, f.Starts.Write(ctx, documents, map[string][]byte{f.Rule: text})
}
