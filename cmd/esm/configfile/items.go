package configfile

import (
	"encoding/base64"
	"strings"
)

// Item is one item of a table: its attributes by name.
type Item = map[string]AttributeValue

// AttributeValue is a value of one of DynamoDB's types. Exactly one member is not nil. Its JSON is that of DynamoDB's API.
type AttributeValue struct {
	S    *string                   `json:",omitzero"`
	N    *string                   `json:",omitzero"`
	B    []byte                    `json:",omitzero"`
	SS   []string                  `json:",omitzero"`
	NS   []string                  `json:",omitzero"`
	BS   [][]byte                  `json:",omitzero"`
	M    map[string]AttributeValue `json:",omitzero"`
	L    []AttributeValue          `json:",omitzero"`
	BOOL *bool                     `json:",omitzero"`
	NULL *bool                     `json:",omitzero"`
}

// Type returns the name of the value's type, such as S.
func (v AttributeValue) Type() string { return strings.Join(v.types(), " ") }

// types returns the names of the members that are set: exactly one in a valid value.
func (v AttributeValue) types() (names []string) {
	for _, member := range []struct {
		name  string
		given bool
	}{
		{"S", v.S != nil}, {"N", v.N != nil}, {"B", v.B != nil}, {"SS", v.SS != nil}, {"NS", v.NS != nil}, {"BS", v.BS != nil},
		{"M", v.M != nil}, {"L", v.L != nil}, {"BOOL", v.BOOL != nil}, {"NULL", v.NULL != nil},
	} {
		if member.given {
			names = append(names, member.name)
		}
	}
	return names
}

var itemShape = mapOf(valueShape)

var (
	numberText = textOf(matching(`[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?`, "is not the text of a number"))
	base64Text = textOf(base64Rule)
)

// valueShape is an attribute value whose schema is a reference; valueWhole is the same with the full schema.
var valueShape, valueWhole = recursive(schema{"$ref": "#/$defs/AttributeValue"}, func(self shape[AttributeValue]) shape[AttributeValue] {
	return onlyOne(objectOf("attribute value",
		field("S", func(v *AttributeValue) **string { return &v.S }, pointerTo(textOf()), "Text."),
		field("N", func(v *AttributeValue) **string { return &v.N }, pointerTo(numberText), "A number, as text."),
		field("B", func(v *AttributeValue) *[]byte { return &v.B }, bytesOf, "Bytes, in base64."),
		field("SS", func(v *AttributeValue) *[]string { return &v.SS }, listOf(1, 0, textOf()), "A set of texts."),
		field("NS", func(v *AttributeValue) *[]string { return &v.NS }, listOf(1, 0, numberText), "A set of numbers, as texts."),
		field("BS", func(v *AttributeValue) *[][]byte { return &v.BS }, listOf(1, 0, bytesOf), "A set of bytes, in base64."),
		field("M", func(v *AttributeValue) *map[string]AttributeValue { return &v.M }, mapOf(self), "Values by their names."),
		field("L", func(v *AttributeValue) *[]AttributeValue { return &v.L }, listOf(0, 0, self), "A list of values."),
		field("BOOL", func(v *AttributeValue) **bool { return &v.BOOL }, pointerTo(trueOrFalse), "true or false."),
		field("NULL", func(v *AttributeValue) **bool { return &v.NULL }, pointerTo(onlyTrue), "true: there is no value."),
	))
})

// recursive returns a shape that contains itself: self has ref as its JSON Schema, whole has the full schema.
func recursive[T any](ref schema, describe func(self shape[T]) shape[T]) (self, whole shape[T]) {
	self = shape[T]{func(d *decoder, n *node, at string) (T, bool) { return whole.read(d, n, at) }, ref}
	whole = describe(self)
	return self, whole
}

// onlyOne restricts s to values with exactly one type.
func onlyOne(s shape[AttributeValue]) shape[AttributeValue] {
	return shape[AttributeValue]{func(d *decoder, n *node, at string) (AttributeValue, bool) {
		value, ok := s.read(d, n, at)
		if given := len(value.types()); ok && given != 1 {
			d.errorf(at, "has %s and should have one, which names its type: {S: text}, {N: \"1\"}", count(given, "key"))
			return value, false
		}
		return value, ok
	}, s.schema.with("minProperties", 1).with("maxProperties", 1)}
}

var bytesOf = shape[[]byte]{func(d *decoder, n *node, at string) ([]byte, bool) {
	s, ok := base64Text.read(d, n, at)
	if !ok {
		return nil, false
	}
	value, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		d.errorf(at, "is not base64")
	}
	return value, err == nil
}, base64Text.schema}

var onlyTrue = shape[bool]{func(d *decoder, n *node, at string) (bool, bool) {
	value, ok := trueOrFalse.read(d, n, at)
	if ok && !value {
		d.errorf(at, "false should be true: there is no other value")
	}
	return value, ok && value
}, schema{"const": true}}
