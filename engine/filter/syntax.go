package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// kind is the kind of a JSON value.
type kind uint8

const (
	aNull kind = iota
	aFalse
	aTrue
	aNumber
	aString
	anArray
	anObject
)

func (f kind) String() string {
	return [...]string{"null", "false", "true", "a number", "a string", "an array", "an object"}[f]
}

// syntax is a pattern, or a part of one, as written.
type syntax struct {
	kind    kind
	text    string   // of a string or a number
	items   []syntax // of an array
	members []member // of an object, including repeated keys
}

type member struct {
	key   string
	value syntax
}

// parse parses a JSON text.
func parse(pattern string) (syntax, error) {
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(pattern), &whole); err != nil {
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			return syntax{}, fmt.Errorf("must be a JSON object, but is not JSON: %w, after byte %d", bad, bad.Offset)
		}
		return syntax{}, err
	}
	d := json.NewDecoder(strings.NewReader(pattern))
	d.UseNumber()
	return parseValue(d), nil
}

// parseValue parses the next value of a text that is valid, so that the decoder returns no errors.
func parseValue(d *json.Decoder) (s syntax) {
	token, _ := d.Token()
	switch t := token.(type) {
	case bool:
		s.kind = aFalse
		if t {
			s.kind = aTrue
		}
	case json.Number:
		s = syntax{kind: aNumber, text: t.String()}
	case string:
		s = syntax{kind: aString, text: t}
	case json.Delim:
		s.kind = anArray
		if t == '{' {
			s.kind = anObject
		}
		for d.More() {
			if t == '[' {
				s.items = append(s.items, parseValue(d))
			} else {
				s.members = append(s.members, member{parseValue(d).text, parseValue(d)})
			}
		}
		_, _ = d.Token()
	}
	return s
}
