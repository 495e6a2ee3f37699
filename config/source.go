package config

import (
	"regexp"
	"strings"
)

// Services, as ARNs spell them.
const (
	SQS      = "sqs"
	Kinesis  = "kinesis"
	DynamoDB = "dynamodb"
	SNS      = "sns"
	S3       = "s3"

	// DynamoDBStreams has an endpoint of its own, but no ARNs.
	DynamoDBStreams = "dynamodbstreams"
)

// Source is a mapping's event source: its ARN in parts, and its kind.
type Source struct {
	ARN  ARN
	Kind *Kind // nil if the ARN is not one of an event source

	text string // the ARN as it was written
	err  error  // why text is not an ARN
}

// ParseSource parses the ARN of an event source. It never fails: a Source without a Kind is refused by Validate.
func ParseSource(text string) Source {
	arn, err := ParseARN(text)
	return Source{ARN: arn, Kind: kindOf(arn.Service), text: text, err: err}
}

// Title returns the source's short name for people.
func (s Source) Title() string {
	if s.Kind == nil {
		return s.text
	}
	return s.Kind.Title(s.ARN)
}

// Whole returns the ARN of the resource that the source is, or is a part of: the table of a stream, the stream of a consumer.
func (s Source) Whole() string {
	if s.Kind == nil || s.Kind.Part == "" {
		return s.text
	}
	whole, _, _ := strings.Cut(s.text, s.Kind.Part)
	return whole
}

// FilterText returns the FilterText of the source's kind; empty if the kind is unknown.
func (s Source) FilterText() string {
	if s.Kind == nil {
		return ""
	}
	return s.Kind.FilterText
}

// notStream is what is wrong with a shard or a position of a source that is not known to be a stream.
const notStream = "belongs to no stream"

// CheckPosition returns what is wrong with the position of a record of this source, and an empty string if nothing is.
func (s Source) CheckPosition(position string) string {
	if s.Kind == nil || s.Kind.CheckPosition == nil {
		return notStream
	}
	return s.Kind.CheckPosition(position)
}

// CheckShard returns what is wrong with the name of a shard of this source, and an empty string if nothing is.
func (s Source) CheckShard(name string) string {
	if s.Kind == nil || s.Kind.CheckShard == nil {
		return notStream
	}
	return s.Kind.CheckShard(name)
}

// ShortShard returns a short form of a shard's ID for people. It has at most 13 characters.
func (s Source) ShortShard(id string) string {
	const most = 12
	if s.Kind != nil && s.Kind.ShortShard != nil {
		id = s.Kind.ShortShard(id)
	}
	if runes := []rune(id); len(runes) > most {
		return "…" + string(runes[len(runes)-most:])
	}
	return id
}

// FIFO reports whether the records of the source come in groups, each of which keeps its order.
func (s Source) FIFO() bool { return s.Kind != nil && s.Kind.FIFO != nil && s.Kind.FIFO(s.ARN) }

// Source returns the mapping's event source. Defaults parses it once; before that each call does.
//
// Here a mapping gets its kind. A source without an ARN, such as self-managed Kafka, is to be recognized here by another
// member.
func (m Mapping) Source() Source {
	if m.source.text == m.EventSourceArn && m.EventSourceArn != "" {
		return m.source
	}
	return ParseSource(m.EventSourceArn)
}

// Kind returns the kind of the mapping's source, or nil if there is none.
func (m Mapping) Kind() *Kind { return m.Source().Kind }

// OfStream reports whether the source is a stream: its records have an order and stay where they are.
func (m Mapping) OfStream() bool {
	kind := m.Kind()
	return kind != nil && kind.Stream
}

// Members of a mapping in Lambda's API that no mapping of this engine has: those of sources that it does not read, and what it
// does not do. Updates do not have UnsupportedOnCreate.
var (
	UnsupportedOnCreate = []string{"SelfManagedEventSource", "Topics", "Queues"}
	UnsupportedMembers  = []string{
		"AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig",
		"SourceAccessConfigurations", "LoggingConfig", "KMSKeyArn",
	}
)

// notSupported names the services that Lambda reads from and this engine does not.
var notSupported = map[string]string{
	"kafka": "Amazon MSK",
	"mq":    "Amazon MQ",
	"rds":   "Amazon DocumentDB",
}

