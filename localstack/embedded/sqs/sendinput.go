package sqs

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	invalidCharacters = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
	wrongType         = "The request include parameter that is not valid for this queue type."
	noDedupID         = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)

// A sendEntry is a message as a producer sends it.
type sendEntry struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string

	trace string // the request's trace header, which AWSTraceHeader replaces
}

type sendInput struct {
	queueInput
	sendEntry
}

type sendOutput struct {
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageBody             string
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string `json:",omitempty"`
}

func (q *queue) sendMessage(in sendInput, trace string) (sendOutput, error) {
	in.trace = trace
	return q.accept(in.sendEntry)
}

// accept checks a producer's message and sends it.
func (q *queue) accept(e sendEntry) (sendOutput, error) {
	c, err := e.check(q.fifo, q.settings())
	if err != nil {
		return sendOutput{}, err
	}
	sent, err := q.send(c, e.DelaySeconds)
	if err != nil {
		return sendOutput{}, err
	}
	out := sendOutput{
		MD5OfMessageAttributes: c.attrMD5,
		MD5OfMessageBody:       c.bodyMD5,
		MessageId:              sent.id,
		SequenceNumber:         sent.sequence,
	}
	if len(e.MessageSystemAttributes) > 0 {
		out.MD5OfMessageSystemAttributes = traceMD5(c.trace)
	}
	return out, nil
}

// check returns the message's content, or why SQS would refuse it.
func (e sendEntry) check(fifo bool, set settings) (content, error) {
	if e.MessageBody == "" {
		return content{}, missingParameter("MessageBody")
	}
	if !allowed(e.MessageBody) {
		return content{}, errorf("InvalidMessageContents", "%s", invalidCharacters)
	}
	attributes, err := readAttributes(e.MessageAttributes)
	if err != nil {
		return content{}, err
	}
	if e.size() > set.maxSize {
		return content{}, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", set.maxSize)
	}
	trace, err := readTrace(e.MessageSystemAttributes)
	if err != nil {
		return content{}, err
	}
	if err := e.checkOrder(fifo, set); err != nil {
		return content{}, err
	}
	return content{
		body: e.MessageBody, bodyMD5: md5Hex(e.MessageBody),
		attributes: attributes, attrMD5: attributesMD5(attributes), trace: cmp.Or(trace, e.trace),
		groupID: aws.ToString(e.MessageGroupId), dedupID: aws.ToString(e.MessageDeduplicationId),
	}, nil
}

// size returns what counts against MaximumMessageSize: the body, and the name, type and value of each attribute.
func (e sendEntry) size() int {
	size := len(e.MessageBody)
	for name, v := range e.MessageAttributes {
		size += len(name) + len(v.DataType) + len(aws.ToString(v.StringValue)) + len(v.BinaryValue)
	}
	return size
}

// checkOrder checks delay, group and deduplication, whose rules depend on the type of queue.
func (e sendEntry) checkOrder(fifo bool, set settings) error {
	switch delay := e.DelaySeconds; {
	case delay == nil:
	case *delay < 0 || *delay > 900:
		return invalidValue(*delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	case fifo && *delay > 0:
		return invalidValue(*delay, "DelaySeconds", wrongType)
	}
	if err := checkID("MessageGroupId", e.MessageGroupId); err != nil {
		return err
	}
	if err := checkID("MessageDeduplicationId", e.MessageDeduplicationId); err != nil {
		return err
	}
	switch {
	case fifo && e.MessageGroupId == nil:
		return missingParameter("MessageGroupId")
	case fifo && e.MessageDeduplicationId == nil && !set.contentBased:
		return invalidParameter("%s", noDedupID)
	case !fifo && e.MessageDeduplicationId != nil:
		return invalidValue(*e.MessageDeduplicationId, "MessageDeduplicationId", wrongType)
	}
	return nil
}

// checkID checks an ID that a client chose: 1 to 128 letters, digits and ASCII punctuation.
func checkID(parameter string, id *string) error {
	if id == nil {
		return nil
	}
	if *id == "" || len(*id) > 128 || strings.ContainsFunc(*id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return invalidValue(*id, parameter, parameter+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// allowed reports whether text consists of the characters that AWS: "SendMessage" lists.
func allowed(text string) bool {
	for i, r := range text {
		switch {
		case r >= ' ' && r < utf8.RuneSelf, r == '\t', r == '\n', r == '\r':
		case r < ' ', r == 0xFFFE, r == 0xFFFF:
			return false
		case r == utf8.RuneError:
			if _, width := utf8.DecodeRuneInString(text[i:]); width == 1 {
				return false
			}
		}
	}
	return true
}
