package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// A path selects a part of an event: the steps of an InputPath behind its $.
type path []pathStep

// A pathStep is a member of an object, or an element of an array if name is empty.
type pathStep struct {
	name  string
	index int
}

var pathForm = regexp.MustCompile(`^(?:\.([\p{L}\p{N}_-]+)|\['([^']+)'\]|\[(\d{1,9})\])`)

// parsePath parses the part of JSONPath that is supported.
func parsePath(text string) (path, error) {
	if text == "" || text[0] != '$' {
		return nil, fmt.Errorf("%q does not begin with $", text)
	}
	var p path
	for rest := text[1:]; rest != ""; {
		m := pathForm.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("%q of %q is not supported by the embedded EventBridge: write .name, ['name'] or [0]", rest, text)
		}
		index, _ := strconv.Atoi(m[3])
		p = append(p, pathStep{m[1] + m[2], index})
		rest = rest[len(m[0]):]
	}
	return p, nil
}

var null = []byte("null")

// of returns the part of a JSON document that p selects, or null if there is none.
func (p path) of(document []byte) []byte {
	for _, step := range p {
		switch {
		case step.name != "":
			var object map[string]json.RawMessage
			_ = json.Unmarshal(document, &object) // no object has no members
			document = object[step.name]
		default:
			var array []json.RawMessage
			_ = json.Unmarshal(document, &array)
			if document = nil; step.index < len(array) {
				document = array[step.index]
			}
		}
	}
	if document = bytes.TrimSpace(document); len(document) == 0 {
		return null
	}
	return document
}