// ValidSources describes what EventSourceArn may be: "the ARN of an SQS queue, …".
func ValidSources() string {
	var forms []string
	for _, kind := range Kinds {
		forms = append(forms, kind.Forms...)
	}
	return "the ARN of " + OrList(forms)
}

// OrList joins texts with commas and "or".
func OrList(texts []string) string {
	last := len(texts) - 1
	if last <= 0 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

func (m Mapping) checkSource(found *problems) {
	s := m.Source()
	switch wrong := s.wrong(); {
	case wrong != "":
		found.add("EventSourceArn", "%s", wrong)
	case m.Region != "" && m.Region != s.ARN.Region:
		found.add("Region", "%s is not the region of EventSourceArn, %s: leave it out", m.Region, s.ARN.Region)
	}
}

// wrong returns what is wrong with the source, and an empty string if nothing is.
func (s Source) wrong() string {
	switch {
	case s.Kind != nil:
		return s.Kind.CheckARN(s.ARN)
	case s.text == "":
		return "Unrecognized event source."
	case s.err != nil:
		return s.err.Error()
	case notSupported[s.ARN.Service] != "":
		return notSupported[s.ARN.Service] + " is not supported by this version: give " + ValidSources()
	}
	return "Unrecognized event source: give " + ValidSources()
}

// checkRefused finds members that the kind of source does not have, in Lambda's words.
func (m Mapping) checkRefused(found *problems) {
	kind := m.Kind()
	if kind == nil {
		return
	}
	for _, member := range m.kindMembers(kind.Stream) {
		if _, refused := kind.Refused[member.name]; refused && member.given {
			found.unsupported(member.name)
		}
	}
}

func (p *problems) unsupported(member string) {
	p.add(member, "Unsupported %s parameter for given event source mapping type.", member)
}

type givenMember struct {
	name  string
	given bool
}

// kindMembers returns the members that not all kinds of sources have, in the order in which Lambda checks them. Those of a
// stream's mapping may have been filled in: one that has its default counts as not given.
func (m Mapping) kindMembers(stream bool) []givenMember {
	given := func(p *int, otherwise int) bool { return p != nil && !(stream && *p == otherwise) }
	return []givenMember{
		{"StartingPosition", m.StartingPosition != ""},
		{"StartingPositionTimestamp", !m.StartingPositionTimestamp.IsZero()},
		{"ParallelizationFactor", given(m.ParallelizationFactor, 1)},
		{"MaximumRecordAgeInSeconds", given(m.MaximumRecordAgeInSeconds, Forever)},
		{"MaximumRetryAttempts", given(m.MaximumRetryAttempts, Forever)},
		{"BisectBatchOnFunctionError", m.BisectBatchOnFunctionError != nil && !(stream && !*m.BisectBatchOnFunctionError)},
		{"TumblingWindowInSeconds", given(m.TumblingWindowInSeconds, 0)},
		{"ScalingConfig", m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != nil},
		{"ProvisionedPollerConfig", m.ProvisionedPollerConfig.defaults() != nil},
	}
}

// Advice returns what a message about a file adds to Lambda's words about the member at path, with a leading space.
func (s Source) Advice(path string) string {
	if s.Kind == nil {
		return ""
	}
	return s.Kind.Refused[path]
}

// StreamARN returns the ARN of a Kinesis data stream.
func StreamARN(region, account, stream string) string {
	return ARN{PartitionOf(region), Kinesis, region, account, "stream/" + stream}.String()
}

// TableARN returns the ARN of a DynamoDB table, which stands for the table's current stream.
func TableARN(region, account, table string) string {
	return ARN{PartitionOf(region), DynamoDB, region, account, "table/" + table}.String()
}

// TopicARN returns the ARN of an SNS topic.
func TopicARN(region, account, topic string) string {
	return ARN{PartitionOf(region), SNS, region, account, topic}.String()
}

// BucketARN returns the ARN of an S3 bucket, which names neither region nor account.
func BucketARN(region, bucket string) string {
	return ARN{PartitionOf(region), S3, "", "", bucket}.String()
}

var (
	regionForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
	accountForm = regexp.MustCompile(`^\d{12}$`)
	topicForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
	bucketForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// placed reports whether a names a region and an account.
func (a ARN) placed() bool {
	return regionForm.MatchString(a.Region) && accountForm.MatchString(a.Account)
}
