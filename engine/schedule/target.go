package schedule

import (
	"context"
	"encoding/json"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// Target is a target of a rule.
type Target struct {
	ID  string // unique among the targets of the rule
	Arn string
	To  Sender

	Input json.RawMessage  // sent in place of the event; nil means the event
	Path  policy.InputPath // of the part of the event that is sent; zero means all of it
}

// Sender takes the events of a rule. It may be called concurrently.
type Sender interface {
	// Send passes one event on, which is JSON, and returns when it is durable or accepted by a service. The id is the same at
	// every try, and differs between times and targets. Send blocks for one write or request and does not retry. After an
	// error the event may have been passed on.
	Send(ctx context.Context, id string, event json.RawMessage) error
}

// input returns what the target receives for an event.
func (t Target) input(event json.RawMessage) json.RawMessage {
	if t.Input != nil {
		return t.Input
	}
	return t.Path.Select(event)
}

// Function is a [Sender] to a function, which is invoked asynchronously.
type Function struct {
	Name   string // with a qualifier, if any
	Events esm.Acceptor
}

var _ Sender = Function{}

// Send implements [Sender]. The id becomes the request ID.
func (f Function) Send(ctx context.Context, id string, event json.RawMessage) error {
	return f.Events.Accept(ctx, esm.Event{ID: id, Function: f.Name, Payload: event})
}
