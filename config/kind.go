package config

import (
	"errors"
	"slices"
	"time"
)

// Kind is one kind of event source. The table of kinds holds every rule that depends on the kind of a source, so that
// other packages ask the table instead of comparing services.
type Kind struct {
	// Name names the kind in messages: "SQS queue".
	Name string

	// Forms name what ARNs of this kind may stand for, with their articles: "a DynamoDB table", "a DynamoDB stream".
	Forms []string

	// Service is the service in the source's ARN.
	Service string

	// EndpointKey is the key of Aws.Endpoints that says where the source is read from, unless the mapping has an Endpoint
	// of its own. It differs from Service only for the streams of DynamoDB tables.
	EndpointKey string

	// Stream reports whether the source is a stream: its records have an order and stay where they are. Otherwise it is a
	// queue, whose messages are deleted.
	Stream bool

	// Title returns the short name of a source of this kind for people, given its ARN.
	Title func(ARN) string

	// DefaultBatchSize is the BatchSize of a mapping that does not set it.
	DefaultBatchSize int

	// FilterText is the key of a Record's View whose value is text that filter patterns look into; empty if records have none.
	// FilterTextIsJSON reports whether patterns can match that text only as JSON, not as a plain string.
	FilterText       string
	FilterTextIsJSON bool

	// StartingPositions are the values of StartingPosition; empty for a queue.
	StartingPositions []string

	// Refused holds the members of a mapping that sources of this kind do not have. The value is advice that a message
	// about a file adds to Lambda's own words.
	Refused map[string]string

	// CheckARN returns what is wrong with the ARN of a source of this kind, and an empty string if nothing is.
	CheckARN func(ARN) string

	// checkBatch adds the limits on batches that only this kind has; nil if there are none.
	checkBatch func(m Mapping, source ARN, found *problems)

	// CheckPosition returns what is wrong with the position of a record, which people may enter, and an empty string if
	// nothing is. It is nil for a queue. Positions have the form that esm.Record.Receipt describes.
	CheckPosition func(position string) string

	// Notice describes how a notice about given-up records describes their batch; zero for a queue.
	Notice NoticeFormat

	// CheckShard returns what is wrong with the name of a shard, which people may enter, and an empty string if nothing is. It
	// is nil for a queue.
	CheckShard func(name string) string

	// ShortShard returns the part of a shard's ID that distinguishes it from other shards. It is nil for a queue.
	ShortShard func(id string) string

	// FIFO reports whether the records of a source of this kind come in groups, each of which keeps its order. It is nil if
	// those of no source do.
	FIFO func(ARN) bool

	// Part begins the part of an ARN that names a part of the resource: "/stream/" of a table's stream. It is empty if resources
	// have no parts.
	Part string

	// MaxReaders is the number of mappings that AWS advises for one resource; 0 means no limit.
	MaxReaders int
}

// NoticeFormat is how Lambda describes a batch of a stream in the document that an on-failure destination receives.
type NoticeFormat struct {
	Key  string // the key of the batch: KinesisBatchInfo
	Time string // the layout of arrival times, for time.Format
}

// Check returns an error unless a is the ARN of a source of this kind.
func (k *Kind) Check(a ARN) error {
	if a.Service != k.Service {
		return errors.New("is not the ARN of " + OrList(k.Forms))
	}
	if wrong := k.CheckARN(a); wrong != "" {
		return errors.New(wrong)
	}
	return nil
}

// Kinds lists the kinds of sources. Adding one takes a row here, a package in sources, and a file and a row in
// cmd/esm/wiring.
var Kinds = []*Kind{SQSQueue, KinesisStream, DynamoDBStream}

// kindOf returns the kind of source that ARNs of service name, or nil.
func kindOf(service string) *Kind {
	if i := slices.IndexFunc(Kinds, func(k *Kind) bool { return k.Service == service }); i >= 0 {
		return Kinds[i]
	}
	return nil
}

// Layouts of times in notices, for time.Format of a time in UTC.
const (
	NoticeSeconds      = "2006-01-02T15:04:05Z"
	NoticeMilliseconds = "2006-01-02T15:04:05.000Z"
)

// Forever is the value of MaximumRecordAgeInSeconds and of MaximumRetryAttempts that means no limit, and their default.
const Forever = -1

// Seconds converts a member given in whole seconds, in which [Forever] becomes 0.
func Seconds(n *int) time.Duration { return time.Duration(max(*n, 0)) * time.Second }
