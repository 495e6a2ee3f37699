package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// form is the kind of a JSON value.
type form uint8

const (
	aNull form = iota
	aFalse
	aTrue
	aNumber
	aString
	anArray
	anObject
)

func (f form) String() string {
	return [...]string{"null", "false", "true", "a number", "a string", "an array", "an object"}[f]
}

// syntax is a pattern, or a part of one, as it was written.
type syntax struct {
	form    form
	text    string   // of a string or a number
	items   []syntax // of an array
	members []member // of an object, with all repeated keys
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
		return syntax{form: aNull}, nil
	case bool:
		if t {
			return syntax{form: aTrue}, nil
		}
		return syntax{form: aFalse}, nil
	case json.Number:
		return syntax{form: aNumber, text: t.String()}, nil
	case string:
		return syntax{form: aString, text: t}, nil
	case json.Delim:
		if t == '[' {
			return parseArray(d)
		}
		return parseObject(d)
	}
	return syntax{}, io.ErrUnexpectedEOF
}

func parseArray(d *json.Decoder) (syntax, error) {
	s := syntax{form: anArray}
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
	s := syntax{form: anObject}
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
