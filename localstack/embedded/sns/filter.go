package sns

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// The values of FilterPolicyScope.
const (
	byAttributes = "MessageAttributes"
	byBody       = "MessageBody"
)

// compile returns the test that a filter policy makes, or nil if policy is empty. A policy is an event pattern, which is
// matched with the body of a message or with the document of its attributes.
func (s *Server) compile(policy, scope string) (matches func([]byte) bool, err error) {
	if policy == "" || policy == "{}" {
		return nil, nil
	}
	if s.Pattern == nil {
		return nil, unsupportedValue("FilterPolicy", "A filter policy (this server was made without a compiler of patterns)")
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(policy), &keys) != nil || keys == nil {
		return nil, invalidParameter("FilterPolicy: failed to parse JSON: it must be an object")
	}
	for _, value := range keys {
		if scope == byAttributes && value[0] == '{' {
			return nil, invalidParameter("FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy")
		}
	}
	if matches, err = s.Pattern([]byte(policy)); err != nil {
		return nil, invalidParameter("FilterPolicy: %v", err)
	}
	return matches, nil
}

// accepts reports whether the subscription's filter accepts a message. By attributes, no policy accepts a message without any
// (AWS: "Attribute key matching"). By body, none accepts a text that is not a JSON object.
func (s settings) accepts(m message) bool {
	switch {
	case s.matches == nil:
		return true
	case s.scope == byBody:
		text := strings.TrimLeft(m.text, " \t\r\n")
		return strings.HasPrefix(text, "{") && json.Valid([]byte(text)) && s.matches([]byte(text))
	}
	return len(m.attributes) > 0 && s.matches(documentOf(m.attributes))
}

// documentOf returns a JSON object of the attributes that filter policies can test: texts, numbers and arrays. Others, such
// as binary ones, are left out.
func documentOf(attributes map[string]relay.Attribute) []byte {
	values := make(map[string]any)
	for name, a := range attributes {
		switch {
		case a.Type == "String.Array":
			var elements []any
			if dec := json.NewDecoder(strings.NewReader(a.Value)); decodeNumbers(dec, &elements) == nil {
				values[name] = elements
			}
		case isOf("String", a.Type):
			values[name] = a.Value
		case isOf("Number", a.Type):
			if n, ok := numberOf(a.Value); ok {
				values[name] = n
			}
		}
	}
	document, _ := json.Marshal(values) // texts, and what was decoded from JSON
	return document
}

// decodeNumbers decodes JSON with numbers as they are written.
func decodeNumbers(dec *json.Decoder, into any) error {
	dec.UseNumber()
	return dec.Decode(into)
}

// isOf reports whether a data type is kind or a custom type of that kind, such as Number.int.
func isOf(kind, dataType string) bool {
	return dataType == kind || strings.HasPrefix(dataType, kind+".")
}

// numberOf returns the number in an attribute as JSON has it. SNS takes forms that JSON has not, such as +1 and .5.
func numberOf(text string) (json.Number, bool) {
	text = strings.TrimSpace(text)
	if json.Valid([]byte(text)) && strings.ContainsAny(text[:1], "-0123456789") {
		return json.Number(text), true
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n-n != 0 { // infinite or not a number
		return "", false
	}
	return json.Number(strconv.FormatFloat(n, 'g', -1, 64)), true
}
