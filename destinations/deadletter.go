package destinations

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/esm-run/esm"
)

// message is a notice as a queue or a topic receives it.
type message struct {
	body       string
	attributes []attribute
}

// attribute is a message attribute. Its kind is String or Number.
type attribute struct{ name, kind, value string }

// messageOf returns the message about a notice: a dead letter has attributes, an invocation record has none.
func messageOf(n esm.Notice) (message, error) {
	if n.Event != nil && n.Event.DeadLetter {
		return deadLetter(n), nil
	}
	body, err := document(n, false)
	return message{body: string(body)}, err
}

// deadLetter returns the event as it was accepted, with attributes that describe its failure (AWS: "Adding a dead-letter
// queue", in "Capturing records of Lambda asynchronous invocations").
func deadLetter(n esm.Notice) message {
	m := message{body: string(eventOf(n)), attributes: []attribute{{"RequestID", "String", n.RequestID}}}
	if n.Response != nil {
		m.attributes = append(m.attributes, attribute{"ErrorCode", "Number", strconv.Itoa(n.Response.Status)})
	}
	if n.Event.Error != "" { // services refuse an attribute without a value
		m.attributes = append(m.attributes, attribute{"ErrorMessage", "String", attributeText(n.Event.Error)})
	}
	return m
}

// attributeText returns at most the first esm.MaxErrorMessage bytes of text, in which a character that is cut, or that messages cannot
// have, is replaced (AWS: API reference of SendMessage).
func attributeText(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), esm.MaxErrorMessage)], string(unicode.ReplacementChar))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= ' ' && r != 0xFFFE && r != 0xFFFF:
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
