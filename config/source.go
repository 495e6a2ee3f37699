package config

import (
	"regexp"
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
	return Source{ARN: arn, Kind: KindOf(arn.Service), text: text, err: err}
}

// Title returns the source's short name for people.
func (s Source) Title() string {
	if s.Kind == nil {
		return s.text
	}
	return s.Kind.Title(s.ARN)
}

// FilterText returns the Kind's FilterText; "body" if the kind is unknown.
func (s Source) FilterText() string {
	if s.Kind == nil {
		return SQSQueue.FilterText
	}
	return s.Kind.FilterText
}

// CheckPosition returns what is wrong with the position of a record of this source, and an empty string if nothing is. If
// the kind is unknown, as for a mapping that was removed, positions are sequence numbers.
func (s Source) CheckPosition(position string) string {
	if s.Kind == nil || s.Kind.CheckPosition == nil {
		return checkTablePosition(position)
	}
	return s.Kind.CheckPosition(position)
}

// Source returns the mapping's event source. Defaults parses it once; before that each call does.
func (m Mapping) Source() Source {
	if m.source.text == m.EventSourceArn && m.EventSourceArn != "" {
		return m.source
	}
	return ParseSource(m.EventSourceArn)
}

// OfStream reports whether the source is a stream: its records have an order and stay where they are.
func (m Mapping) OfStream() bool {
	kind := m.Source().Kind
	return kind != nil && kind.Stream
}

// notSupported names the services that Lambda reads from and this engine does not.
var notSupported = map[string]string{
	"kafka": "Amazon MSK",
	"mq":    "Amazon MQ",
	"rds":   "Amazon DocumentDB",
}

const validSources = "the ARN of an SQS queue, a Kinesis stream or a DynamoDB table or its stream"

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
	case s.text == "":
		return "Unrecognized event source."
	case s.err != nil:
		return s.err.Error()
	case notSupported[s.ARN.Service] != "":
		return notSupported[s.ARN.Service] + " is not supported by this version: give " + validSources
	case s.Kind == nil:
		return "Unrecognized event source: give " + validSources
	}
	return s.Kind.CheckARN(s.ARN)
}

// checkRefused finds members that the kind of source does not have, in Lambda's words.
func (m Mapping) checkRefused(found *problems) {
	kind := m.Source().Kind
	if kind == nil {
		return
	}
	for _, member := range m.kindMembers() {
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

// kindMembers returns the members that only some kinds of sources have, in the order in which Lambda checks them.
func (m Mapping) kindMembers() []givenMember {
	return []givenMember{
		{"StartingPosition", m.StartingPosition != ""},
		{"StartingPositionTimestamp", !m.StartingPositionTimestamp.IsZero()},
		{"ParallelizationFactor", m.ParallelizationFactor != nil},
		{"MaximumRecordAgeInSeconds", m.MaximumRecordAgeInSeconds != nil},
		{"MaximumRetryAttempts", m.MaximumRetryAttempts != nil},
		{"BisectBatchOnFunctionError", m.BisectBatchOnFunctionError != nil},
		{"TumblingWindowInSeconds", m.TumblingWindowInSeconds != nil},
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
