package sqs

import (
	"crypto/md5" // SQS describes bodies by it
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/quote"
)

// record describes a message whose event is made.
func (q *Queue) record(m *types.Message, event json.RawMessage, received, until time.Time) esm.Record {
	r := esm.Record{ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Arrived: received, Until: until, Event: event}
	if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		r.Arrived = time.UnixMilli(ms)
	}
	if isFIFO(q.arn) { // a group on a standard queue is for fairness and orders nothing
		r.Group = m.Attributes["MessageGroupId"]
	}
	return r
}

// shape makes the elements of an event's Records: compact JSON, with the keys that Lambda's pollers send. It writes them
// by hand because every message passes here.
type shape struct {
	tail  string // what all records of a queue end with
	nulls bool   // members without a value are null; else they are absent
}

func newShape(a config.ARN, nulls bool) shape {
	tail := append([]byte(nil), `,"eventSource":"aws:sqs","eventSourceARN":`...)
	tail = quote.AppendString(tail, a.String())
	tail = append(tail, `,"awsRegion":`...)
	tail = quote.AppendString(tail, a.Region)
	return shape{tail: string(append(tail, '}')), nulls: nulls}
}

// event is the element for m. The error is [ErrChecksum] when its body is not what was sent.
func (s shape) event(m *types.Message) (json.RawMessage, error) {
	b := make([]byte, 0, s.size(m))
	sum, ok := bodySum(m, b)
	if !ok {
		return nil, fmt.Errorf("message %s: %w", aws.ToString(m.MessageId), ErrChecksum)
	}
	b = append(b, `{"messageId":`...)
	b = quote.AppendString(b, aws.ToString(m.MessageId))
	b = append(b, `,"receiptHandle":`...)
	b = quote.AppendString(b, aws.ToString(m.ReceiptHandle))
	b = append(b, `,"body":`...)
	b = quote.AppendString(b, aws.ToString(m.Body))
	b = append(b, `,"attributes":`...)
	b = appendStrings(b, m.Attributes)
	b = append(b, `,"messageAttributes":`...)
	b = s.appendAttributes(b, m.MessageAttributes)
	b = s.appendAttributesSum(b, m)
	b = append(b, `,"md5OfBody":"`...)
	b = append(b, sum[:]...)
	b = append(b, '"')
	return append(b, s.tail...), nil
}

// bodySum is the MD5 of m's body in hex; ok is false when SQS says that it should be another. It may write to the room
// behind scratch.
func bodySum(m *types.Message, scratch []byte) (text [2 * md5.Size]byte, ok bool) {
	sum := md5.Sum(append(scratch, aws.ToString(m.Body)...))
	hex.Encode(text[:], sum[:])
	return text, m.MD5OfBody == nil || string(text[:]) == *m.MD5OfBody
}

// size is about how long m's event becomes, so that it is rarely grown: with the escapes that JSON in a string needs.
func (s shape) size(m *types.Message) int {
	n := 256 + len(s.tail) + len(aws.ToString(m.MessageId)) + len(aws.ToString(m.ReceiptHandle))
	body := aws.ToString(m.Body)
	n += len(body) + strings.Count(body, `"`) + strings.Count(body, `\`) + strings.Count(body, "\n")
	for name, value := range m.Attributes {
		n += len(name) + len(value) + 8
	}
	for name, value := range m.MessageAttributes {
		n += 128 + len(name) + len(aws.ToString(value.StringValue)) + base64.StdEncoding.EncodedLen(len(value.BinaryValue))
	}
	return n
}

func appendStrings(b []byte, values map[string]string) []byte {
	var room [16]string
	b = append(b, '{')
	for i, name := range sortedKeys(room[:0], values) {
		b = appendName(b, i, name)
		b = quote.AppendString(b, values[name])
	}
	return append(b, '}')
}

func (s shape) appendAttributes(b []byte, attributes map[string]types.MessageAttributeValue) []byte {
	var room [16]string // 10 is the most that a message has
	b = append(b, '{')
	for i, name := range sortedKeys(room[:0], attributes) {
		b = appendName(b, i, name)
		value := attributes[name]
		b = s.appendAttribute(b, &value)
	}
	return append(b, '}')
}

// appendAttribute writes one message attribute. Its lists are always empty: SQS does not implement them.
func (s shape) appendAttribute(b []byte, value *types.MessageAttributeValue) []byte {
	b = append(b, '{')
	if value.StringValue != nil {
		b = append(b, `"stringValue":`...)
		b = append(quote.AppendString(b, *value.StringValue), ',')
	} else if s.nulls {
		b = append(b, `"stringValue":null,`...)
	}
	if value.BinaryValue != nil {
		b = append(b, `"binaryValue":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, value.BinaryValue), `",`...)
	} else if s.nulls {
		b = append(b, `"binaryValue":null,`...)
	}
	b = append(b, `"stringListValues":[],"binaryListValues":[],"dataType":`...)
	return append(quote.AppendString(b, aws.ToString(value.DataType)), '}')
}

func (s shape) appendAttributesSum(b []byte, m *types.Message) []byte {
	if m.MD5OfMessageAttributes != nil && len(m.MessageAttributes) > 0 {
		b = append(b, `,"md5OfMessageAttributes":`...)
		return quote.AppendString(b, *m.MD5OfMessageAttributes)
	}
	if s.nulls {
		b = append(b, `,"md5OfMessageAttributes":null`...)
	}
	return b
}

// sortedKeys appends m's keys to keys in order: the same message always makes the same text.
func sortedKeys[V any](keys []string, m map[string]V) []string {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// appendName starts the i-th member of an object.
func appendName(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return append(quote.AppendString(b, name), ':')
}
