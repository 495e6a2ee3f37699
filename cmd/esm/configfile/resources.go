package configfile

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// Resources are created if they are missing.
type Resources struct {
	// Queues are sorted by creation order: a dead-letter queue comes before the queues that name it.
	Queues []Queue

	Streams []Stream
	Tables  []Table
	Topics  []Topic
	Buckets []Bucket

	EventBuses []EventBus
	Rules      []Rule // with a schedule they need no endpoint
}

// Queue is an SQS queue to create, with the fields of CreateQueue.
type Queue struct {
	QueueName  string
	Attributes map[string]string
	Messages   []Message // sent once, by the run that creates the queue

	index int // its index in the file
}

// Message is a message to send, with the fields of SendMessage.
type Message struct {
	MessageBody            string
	MessageGroupId         string
	MessageDeduplicationId string
	DelaySeconds           int
	MessageAttributes      map[string]MessageAttribute
}

// MessageAttribute is an attribute of a message. Exactly one of the values is set.
type MessageAttribute struct {
	DataType    string // String, Number or Binary, each with or without a .suffix
	StringValue string
	BinaryValue string // base64
}

// FIFO reports whether the queue is a FIFO queue, by its name.
func (q Queue) FIFO() bool { return config.IsFIFO(q.QueueName) }

// Facts returns the attributes that [Traps] needs.
func (q Queue) Facts() QueueFacts {
	facts := QueueFacts{VisibilityTimeout: 30 * time.Second}
	if seconds, err := strconv.Atoi(q.Attributes["VisibilityTimeout"]); err == nil {
		facts.VisibilityTimeout = time.Duration(seconds) * time.Second
	}
	if policy, err := readRedrive(q.Attributes["RedrivePolicy"]); err == nil {
		facts.MaxReceiveCount = policy.maxReceiveCount
	}
	return facts
}

// redrive is a RedrivePolicy. SQS accepts its count as a number or as text.
type redrive struct {
	deadLetterTargetArn string
	maxReceiveCount     int
}

func readRedrive(attribute string) (redrive, error) {
	var policy struct {
		DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(attribute), &policy); err != nil {
		return redrive{}, err
	}
	count, err := strconv.Atoi(strings.Trim(string(policy.MaxReceiveCount), `"`))
	return redrive{policy.DeadLetterTargetArn, count}, err
}

var resourcesShape = objectOf(inResources,
	field("Queues", func(r *Resources) *[]Queue { return &r.Queues }, listOf(0, 0, queueShape),
		"SQS queues."),
	field("Streams", func(r *Resources) *[]Stream { return &r.Streams }, listOf(0, 0, streamShape),
		"Kinesis data streams."),
	field("Tables", func(r *Resources) *[]Table { return &r.Tables }, listOf(0, 0, tableShape),
		"DynamoDB tables, in CreateTable's own fields."),
	field("Topics", func(r *Resources) *[]Topic { return &r.Topics }, listOf(0, 0, topicShape),
		"Standard SNS topics."),
	field("Buckets", func(r *Resources) *[]Bucket { return &r.Buckets }, listOf(0, 0, bucketShape),
		"S3 buckets."),
	field("EventBuses", func(r *Resources) *[]EventBus { return &r.EventBuses }, listOf(0, 0, busShape),
		"Custom event buses of EventBridge."),
	field("Rules", func(r *Resources) *[]Rule { return &r.Rules }, listOf(0, 0, ruleShape),
		"Rules of EventBridge. The engine runs those with a ScheduleExpression itself, at any endpoint."),
)

var queueShape = objectOf(inQueue,
	required(field("QueueName", func(q *Queue) *string { return &q.QueueName },
		textOf(matching(`[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo`, "is not a queue's name: up to 80 letters, digits, - and _, optionally ending in .fifo")),
		"The queue's name. A FIFO queue's ends in .fifo.")),
	field("Attributes", func(q *Queue) *map[string]string { return &q.Attributes }, attributesShape,
		"The queue's attributes. As SQS wants them, all are text, numbers too."),
	field("Messages", func(q *Queue) *[]Message { return &q.Messages }, listOf(0, 0, messageShape),
		"Messages that are put once, by the run that creates the queue: texts, or objects with MessageBody."),
)

