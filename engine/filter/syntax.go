package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// parse reads a JSON text.
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
	return parseValue(d)
}

func parseValue(d *json.Decoder) (syntax, error) {
	token, err := d.Token()
	if err != nil {
		return syntax{}, err
	}
	switch t := token.(type) {
	case nil:
		return syntax{kind: aNull}, nil
	case bool:
		if t {
			return syntax{kind: aTrue}, nil
		}
		return syntax{kind: aFalse}, nil
	case json.Number:
		return syntax{kind: aNumber, text: t.String()}, nil
	case string:
		return syntax{kind: aString, text: t}, nil
	case json.Delim:
		if t == '[' {
			return parseArray(d)
		}
		return parseObject(d)
	}
	return syntax{}, io.ErrUnexpectedEOF
}

func parseArray(d *json.Decoder) (syntax, error) {
	s := syntax{kind: anArray}
	for d.More() {
		item, err := parseValue(d)
		if err != nil {
			return s, err
		}
		s.items = append(s.items, item)
	}
	_, err := d.Token()
	return s, err
}

func parseObject(d *json.Decoder) (syntax, error) {
	s := syntax{kind: anObject}
	for d.More() {
		key, err := parseValue(d)
		if err != nil {
			return s, err
		}
		value, err := parseValue(d)
		if err != nil {
			return s, err
		}
		s.members = append(s.members, member{key.text, value})
	}
	_, err := d.Token()
	return s, err
}
