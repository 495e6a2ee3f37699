package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// object decodes the members of a JSON object in a request as AWS's front end does: names are matched exactly, null means
// absent, and a value of another type is a SerializationException. Each method takes one member; members that no method
// took are unknown.
type object struct {
	path     string // in the document; empty for the document itself
	members  map[string]any
	decoding *decoding
}

// decoding is the state of one document.
type decoding struct {
	err     error    // the first; what is decoded after it does not matter
	objects []object // all objects so far
}

// checkJSON returns what keeps text from being JSON in UTF-8.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("invalid UTF-8")
	}
	if json.Valid(text) {
		return nil
	}
	return json.Unmarshal(text, new(json.RawMessage)) // which describes the error
}

// parse parses a document, which must be an object. An empty body is an empty object.
func parse(body []byte) object {
	o := object{decoding: &decoding{}}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return o
	}
	var value any
	err := checkJSON(body)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		err = dec.Decode(&value)
	}
	if err != nil {
		o.fail("Could not parse request body into json: %v", err)
		return o
	}
	members, ok := value.(map[string]any)
	if !ok {
		o.fail("Unexpected field type")
	}
	return o.add("", members)
}

// add returns an object of the same document.
func (o object) add(path string, members map[string]any) object {
	inner := object{path, members, o.decoding}
	o.decoding.objects = append(o.decoding.objects, inner)
	return inner
}

// unknown returns the paths of the members that were not taken, sorted.
func (d *decoding) unknown() (paths []string) {
	for _, o := range d.objects {
		for name := range o.members {
			paths = append(paths, o.at(name))
		}
	}
	slices.Sort(paths)
	return paths
}

func (o object) fail(format string, args ...any) {
	if o.decoding.err == nil {
		o.decoding.err = throw("SerializationException", format, args...)
	}
}

// mismatch fails because the value at path is not of the wanted type.
func (o object) mismatch(path string, value any, wanted string) {
	switch value := value.(type) {
	case map[string]any:
		o.fail("Start of structure or map found where not expected. (%s)", path)
	case []any:
		o.fail("Start of list found where not expected (%s)", path)
	case bool:
		o.fail("%s_VALUE can not be converted to %s (%s)", strings.ToUpper(fmt.Sprint(value)), wanted, path)
	case string:
		o.fail("STRING_VALUE can not be converted to %s (%s)", wanted, path)
	case nil:
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

// take takes a member and returns its value; nil if it is absent.
func (o object) take(name string) any {
	value := o.members[name]
	delete(o.members, name)
	return value
}

// takeSet takes a member of any type and reports whether it is set: neither absent nor {}, [] or "".
func (o object) takeSet(name string) bool {
	switch value := o.take(name).(type) {
	case nil:
		return false
	case map[string]any:
		return len(value) > 0
	case []any:
		return len(value) > 0
	case string:
		return value != ""
	}
	return true
}

// takeAs takes a member whose value is a T.
func takeAs[T any](o object, name, wanted string) (value T, ok bool) {
	given := o.take(name)
	if given == nil {
		return value, false
	}
	value, ok = given.(T)
	if !ok {
		o.mismatch(o.at(name), given, wanted)
	}
	return value, ok
}

// text stores a member that is a string, if it is present.
func (o object) text(name string, to *string) {
	if value, ok := takeAs[string](o, name, "a String"); ok {
		*to = value
	}
}

// boolean stores a member that is true or false, if it is present.
func (o object) boolean(name string, to **bool) {
	if value, ok := takeAs[bool](o, name, "a Boolean"); ok {
		*to = &value
	}
}

// integer stores a member that is a whole number of 32 bits, in any notation, if it is present.
func (o object) integer(name string, to **int) {
	given, ok := takeAs[json.Number](o, name, "an Integer")
	if !ok {
		return
	}
	number, err := given.Float64()
	if err != nil || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
		o.mismatch(o.at(name), given, "an Integer")
		return
	}
	value := int(number)
	*to = &value
}

// maxEpoch is the end of the year 9999, in seconds since 1970.
const maxEpoch = 253402300799

// moment stores a member that is a time in seconds since 1970, with or without a fraction, if it is present.
func (o object) moment(name string, to *time.Time) {
	const wanted = "milliseconds since epoch"
	given, ok := takeAs[json.Number](o, name, wanted)
	if !ok {
		return
	}
	number, err := given.Float64()
	if err != nil || math.Abs(number) > maxEpoch {
		o.mismatch(o.at(name), given, wanted)
		return
	}
	*to = time.UnixMilli(int64(math.Round(number * 1000))).UTC()
}

// list takes a member that is a list.
func (o object) list(name string) (values []any, ok bool) {
	given := o.take(name)
	if given == nil {
		return nil, false
	}
	if values, ok = given.([]any); !ok {
		o.fail("Expected list or null (%s)", o.at(name))
	}
	return values, ok
}

// texts stores a member that is a list of strings, if it is present.
func (o object) texts(name string, to *[]string) {
	values, ok := o.list(name)
	if !ok {
		return
	}
	texts := make([]string, len(values))
	for i, value := range values {
		if texts[i], ok = value.(string); !ok {
			o.mismatch(fmt.Sprintf("%s[%d]", o.at(name), i), value, "a String")
		}
	}
	*to = texts
}

// textMap stores a member that is an object of strings, if it is present.
func (o object) textMap(name string, to *map[string]string) {
	inner, ok := o.object(name)
	if !ok {
		return
	}
	*to = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(inner.members)) {
		if value, ok := takeAs[string](inner, key, "a String"); ok {
			(*to)[key] = value
		}
	}
}

// object takes a member that is an object.
func (o object) object(name string) (inner object, ok bool) {
	given := o.take(name)
	if given == nil {
		return object{}, false
	}
	return o.inner(o.at(name), given), true
}

// objects takes a member that is a list of objects.
func (o object) objects(name string) (inner []object) {
	values, _ := o.list(name)
	for i, value := range values {
		inner = append(inner, o.inner(fmt.Sprintf("%s[%d]", o.at(name), i), value))
	}
	return inner
}

func (o object) inner(path string, value any) object {
	members, ok := value.(map[string]any)
	if _, list := value.([]any); list {
		o.fail("Start of list found where not expected (%s)", path)
	} else if !ok && value != nil {
		o.fail("Expected structure or null (%s)", path)
	}
	return o.add(path, members)
}
