package sqs

import (
	"bytes"
	"crypto/md5" // SQS describes bodies by it
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/quote"
)

// shape describes the records of a queue.
type shape struct {
	tail  string // what all events end with
	nulls bool   // members without a value are null; else they are absent
	fifo  bool
}

func newShape(a config.ARN, nulls bool) shape {
	tail := quote.AppendMember(nil, `,"eventSource":"aws:sqs","eventSourceARN":`, a.String())
	tail = quote.AppendMember(tail, `,"awsRegion":`, a.Region)
	return shape{tail: string(append(tail, '}')), nulls: nulls, fifo: config.IsFIFO(a.Resource)}
}

// decoder makes records of the messages of a ReceiveMessage. An event is an element of Records: compact JSON, with the
// members that Lambda's pollers send. It is made of the JSON of the answer, without a value in between, because every
// message passes here.
type decoder struct {
	scanner
	shape   shape
	scratch []byte // holds a string without its escapes

	system, sender []byte // the attributes of the message that is read, as they are in its event
	event          []byte // of the message that is read

	recs    []esm.Record
	damaged error // the messages whose bodies are not what was sent
}

var errMalformed = errors.New("the answer is not that of a ReceiveMessage")

// decode reads an answer. An empty one has no messages.
func (d *decoder) decode(answer []byte) error {
	d.recs, d.damaged = nil, nil
	if len(answer) == 0 {
		return nil
	}
	d.scanner = scanner{in: answer}
	d.members(func(name []byte) {
		if string(name) == `"Messages"` {
			d.elements(d.message)
		} else {
			d.value()
		}
	})
	if d.failed {
		return errMalformed
	}
	return nil
}

// message reads a message, and makes a record of it.
func (d *decoder) message() {
	var r esm.Record
	m := d.read(&r)
	if d.failed {
		return
	}
	r.ID, r.Receipt = string(d.text(m.id)), string(d.text(m.receipt))
	intact := d.write(&r, m)
	switch {
	case d.failed:
		return
	case !intact:
		d.damaged = errors.Join(d.damaged, fmt.Errorf("message %s: %w", r.ID, ErrChecksum))
		return
	case d.recs == nil:
		d.recs = make([]esm.Record, 0, esm.MaxReceived)
	}
	r.Event = bytes.Clone(d.event)
	d.recs = append(d.recs, r)
}

// members are strings of a message, as they are written.
type members struct{ id, receipt, body, bodyMD5, senderMD5 []byte }

func (d *decoder) read(r *esm.Record) (m members) {
	d.system, d.sender = append(d.system[:0], "{}"...), append(d.sender[:0], "{}"...)
	d.members(func(name []byte) {
		switch string(name) {
		case `"MessageId"`:
			m.id = d.value()
		case `"ReceiptHandle"`:
			m.receipt = d.value()
		case `"Body"`:
			m.body = d.value()
		case `"MD5OfBody"`:
			m.bodyMD5 = d.value()
		case `"MD5OfMessageAttributes"`:
			m.senderMD5 = d.value()
		case `"Attributes"`:
			d.system = d.systemAttributes(d.system[:0], r)
		case `"MessageAttributes"`:
			d.sender = d.senderAttributes(d.sender[:0])
		default:
			d.value()
		}
	})
	return m
}

// write writes the event of a message. intact is false if SQS says that the body's MD5 is another one.
func (d *decoder) write(r *esm.Record, m members) (intact bool) {
	b := quote.AppendMember(d.event[:0], `{"messageId":`, r.ID)
	b = quote.AppendMember(b, `,"receiptHandle":`, r.Receipt)
	body := d.text(m.body)
	sum := md5.Sum(body)
	b = quote.AppendMember(b, `,"body":`, body)
	b = append(append(b, `,"attributes":`...), d.system...)
	b = append(append(b, `,"messageAttributes":`...), d.sender...)
	if len(d.sender) > len("{}") && !isNull(m.senderMD5) {
		b = quote.AppendMember(b, `,"md5OfMessageAttributes":`, d.text(m.senderMD5))
	} else if d.shape.nulls {
		b = append(b, `,"md5OfMessageAttributes":null`...)
	}
	b = hex.AppendEncode(append(b, `,"md5OfBody":"`...), sum[:])
	written := b[len(b)-2*md5.Size:]
	intact = isNull(m.bodyMD5) || bytes.Equal(written, d.text(m.bodyMD5))
	d.event = append(append(b, '"'), d.shape.tail...)
	return intact
}

// text returns the content of a string until the next call. An absent one is empty.
func (d *decoder) text(value []byte) []byte {
	if isNull(value) {
		return nil
	}
	content, ok := unquote(value, d.scratch[:0])
	if cap(content) > cap(d.scratch) && bytes.IndexByte(value, '\\') >= 0 {
		d.scratch = content
	}
	d.failed = d.failed || !ok
	return content
}

// object reads an object and appends another one: each member's name, and what show appends for its value.
func (d *decoder) object(b []byte, show func(b, name []byte) []byte) []byte {
	b = append(b, '{')
	d.members(func(name []byte) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(quote.AppendString(b, d.text(name)), ':')
		b = show(b, name)
	})
	return append(b, '}')
}

// systemAttributes appends the attributes that SQS gives a message, and notes those that concern its record.
func (d *decoder) systemAttributes(b []byte, r *esm.Record) []byte {
	return d.object(b, func(b, name []byte) []byte {
		text := d.text(d.value())
		switch string(name) {
		case `"SentTimestamp"`:
			if ms, err := strconv.ParseInt(string(text), 10, 64); err == nil {
				r.Arrived = time.UnixMilli(ms)
			}
		case `"MessageGroupId"`:
			if d.shape.fifo { // a group on a standard queue is for fairness and orders nothing
				r.Group = string(text)
			}
		case `"AWSTraceHeader"`:
			r.TraceHeader = string(text)
		}
		return quote.AppendString(b, text)
	})
}

// senderAttributes appends the attributes that the sender gave a message. Their lists are always empty: SQS does not
// implement them.
func (d *decoder) senderAttributes(b []byte) []byte {
	return d.object(b, func(b, _ []byte) []byte {
		var text, binary, kind []byte
		d.members(func(name []byte) {
			switch value := d.value(); string(name) {
			case `"StringValue"`:
				text = value
			case `"BinaryValue"`:
				binary = value
			case `"DataType"`:
				kind = value
			}
		})
		b = d.optional(append(b, '{'), `"stringValue":`, text)
		b = d.optional(b, `"binaryValue":`, binary)
		b = quote.AppendMember(b, `"stringListValues":[],"binaryListValues":[],"dataType":`, d.text(kind))
		return append(b, '}')
	})
}

// optional appends a member and a comma, unless it has no value.
func (d *decoder) optional(b []byte, name string, value []byte) []byte {
	switch {
	case !isNull(value):
		return append(quote.AppendMember(b, name, d.text(value)), ',')
	case d.shape.nulls:
		return append(append(b, name...), "null,"...)
	}
	return b
}
