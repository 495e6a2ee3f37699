package embedded

import (
	"encoding/base64"
	"slices"
	"strconv"
)

// The system attributes of messages, and All. AWS: "ReceiveMessage".
var systemAttributes = []string{"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount",
	"ApproximateFirstReceiveTimestamp", "SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader",
	"DeadLetterQueueSourceArn"}

// senderID is who sent every message: signatures are not read.
const senderID = "AIDAEMBEDDEDSQSSENDER"

// A view is which attributes of a message a consumer asked for.
type view struct {
	system     []string
	attributes attributeFilter
}

// append adds the answer to a ReceiveMessage.
func (v view) append(b []byte, got []delivery) []byte {
	if len(got) == 0 {
		return append(b, "{}"...)
	}
	size := 64
	for _, d := range got {
		size += len(d.parcel.body) + len(d.parcel.body)/8 + 1024
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
	p := d.parcel
	b = appendString(append(b, `{"MessageId":`...), p.id)
	b = append(d.receipt.append(append(b, `,"ReceiptHandle":"`...)), '"')
	b = appendString(append(b, `,"MD5OfBody":`...), p.bodyMD5)
	b = appendString(append(b, `,"Body":`...), p.body)
	b = v.appendSystem(b, d)
	if picked, sum := v.attributes.pick(p); len(picked) > 0 {
		b = appendString(append(b, `,"MD5OfMessageAttributes":`...), sum)
		b = appendAttributes(append(b, `,"MessageAttributes":`...), picked)
	}
	return append(b, '}')
}

// appendSystem adds the system attributes that were asked for. All their values are texts.
func (v view) appendSystem(b []byte, d delivery) []byte {
	if len(v.system) == 0 {
		return b
	}
	p, all, open := d.parcel, slices.Contains(v.system, "All"), `,"Attributes":{`
	add := func(name, text string) {
		if text == "" || !all && !slices.Contains(v.system, name) {
			return
		}
		b = appendString(append(appendString(append(b, open...), name), ':'), text)
		open = ","
	}
	add("SenderId", senderID)
	add("SentTimestamp", strconv.FormatInt(p.sent.UnixMilli(), 10))
	add("ApproximateReceiveCount", strconv.Itoa(d.count))
	add("ApproximateFirstReceiveTimestamp", strconv.FormatInt(d.first.UnixMilli(), 10))
	add("SequenceNumber", p.sequence)
	add("MessageDeduplicationId", p.dedupID)
	add("MessageGroupId", p.groupID)
	add("AWSTraceHeader", p.trace)
	add("DeadLetterQueueSourceArn", p.origin)
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

// appendString adds text, which is valid UTF-8, as a JSON string.
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
