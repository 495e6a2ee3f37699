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
// decides the form of the document that the destination receives: a batch of a stream that was given up.
type Notice struct {
	ID      string // the same at every try to send it
	Mapping string // UUID
	Time    time.Time

	RequestID   string
	FunctionArn string // as configured, with its qualifier
	Condition   Condition
	Invokes     int // number of tries, at least 1

	// Response is the outcome of the last try. It is nil if the records expired or fit no invocation.
	Response *NoticeResponse

	// Stream is the subject of a stream mapping's notice.
	Stream *StreamBatch

	Payload json.RawMessage // the whole event
}

// Condition is the reason for a notice, spelled as in Lambda's invocation records.
type Condition string

const (
	// RetryAttemptsExhausted means that the last try allowed by MaximumRetryAttempts has failed.
	RetryAttemptsExhausted Condition = "RetryAttemptsExhausted"

	// RecordAgeExceeded means that the records grew older than MaximumRecordAgeInSeconds before they were processed.
	RecordAgeExceeded Condition = "RecordAgeExceeded"
)

// NoticeResponse is the outcome of the last try.
type NoticeResponse struct {
	Status  int
	Version string
	Fault   string // empty if the handler reported the failure in its response
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
