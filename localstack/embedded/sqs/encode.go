package sqs

import (
	"encoding/base64"
	"slices"
	"strconv"
)

// systemAttributes are the system attributes of messages, and All. AWS: "ReceiveMessage".
var systemAttributes = []string{"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount",
	"ApproximateFirstReceiveTimestamp", "SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader",
	"DeadLetterQueueSourceArn"}

// senderID is the sender of every message: signatures are not read.
const senderID = "AIDAEMBEDDEDSQSSENDER"

// A view says which attributes of messages a consumer asked for.
type view struct {
	system     []string
	attributes attributeFilter
}

// append appends the response to a ReceiveMessage.
func (v view) append(b []byte, got []delivery) []byte {
	if len(got) == 0 {
		return append(b, "{}"...)
	}
	size := 64
	for _, d := range got {
		size += len(d.content.body) + len(d.content.body)/8 + 512
	}
	b = append(slices.Grow(b, size), `{"Messages":[`...)
	for i, d := range got {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.appendMessage(b, d)
	}
	return append(b, "]}"...)
}

func (v view) appendMessage(b []byte, d delivery) []byte {
	c := d.content
	b = appendString(append(b, `{"MessageId":`...), c.id)
	b = append(d.receipt.append(append(b, `,"ReceiptHandle":"`...)), '"')
	b = appendString(append(b, `,"MD5OfBody":`...), c.bodyMD5)
	b = appendString(append(b, `,"Body":`...), c.body)
	b = v.appendSystem(b, d)
	if picked, sum := v.attributes.pick(c); len(picked) > 0 {
		b = appendString(append(b, `,"MD5OfMessageAttributes":`...), sum)
		b = appendAttributes(append(b, `,"MessageAttributes":`...), picked)
	}
	return append(b, '}')
}

// appendSystem appends the system attributes that were asked for. All their values are texts.
func (v view) appendSystem(b []byte, d delivery) []byte {
	if len(v.system) == 0 {
		return b
	}
	c, all, open := d.content, slices.Contains(v.system, "All"), `,"Attributes":{`
	add := func(name, text string) {
		if text == "" || !all && !slices.Contains(v.system, name) {
			return
		}
		b = appendString(append(appendString(append(b, open...), name), ':'), text)
		open = ","
	}
	var digits [20]byte
	addInt := func(name string, n int64) { add(name, string(strconv.AppendInt(digits[:0], n, 10))) }
	add("SenderId", senderID)
	addInt("SentTimestamp", c.sent.UnixMilli())
	addInt("ApproximateReceiveCount", int64(d.count))
	addInt("ApproximateFirstReceiveTimestamp", d.first.UnixMilli())
	add("SequenceNumber", c.sequence)
	add("MessageDeduplicationId", c.dedupID)
	add("MessageGroupId", c.groupID)
	add("AWSTraceHeader", c.trace)
	add("DeadLetterQueueSourceArn", c.origin)
	if open == "," {
		b = append(b, '}')
	}
	return b
}

func appendAttributes(b []byte, attributes []attribute) []byte {
	for i, a := range attributes {
		b = append(b, "{,"[min(i, 1)])
		b = appendString(b, a.name)
		b = appendString(append(b, `:{"DataType":`...), a.dataType)
		if a.binary {
			b = base64.StdEncoding.AppendEncode(append(b, `,"BinaryValue":"`...), []byte(a.value))
			b = append(b, '"')
		} else {
			b = appendString(append(b, `,"StringValue":`...), a.value)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendString appends text, which is valid UTF-8, as a JSON string.
func appendString(b []byte, text string) []byte {
	b = append(b, '"')
	done := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, text[done:]...), '"')
}

const hexDigits = "0123456789abcdef"
