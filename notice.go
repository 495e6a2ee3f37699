package esm

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Destination takes notices of records that a stream mapping gave up. Calls may run side by side.
type Destination interface {
	// Send delivers n, at least once, or says why not. It does not retry. [ErrUndeliverable] says that trying again
	// will not help by itself.
	Send(ctx context.Context, n Notice) error
}

// Notice tells of one run of records that was given up, or of a tumbling window whose final invocation was (AWS:
// "Retain discarded records", for Kinesis and DynamoDB streams).
type Notice struct {
	ID      string // of this notice: the same at every try to deliver it
	Mapping string // UUID
	Time    time.Time

	RequestID   string
	FunctionArn string    // as configured, with its qualifier
	Condition   Condition // why the records were given up
	Invokes     int       // tries of this run, at least 1

	// Response is what came of the last try: nil when the records expired or fit no invocation.
	Response *NoticeResponse

	Source string // the ARN of the stream, or of its consumer
	Shard  string
	First  RecordMark // of the run; zero for a final invocation
	Last   RecordMark
	Size   int // records in the run; 0 for a final invocation

	Window  *NoticeWindow   // nil without a tumbling window
	Payload json.RawMessage // the whole event; only S3 gets it
}

// Condition is the reason for which records were given up. Its spelling is that of Lambda's invocation records.
type Condition string

const (
	// RetryAttemptsExhausted means that the last try which MaximumRetryAttempts allows has failed.
	RetryAttemptsExhausted Condition = "RetryAttemptsExhausted"

	// RecordAgeExceeded means that the records grew older than MaximumRecordAgeInSeconds before they were processed.
	RecordAgeExceeded Condition = "RecordAgeExceeded"
)

// NoticeResponse is how the last try ended.
type NoticeResponse struct {
	Status  int
	Version string
	Fault   string // empty when the handler reported the failure in its answer
}

// RecordMark is one end of a run.
type RecordMark struct {
	SequenceNumber string
	Arrived        time.Time
}

// NoticeWindow is the tumbling window that a run belongs to.
type NoticeWindow struct {
	Start, End        time.Time
	Final, Terminated bool
}

// ErrUndeliverable says that a destination will not take a notice until somebody changes something: it does not exist,
// access is denied, or the notice is too large.
var ErrUndeliverable = errors.New("the destination cannot take it")
