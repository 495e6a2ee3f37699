package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// object reads the members of a JSON object of a request, each of which is taken once, as AWS's front end does: names
// are matched exactly, null is a member that is absent, and a value of another type ends in a SerializationException.
// What was not taken when the object is done is unknown, and ignored.
type object struct {
	path    string // in the document; empty for the document itself
	members map[string]json.RawMessage
	reading *reading
}

// reading is what comes of reading a whole document, besides its values.
type reading struct {
	err     *refusal // the first; what is read after it does not matter
	unknown []string // paths of members that nobody took
}

// parse begins to read a document. No body at all is an empty object.
func parse(body []byte) object {
	o := object{reading: &reading{}}
	switch body = bytes.TrimSpace(body); {
	case len(body) == 0:
	case !utf8.Valid(body):
		o.fail("The body of the request is not UTF-8")
	default:
		if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
			o.fail("Could not parse request body into json: %v", err)
		} else if body[0] != '{' {
			o.fail("Unexpected field type")
		} else {
			o.fill(body)
		}
	}
	return o
}

func (o *object) fill(text json.RawMessage) {
	if err := json.Unmarshal(text, &o.members); err != nil {
		o.fail("Could not parse request body into json: %v", err)
	}
}

func (o object) fail(format string, args ...any) {
	if o.reading.err == nil {
		o.reading.err = refuse("SerializationException", format, args...)
	}
}

// mismatch fails because text, at path, is not of the type that is wanted.
func (o object) mismatch(path string, text json.RawMessage, wanted string) {
	switch text[0] {
	case '{':
		o.fail("Start of structure or map found where not expected. (%s)", path)
	case '[':
		o.fail("Start of list found where not expected (%s)", path)
	case 't', 'f':
		o.fail("%s_VALUE can not be converted to %s (%s)", bytes.ToUpper(text), wanted, path)
	case '"':
		o.fail("STRING_VALUE can not be converted to %s (%s)", wanted, path)
	case 'n':
		o.fail("NULL_VALUE can not be converted to %s (%s)", wanted, path)
	default:
		o.fail("NUMBER_VALUE can not be converted to %s (%s)", wanted, path)
	}
}

func (o object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// take is the text of a member that is there and not null.
func (o object) take(name string) (json.RawMessage, bool) {
	text, ok := o.members[name]
	delete(o.members, name)
	return text, ok && text[0] != 'n'
}

// meant takes a member that is looked at no further, and says whether it says anything: {}, [] and "" do not.
func (o object) meant(name string) bool {
	text, ok := o.take(name)
	if !ok {
		return false
	}
	var short bytes.Buffer
	return json.Compact(&short, text) != nil || !slices.Contains([]string{"{}", "[]", `""`}, short.String())
}

func (o object) text(name string) *string {
	text, ok := o.take(name)
	if !ok {
		return nil
	}
	return o.asText(o.at(name), text)
}

func (o object) asText(path string, text json.RawMessage) *string {
	var value string
	if text[0] != '"' || json.Unmarshal(text, &value) != nil {
		o.mismatch(path, text, "a String")
	}
	return &value
}

func (o object) boolean(name string) *bool {
	text, ok := o.take(name)
	if !ok {
		return nil
	}
	value := text[0] == 't'
	if !value && text[0] != 'f' {
		o.mismatch(o.at(name), text, "a Boolean")
	}
	return &value
}

// integer takes a number of 32 bits, in whatever form JSON may give it.
func (o object) integer(name string) *int {
	text, ok := o.take(name)
	if !ok {
		return nil
	}
	number, err := strconv.ParseFloat(string(text), 64)
	if text[0] == '"' || err != nil || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
		o.mismatch(o.at(name), text, "an Integer")
		return nil
	}
	value := int(number)
	return &value
}

// latest is the end of the year 9999, in seconds.
const latest = 253402300799

// moment takes seconds since 1970, with or without a fraction. It is zero when there are none.
func (o object) moment(name string) time.Time {
	text, ok := o.take(name)
	if !ok {
		return time.Time{}
	}
	number, err := strconv.ParseFloat(string(text), 64)
	if text[0] == '"' || err != nil || math.Abs(number) > latest {
		o.mismatch(o.at(name), text, "milliseconds since epoch")
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(number * 1000))).UTC()
}

// texts takes a list of texts. It is nil when there is none, and not when it is empty.
func (o object) texts(name string) []string {
	texts, ok := o.list(name)
	if !ok {
		return nil
	}
	values := make([]string, len(texts))
	for i, text := range texts {
		values[i] = *o.asText(fmt.Sprintf("%s[%d]", o.at(name), i), text)
	}
	return values
}

// textMap takes an object of texts, in which null is absent too. It is nil when there is none.
func (o object) textMap(name string) map[string]string {
	inner, ok := o.object(name)
	if !ok {
		return nil
	}
	values := make(map[string]string, len(inner.members))
	for _, key := range slices.Sorted(maps.Keys(inner.members)) {
		if value := inner.text(key); value != nil {
			values[key] = *value
		}
	}
	return values
}

func (o object) list(name string) (texts []json.RawMessage, ok bool) {
	text, ok := o.take(name)
	if !ok {
		return nil, false
	}
	if text[0] != '[' || json.Unmarshal(text, &texts) != nil {
		o.fail("Expected list or null (%s)", o.at(name))
	}
	return texts, true
}

// object takes an object. What it holds is taken from it, and then it is done.
func (o object) object(name string) (inner object, ok bool) {
	text, ok := o.take(name)
	if !ok {
		return object{}, false
	}
	return o.inner(o.at(name), text), true
}

// objects takes a list of objects.
func (o object) objects(name string) (inner []object) {
	texts, _ := o.list(name)
	for i, text := range texts {
		inner = append(inner, o.inner(fmt.Sprintf("%s[%d]", o.at(name), i), text))
	}
	return inner
}

func (o object) inner(path string, text json.RawMessage) object {
	inner := object{path: path, reading: o.reading}
	switch text[0] {
	case '{':
		inner.fill(text)
	case 'n':
	case '[':
		o.fail("Start of list found where not expected (%s)", path)
	default:
		o.fail("Expected structure or null (%s)", path)
	}
	return inner
}

// done says that nothing more is taken from o.
func (o object) done() {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		o.reading.unknown = append(o.reading.unknown, o.at(name))
	}
}
