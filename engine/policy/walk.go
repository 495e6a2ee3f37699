package policy

import (
	"bytes"
	"encoding/json"
	"iter"
)

// The functions of this file read text that json.Valid has accepted. They tell apart what encoding/json blurs: the case
// of names, and names that occur twice. What they yield are parts of the text they are given.

// members yields each member of an object in the order of the text: its name as a JSON string, and its value.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := trim(object[1:])
		for rest[0] != '}' {
			name := rest[:literal(rest)]
			rest = trim(rest[len(name):])
			rest = trim(rest[len(":"):])
			value := rest[:extent(rest)]
			if !yield(name, value) {
				return
			}
			rest = afterComma(rest[len(value):])
		}
	}
}

// elements yields each element of an array in the order of the text.
func elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		rest := trim(array[1:])
		for rest[0] != ']' {
			value := rest[:extent(rest)]
			if !yield(value) {
				return
			}
			rest = afterComma(rest[len(value):])
		}
	}
}

// extent is the length of the value that text begins with.
func extent(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += literal(text[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// literal is the length of the JSON string that text begins with, quotes included.
func literal(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// decode is the string that a JSON string stands for; ok is false for any other value.
func decode(value []byte) (s string, ok bool) {
	if value[0] != '"' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// spells says that a JSON string stands for name.
func spells(literal []byte, name string) bool {
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1:len(literal)-1]) == name // without making a string
	}
	s, _ := decode(literal)
	return s == name
}

func afterComma(text []byte) []byte {
	text = trim(text)
	if text[0] == ',' {
		text = trim(text[1:])
	}
	return text
}

// trim drops what JSON calls white space from the front.
func trim(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\n' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}
