package async

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Accept implements [esm.Acceptor]. It may be called before, during and after Run: an event that nothing dispatches now is
// dispatched by the next Run on the same store. Neither the function nor its concurrency is looked at. An event without a
// trace header gets one, so that its tries and what they lead to belong together.
func (f *Feed) Accept(ctx context.Context, e esm.Event) error {
	if n := len(e.Payload); n > esm.MaxEvent {
		return fmt.Errorf("async: the event for %s has %d bytes, at most %d are allowed: %w", e.Function, n, esm.MaxEvent, esm.ErrTooLarge)
	}
	now := time.Now()
	e = esm.Event{ID: e.ID, Function: e.Function, Payload: e.Payload, TraceHeader: e.TraceHeader, Accepted: e.Accepted, Due: now}
	if e.ID == "" {
		e.ID = uuid.NewString()
	}
	if e.Accepted.IsZero() {
		e.Accepted = now
	}
	if e.TraceHeader == "" {
		e.TraceHeader = newTrace(now)
	}
	function, _ := config.SplitQualifier(e.Function)
	_, err := f.Events.Add(ctx, e)
	if err == nil {
		f.Trace.Emit(trace.EventAccepted{Function: e.Function, ID: e.ID, Bytes: len(e.Payload)})
	}
	f.wake(function) // also after an error: the event may have been stored
	if err != nil {
		return fmt.Errorf("async: store the event for %s: %w", e.Function, err)
	}
	return nil
}

// newTrace returns an X-Amzn-Trace-Id that is not sampled (AWS X-Ray: "Tracing header").
func newTrace(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(now.Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
