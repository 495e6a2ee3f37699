package esm

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Destination receives notices. Methods may be called concurrently.
type Destination interface {
	// Send delivers n at least once. It blocks for one request and does not retry. [ErrUndeliverable] means that
	// another try will not help until someone changes something; any other error may be temporary.
	Send(ctx context.Context, n Notice) error
}

// Notice is the record that Lambda sends to a destination when invocations have come to an end. It has one subject, which
// decides the form of the document that the destination receives: a batch of a stream that was given up, or an asynchronous
// event that has ended.
type Notice struct {
	ID      string // the same at every try to send it
	Mapping string // UUID; empty for an asynchronous event
	Time    time.Time

	RequestID   string
	FunctionArn string // as configured, with its qualifier
	Condition   Condition
	Invokes     int // number of tries: at least 1 for a batch, and 0 for an event that never ran

	// Response is the outcome of the last try. It is nil if there was none: records expired or fit no invocation, an event
	// expired or its function is switched off.
	Response *NoticeResponse

	// Exactly one subject is set.
	Stream *StreamBatch // of a stream mapping's notice
	Event  *EventEnd    // of an asynchronous event's notice

	Payload json.RawMessage // the whole event
}

// Condition is the reason for a notice, spelled as in Lambda's invocation records.
type Condition string

const (
	// RetryAttemptsExhausted means that the last try allowed by MaximumRetryAttempts has failed.
	RetryAttemptsExhausted Condition = "RetryAttemptsExhausted"

	// RecordAgeExceeded means that the records grew older than MaximumRecordAgeInSeconds before they were processed.
	RecordAgeExceeded Condition = "RecordAgeExceeded"

	// Success means that an asynchronous event's function has succeeded.
	Success Condition = "Success"

	// RetriesExhausted means that the last try of an asynchronous event allowed by MaximumRetryAttempts has failed.
	RetriesExhausted Condition = "RetriesExhausted"

	// EventAgeExceeded means that an asynchronous event is, or would be at its next try, older than
	// MaximumEventAgeInSeconds.
	EventAgeExceeded Condition = "EventAgeExceeded"

	// ZeroReservedConcurrency means that an asynchronous event's function is switched off by a reservation of 0.
	ZeroReservedConcurrency Condition = "ZeroReservedConcurrency"

	// RecursiveInvocation means that an asynchronous event was stopped because its function had caused it, and was caused by
	// it, too many times in a row.
	RecursiveInvocation Condition = "RecursiveInvocation"
)

// NoticeResponse is the outcome of the last try.
type NoticeResponse struct {
	Status  int
	Version string
	Fault   string // empty if the handler reported the failure in its response
}

// MaxErrorMessage is the most bytes of an error's text that is kept of an asynchronous event, and that a dead letter has
// (AWS: "Adding a dead-letter queue").
const MaxErrorMessage = 1024

// EventEnd describes the end of an asynchronous event (AWS: "Capturing records of Lambda asynchronous invocations").
type EventEnd struct {
	// DeadLetter selects the form of the document: the event itself with attributes that describe its failure, in place of
	// an invocation record.
	DeadLetter bool

	Response    json.RawMessage // the handler's answer or the description of its failure; nil if the handler did not run
	Error       string          // the attribute ErrorMessage of a dead letter
	TraceHeader string          // passed on to destinations that carry one; may be empty
}

// StreamBatch describes a batch of records of one shard, or a tumbling window whose final invocation was given up (AWS:
// "Retain discarded records", for Kinesis and DynamoDB streams).
type StreamBatch struct {
	Source string // ARN of the stream or of its consumer
	Shard  string
	First  RecordMark // zero for a final invocation
	Last   RecordMark
	Size   int           // number of records; 0 for a final invocation
	Window *NoticeWindow // nil without a tumbling window
}

// RecordMark identifies the first or last record of a batch.
type RecordMark struct {
	SequenceNumber string
	Arrived        time.Time
}

// NoticeWindow is the tumbling window of a batch.
type NoticeWindow struct {
	Start, End        time.Time
	Final, Terminated bool
}

// ErrUndeliverable means that a destination will not accept a notice until someone changes something: the destination does
// not exist, access is denied, or the notice is too large.
var ErrUndeliverable = errors.New("the destination does not accept it")
