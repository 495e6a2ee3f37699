package embedded

import (
	"net/http"
	"strings"
	"unicode/utf8"
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
}

type sendInput struct {
	QueueUrl string
	sendEntry
}

type sendOutput struct {
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageBody             string
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string `json:",omitempty"`
}

func (s *Server) sendMessage(_ *http.Request, in sendInput) (sendOutput, error) {
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return sendOutput{}, err
	}
	return q.accept(in.sendEntry)
}

// accept checks what a producer sends and sends it.
func (q *queue) accept(e sendEntry) (sendOutput, error) {
	p, err := e.check(q.fifo, q.settings())
	if err != nil {
		return sendOutput{}, err
	}
	sent, err := q.send(p, e.DelaySeconds)
	if err != nil {
		return sendOutput{}, err
	}
	return sendOutput{
		MD5OfMessageAttributes:       p.attrMD5,
		MD5OfMessageBody:             p.bodyMD5,
		MD5OfMessageSystemAttributes: traceMD5(p.trace),
		MessageId:                    sent.id,
		SequenceNumber:               sent.sequence,
	}, nil
}

// check refuses what SQS does not take, and returns the rest as a parcel.
func (e sendEntry) check(fifo bool, set settings) (parcel, error) {
	if e.MessageBody == "" {
		return parcel{}, missingParameter("MessageBody")
	}
	if !allowed(e.MessageBody) {
		return parcel{}, refuse("InvalidMessageContents", "%s", invalidCharacters)
	}
	attributes, err := readAttributes(e.MessageAttributes)
	if err != nil {
		return parcel{}, err
	}
	if size := e.size(); size > set.maxSize {
		return parcel{}, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", set.maxSize)
	}
	trace, err := readTrace(e.MessageSystemAttributes)
	if err != nil {
		return parcel{}, err
	}
	if err := e.checkOrder(fifo, set); err != nil {
		return parcel{}, err
	}
	return parcel{
		body: e.MessageBody, bodyMD5: md5Hex(e.MessageBody),
		attributes: attributes, attrMD5: attributesMD5(attributes), trace: trace,
		groupID: value(e.MessageGroupId), dedupID: value(e.MessageDeduplicationId),
	}, nil
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// size is what counts against MaximumMessageSize: the body, and name, type and value of each attribute.
func (e sendEntry) size() int {
	size := len(e.MessageBody)
	for name, v := range e.MessageAttributes {
		size += len(name) + len(v.DataType) + len(value(v.StringValue)) + len(v.BinaryValue)
	}
	return size
}

// checkOrder looks at delay, group and deduplication, whose rules differ between the types of queue.
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

// checkID looks at an ID of a producer: 1 to 128 letters, digits and ASCII punctuation.
func checkID(parameter string, id *string) error {
	if id == nil {
		return nil
	}
	if *id == "" || len(*id) > 128 || strings.ContainsFunc(*id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return invalidValue(*id, parameter, parameter+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// allowed tells whether text has only the characters that AWS: "SendMessage" lists.
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