// attributesShape is an object of texts whose keys are the attributes of CreateQueue.
var attributesShape = objectOf("attributes",
	attribute("DelaySeconds", seconds(0, 900), "How long messages are held back: 0 to 900 seconds, as text. Default 0."),
	attribute("MaximumMessageSize", seconds(1024, 1<<20), "The most bytes of a message: 1024 to 1048576, as text."),
	attribute("MessageRetentionPeriod", seconds(60, 1209600), "How long messages are kept: 60 to 1209600 seconds, as text. Default 345600."),
	attribute("ReceiveMessageWaitTimeSeconds", seconds(0, 20), "How long a receive waits by default: 0 to 20 seconds, as text."),
	attribute("VisibilityTimeout", seconds(0, 43200), "How long a received message is hidden: 0 to 43200 seconds, as text. Default 30."),
	attribute("RedrivePolicy", redriveRule, "The dead-letter queue: JSON text with deadLetterTargetArn and maxReceiveCount."),
	attribute("RedriveAllowPolicy", jsonRule, "Whose dead-letter queue this may be: JSON text."),
	attribute("Policy", jsonRule, "The queue's access policy: JSON text."),
	attribute("KmsMasterKeyId", notEmpty, "The key that encrypts messages."),
	attribute("KmsDataKeyReusePeriodSeconds", seconds(60, 86400), "60 to 86400 seconds, as text."),
	attribute("SqsManagedSseEnabled", oneOf("true", "false"), `"true" or "false".`),
	attribute("FifoQueue", oneOf("true"), `"true" for a FIFO queue. Filled in where the name ends in .fifo.`),
	attribute("ContentBasedDeduplication", oneOf("true", "false"), `"true" or "false", for FIFO queues.`),
	attribute("DeduplicationScope", oneOf("messageGroup", "queue"), "messageGroup or queue, for FIFO queues."),
	attribute("FifoThroughputLimit", oneOf("perQueue", "perMessageGroupId"), "perQueue or perMessageGroupId, for FIFO queues."),
)

func attribute(name string, r rule, doc string) key[map[string]string] {
	s := textOf(r)
	return key[map[string]string]{name: name, doc: doc, schema: s.schema,
		read: func(d *decoder, n *node, at string, into *map[string]string) bool {
			value, ok := s.read(d, n, at)
			if *into == nil {
				*into = map[string]string{}
			}
			if ok {
				(*into)[name] = value
			}
			return ok
		}}
}

// messageShape is a message: a text, or an object with MessageBody.
var messageShape = shape[Message]{func(d *decoder, n *node, at string) (Message, bool) {
	if n.kind == object {
		return fullMessage.read(d, n, at)
	}
	body, ok := bodyText.read(d, n, at)
	return Message{MessageBody: body}, ok
}, schema{"anyOf": []schema{bodyText.schema, fullMessage.schema}}}

var bodyText = textOf(notEmpty)

var fullMessage = objectOf("message",
	required(field("MessageBody", func(m *Message) *string { return &m.MessageBody }, bodyText, "The message's text.")),
	field("MessageGroupId", func(m *Message) *string { return &m.MessageGroupId }, textOf(matching(`[!-~]{1,128}`, "is not 1 to 128 letters, digits and signs without blanks")),
		"The group in which the message keeps its order. FIFO queues need it."),
	field("MessageDeduplicationId", func(m *Message) *string { return &m.MessageDeduplicationId }, textOf(matching(`[!-~]{1,128}`, "is not 1 to 128 letters, digits and signs without blanks")),
		"Identifies duplicates. FIFO queues need it unless ContentBasedDeduplication is true."),
	field("DelaySeconds", func(m *Message) *int { return &m.DelaySeconds }, integerOf(0, 900),
		"How long the message is held back: 0 to 900 seconds. Not for FIFO queues."),
	field("MessageAttributes", func(m *Message) *map[string]MessageAttribute { return &m.MessageAttributes }, mapOf(messageAttribute),
		"The message's attributes, by their names. At most 10."),
)

var messageAttribute = objectOf("message attribute",
	required(field("DataType", func(a *MessageAttribute) *string { return &a.DataType },
		textOf(matching(`(String|Number|Binary)(\.\S+)?`, "should be String, Number or Binary, with or without a .suffix")),
		"String, Number or Binary, each with or without a .suffix.")),
	field("StringValue", func(a *MessageAttribute) *string { return &a.StringValue }, textOf(notEmpty),
		"The value of a String or a Number, as text."),
	field("BinaryValue", func(a *MessageAttribute) *string { return &a.BinaryValue },
		textOf(base64Rule),
		"The value of a Binary, in base64."),
)
