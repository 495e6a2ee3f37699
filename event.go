package esm

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// MaxEvent is the most bytes that an event for asynchronous invocation may have (AWS: "Lambda quotas").
const MaxEvent = 1_048_576

// Event is an asynchronous invocation that was accepted and has not ended yet (AWS: "Invoking a Lambda function
// asynchronously").
type Event struct {
	// Place identifies the event within its store, which sets it. It grows in the order of acceptance and is never used
	// twice; IDs may be, since callers may choose them.
	Place uint64

	ID          string          // the request ID that the handler sees at every try
	Function    string          // name or name:qualifier, as the caller wrote it
	Payload     json.RawMessage // the caller's bytes: at most MaxEvent bytes of JSON
	TraceHeader string          // X-Amzn-Trace-Id of the caller; may be empty
	Accepted    time.Time       // its age is measured from here
	Due         time.Time       // the next try

	Tries     int          // that ran, or found no function: they count against MaximumRetryAttempts
	Throttles int          // tries since then that found no permit, or ended without a result
	Crashes   int          // tries during which the engine ended
	Last      *EventResult // of the last try; nil before there is one

	// Damaged says why the store cannot read the event; only Place, Function without a qualifier, Accepted, Due and Crashes
	// are known then. It is set by List alone, and nil for every event that can be read.
	Damaged error
}

// EventResult is what one try of an event led to.
type EventResult struct {
	NoticeResponse

	Payload json.RawMessage // the handler's answer, or the description of its failure; nil if the handler did not run
	Error   string          // for people, and for the attribute ErrorMessage of a dead letter
}

// Acceptor takes events for asynchronous invocation.
type Acceptor interface {
	// Accept stores e durably and returns; the function runs later. An empty ID is replaced by a new one, and a zero
	// Accepted by the current time. Place and Due and what describes tries are set by the acceptor.
	//
	// Accept blocks for one durable write, which concurrent calls share. After an error e may have been accepted only if
	// ctx had ended. Methods may be called concurrently.
	Accept(ctx context.Context, e Event) error
}

// Events is the durable queue of asynchronous invocations: events that wait or are being tried, and the notices that ended
// events still owe to destinations.
//
// An event waits, or it is taken. Methods may be called concurrently. They block for one read or one durable write, which
// concurrent calls share, and retry nothing. A change is durable when its method returns nil; after an error it may or may
// not be made, unless the method says otherwise.
type Events interface {
	// Add stores a new event that waits, and returns it with its Place.
	Add(ctx context.Context, e Event) (Event, error)

	// Backlogs describes the functions that have events, in the order of their names. It does not read the events.
	Backlogs(ctx context.Context) ([]Backlog, error)

	// Take takes events of function that are due at now: those due first, and at most max of them or a megabyte of payloads,
	// also of last results, but at least one if one is due. Without one it returns when the first will be due: zero if none
	// waits. Taken events are durably marked as such before Take returns.
	Take(ctx context.Context, function string, now time.Time, max int) (taken []Event, next time.Time, err error)

	// Return replaces taken events by those given, which then wait for their Due. Place and Function stay the same. An event
	// that is not taken is left alone, so that a call whose result is unknown can be repeated.
	Return(ctx context.Context, events ...Event) error

	// Finish removes a taken event and stores the notices that it owes, in one change. Each notice has an ID that no other
	// owed notice has. If the event is not taken, Finish changes nothing and returns nil, so that a call whose result is
	// unknown can be repeated.
	Finish(ctx context.Context, place uint64, owed ...OwedNotice) error

	// Recover makes every taken event wait again, due at now and with one more of Crashes. It is called once, before the
	// first Take.
	Recover(ctx context.Context, now time.Time) error

	// List iterates over the events of function that wait, or of all functions if function is empty, in the order of
	// acceptance and with one in memory at a time. Those that cannot be read have Damaged. An error ends the iteration.
	List(ctx context.Context, function string) iter.Seq2[Event, error]

	// Remove removes events that wait, damaged ones too, and returns how many it found. Those that are taken stay.
	Remove(ctx context.Context, places ...uint64) (removed int, err error)

	// Hasten makes events that wait due at now, and returns how many it found.
	Hasten(ctx context.Context, now time.Time, places ...uint64) (hastened int, err error)

	// Owed iterates over the notices that ended events owe, oldest first and with one in memory at a time. An error ends
	// the iteration.
	Owed(ctx context.Context) iter.Seq2[OwedNotice, error]

	// Settle removes owed notices by their IDs, all or none. A missing ID is no error.
	Settle(ctx context.Context, ids ...string) error

	// Close waits for changes in progress and releases the store. Later calls of other methods fail.
	Close() error
}

// Backlog describes the events of one function, which is named without a qualifier.
type Backlog struct {
	Function       string
	Waiting, Taken int
	Oldest         time.Time // when the first of them was accepted
	Next           time.Time // when the first of those that wait is due; zero if none waits
}

// OwedNotice is a notice that is to be sent to a destination.
type OwedNotice struct {
	Notice      Notice
	Destination string // ARN
}
