package async

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Accept implements [esm.Acceptor]. It may be called before, during and after Run: an event that nothing dispatches now is
// dispatched by the next Run on the same store. Neither the function nor its concurrency is looked at. An event without a
// valid trace header gets one, so that its tries and what they lead to belong together.
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
	if !esm.IsTraceHeader(e.TraceHeader) {
		e.TraceHeader = esm.NewTraceHeader(now)
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
