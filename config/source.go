package config

import (
	"regexp"
	"strings"
)

// Services whose ARNs this engine knows, as the ARNs spell them.
const (
	SQS      = "sqs"
	Kinesis  = "kinesis"
	DynamoDB = "dynamodb"
	SNS      = "sns"
	S3       = "s3"
)

// Service is the service of the source: SQS, Kinesis, DynamoDB or another one that its ARN names. It is empty when
// EventSourceArn is no ARN.
func (m Mapping) Service() string {
	a, _ := ParseARN(m.EventSourceArn)
	return a.Service
}

// OfStream says whether the source is a stream: its records stay where they are, and have an order.
func (m Mapping) OfStream() bool {
	service := m.Service()
	return service == Kinesis || service == DynamoDB
}

// FIFO says whether the source is a FIFO queue: its name tells.
func (m Mapping) FIFO() bool {
	return m.Service() == SQS && strings.HasSuffix(m.EventSourceArn, ".fifo")
}

// TextKey is the key of the source's records whose value is text that filter patterns look into: body or data. DynamoDB's
// records have none.
func (m Mapping) TextKey() string {
	switch m.Service() {
	case Kinesis:
		return "data"
	case DynamoDB:
		return ""
	}
	return "body"
}

// StreamARN makes the ARN of a Kinesis data stream.
func StreamARN(region, account, stream string) string {
	return ARN{PartitionOf(region), Kinesis, region, account, "stream/" + stream}.String()
}

// TableARN makes the ARN of a DynamoDB table, which stands for the table's current stream.
func TableARN(region, account, table string) string {
	return ARN{PartitionOf(region), DynamoDB, region, account, "table/" + table}.String()
}

// TopicARN makes the ARN of an SNS topic.
func TopicARN(region, account, topic string) string {
	return ARN{PartitionOf(region), SNS, region, account, topic}.String()
}

// BucketARN makes the ARN of an S3 bucket, which tells neither its region nor its account.
func BucketARN(region, bucket string) string {
	return ARN{PartitionOf(region), S3, "", "", bucket}.String()
}

// TableOf is the ARN of the table that an ARN of DynamoDB names, with or without one of its streams.
func TableOf(arn string) string {
	table, _, _ := strings.Cut(arn, "/stream/")
	return table
}

var (
	regionForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
	accountForm = regexp.MustCompile(`^\d{12}$`)
	queueForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	streamForm  = regexp.MustCompile(`^stream/[A-Za-z0-9_.-]{1,128}(/consumer/[A-Za-z0-9_.-]{1,128}:\d+)?$`)
	tableForm   = regexp.MustCompile(`^table/[A-Za-z0-9_.-]{3,255}(/stream/[^/\s]+)?$`)
	topicForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
	bucketForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// ValidQueueName says whether name can be a queue's: up to 80 letters, digits, - and _, of which .fifo may be the last.
func ValidQueueName(name string) bool {
	return len(name) <= 80 && queueForm.MatchString(strings.TrimSuffix(name, ".fifo"))
}

// notYet names the services that Lambda reads from and this engine does not.
var notYet = map[string]string{
	"kafka": "Amazon MSK",
	"mq":    "Amazon MQ",
	"rds":   "Amazon DocumentDB",
}

const sources = "the ARN of an SQS queue, a Kinesis stream or a DynamoDB table or its stream"

func (m Mapping) checkSource(found *problems) {
	if m.EventSourceArn == "" {
		found.add("EventSourceArn", "Unrecognized event source.")
		return
	}
	a, err := ParseARN(m.EventSourceArn)
	wrong := ""
	switch {
	case err != nil:
		wrong = err.Error()
	case notYet[a.Service] != "":
		wrong = notYet[a.Service] + " is not read by this version: give " + sources
	default:
		wrong = a.wrongSource()
	}
	if wrong != "" {
		found.add("EventSourceArn", "%s", wrong)
	} else if m.Region != "" && m.Region != a.Region {
		found.add("Region", "%s is not the region of EventSourceArn, %s: leave it out", m.Region, a.Region)
	}
}

// wrongSource is what keeps a from being the ARN of a source, if anything.
func (a ARN) wrongSource() string {
	placed := regionForm.MatchString(a.Region) && accountForm.MatchString(a.Account)
	switch a.Service {
	case SQS:
		switch {
		case !placed:
			return "is a queue's ARN without a region or an account of 12 digits (arn:aws:sqs:<region>:<account>:<queue>)"
		case !ValidQueueName(a.Resource):
			return "does not end in a queue's name: 1 to 80 letters, digits, - and _, with or without .fifo"
		}
	case Kinesis:
		if !placed || !streamForm.MatchString(a.Resource) {
			return "is neither the ARN of a stream (arn:aws:kinesis:<region>:<account>:stream/<name>) nor of a consumer of one " +
				"(…/consumer/<name>:<when it was made>)"
		}
	case DynamoDB:
		if !placed || !tableForm.MatchString(a.Resource) {
			return "is neither the ARN of a table, which stands for its current stream (arn:aws:dynamodb:<region>:<account>:table/<name>), " +
				"nor of a stream of one (…/stream/<label>)"
		}
	default:
		return "Unrecognized event source: give " + sources
	}
	return ""
}

// wrongDestination is what keeps a text from being the ARN of a destination of notices, if anything. AWS's guide lists
// FIFO queues and topics among the causes of failing deliveries ("Retain discarded records"): here they are refused.
func wrongDestination(arn string) string {
	a, err := ParseARN(arn)
	placed := regionForm.MatchString(a.Region) && accountForm.MatchString(a.Account)
	switch {
	case err != nil:
		return err.Error()
	case (a.Service == SQS || a.Service == SNS) && strings.HasSuffix(a.Resource, ".fifo"):
		return "is FIFO, which failed batches cannot be sent to: give the ARN of a standard queue or topic, or of a bucket"
	case a.Service == SQS && placed && ValidQueueName(a.Resource),
		a.Service == SNS && placed && topicForm.MatchString(a.Resource),
		a.Service == S3 && a.Region == "" && a.Account == "" && bucketForm.MatchString(a.Resource):
		return ""
	}
	return "is not the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket (arn:aws:s3:::<bucket>)"
}
