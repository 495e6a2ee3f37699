package destinations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

var errNoSubject = fmt.Errorf("%w: the notice has no subject", esm.ErrUndeliverable)

// document returns the text of a notice, by its subject. The event itself is in it only if payload is set.
func document(n esm.Notice, payload bool) ([]byte, error) {
	if n.Stream != nil {
		return streamDocument(n, payload)
	}
	return nil, errNoSubject
}

// objectKey returns the key of a notice's object in a bucket, by its subject.
func objectKey(n esm.Notice) (string, error) {
	if n.Stream != nil {
		return streamObjectKey(n), nil
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

// encode returns compact JSON with the members in their order, and with <, > and & unescaped as Lambda writes them.
func encode(members []member) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	before := '{'
	for _, m := range members {
		fmt.Fprintf(&b, "%c%q:", before, m.key)
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // Encode ends with a newline
		before = ','
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
