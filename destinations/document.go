package destinations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

// Errors of notices that have no form for a kind of destination: config allows no such destination.
var (
	errNoSubject  = fmt.Errorf("%w: the notice has no subject", esm.ErrUndeliverable)
	errDeadLetter = fmt.Errorf("%w: a dead letter can be sent to a queue or a topic only", esm.ErrUndeliverable)
	errNoRecord   = fmt.Errorf("%w: it receives only notices of asynchronous events", esm.ErrUndeliverable)
)

// document returns the text of a notice, by its subject. The event of a stream's batch is in it only if payload is set, an
// asynchronous event always.
func document(n esm.Notice, payload bool) ([]byte, error) {
	switch {
	case n.Stream != nil:
		return streamDocument(n, payload)
	case n.Event == nil:
		return nil, errNoSubject
	case n.Event.DeadLetter:
		return nil, errDeadLetter
	}
	return eventRecord(n, true)
}

// objectKey returns the key of a notice's object in a bucket, by its subject.
func objectKey(n esm.Notice) (string, error) {
	switch {
	case n.Stream != nil:
		return streamObjectKey(n), nil
	case n.Event != nil:
		return eventObjectKey(n)
	}
	return "", errNoSubject
}

// Parts of documents.
type (
	requestContext struct {
		ID        string        `json:"requestId"`
		Function  string        `json:"functionArn"`
		Condition esm.Condition `json:"condition"`
		Invokes   int           `json:"approximateInvokeCount"`
	}
	responseContext struct {
		Status  int     `json:"statusCode"`
		Version string  `json:"executedVersion"`
		Fault   *string `json:"functionError"` // null if the handler reported the failure in its response
	}
)

// stamp formats a time, which documents have in UTC.
func stamp(t time.Time, layout string) string { return t.UTC().Format(layout) }

// member is a member of a JSON object.
type member struct {
	key   string
	value any
}

// verbatim is the JSON text of a member, which is written byte for byte.
type verbatim []byte

// encode returns compact JSON with the members in their order, and with <, > and & unescaped as Lambda writes them.
func encode(members []member) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	before := '{'
	for _, m := range members {
		fmt.Fprintf(&b, "%c%q:", before, m.key)
		before = ','
		if text, ok := m.value.(verbatim); ok {
			b.Write(text)
			continue
		}
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // Encode ends with a newline
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
