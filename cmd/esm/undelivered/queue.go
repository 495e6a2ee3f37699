package undelivered

import (
	"context"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// queue accepts events for functions of the file while no engine runs: they wait in the data directory for the next engine.
// It opens the queue there for the first event, since most notices are not for functions.
type queue struct {
	open func() (esm.Events, error)

	mu     sync.Mutex // guards events, also while they are opened
	events esm.Events // nil until they are opened
}

var _ esm.Acceptor = (*queue)(nil)

// Accept implements [esm.Acceptor]. The destination has set the event's ID.
func (q *queue) Accept(ctx context.Context, e esm.Event) error {
	events, err := q.opened()
	if err != nil {
		return err
	}
	now := time.Now()
	_, err = events.Add(ctx, esm.Event{ID: e.ID, Function: e.Function, Payload: e.Payload, TraceHeader: e.TraceHeader, Accepted: now, Due: now})
	return err
}

func (q *queue) opened() (esm.Events, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.events != nil {
		return q.events, nil
	}
	events, err := q.open()
	if err == nil {
		q.events = events
	}
	return events, err
}

// Close closes what was opened. Events must not be accepted any more.
func (q *queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.events == nil {
		return nil
	}
	return q.events.Close()
}
