package dynamodb

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// An item holds attributes by name. It does not change once it is stored: a write stores another one.
type item map[string]value

// A value is an attribute's value in canonical form: values that mean the same are equal.
type value struct {
	kind   string   // "S", "N", and so on
	text   string   // of S and N; the bytes of B
	truth  bool     // of BOOL
	set    []string // of SS, NS and BS, sorted
	list   []value  // of L
	fields item     // of M
}

func (v value) equal(w value) bool {
	return v.kind == w.kind && v.text == w.text && v.truth == w.truth && slices.Equal(v.set, w.set) &&
		slices.EqualFunc(v.list, w.list, value.equal) && v.fields.equal(w.fields)
}

func (i item) equal(j item) bool { return maps.EqualFunc(i, j, value.equal) }

// compare compares two keys of the same kind in the order of a query.
func (v value) compare(w value) int {
	if v.kind == "N" {
		return v.number().compare(w.number())
	}
	return cmp.Compare(v.text, w.text)
}

// number returns the decimal of a value of kind N.
func (v value) number() decimal {
	d, _ := scanNumber(v.text)
	return d
}

// numeral returns the value of a decimal, which may be out of range.
func numeral(d decimal) (value, error) {
	return value{kind: "N", text: d.String()}, d.check()
}

// size returns the size of an item in bytes (AWS: "Item sizes and formats").
func (i item) size() (n int) {
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v value) size() (n int) {
	switch v.kind {
	case "S", "B":
		return len(v.text)
	case "N":
		return v.number().size()
	case "BOOL", "NULL":
		return 1
	case "NS":
		for _, text := range v.set {
			n += value{kind: "N", text: text}.size()
		}
		return n
	case "SS", "BS":
		for _, text := range v.set {
			n += len(text)
		}
		return n
	}
	n = 3 + len(v.list) + len(v.fields) + v.fields.size()
	for _, element := range v.list {
		n += element.size()
	}
	return n
}

// MarshalJSON encodes a value such as {"S":"a"}.
func (v value) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]any{v.kind: v.shown()})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (v value) shown() any {
	switch v.kind {
	case "S", "N":
		return v.text
	case "B":
		return []byte(v.text)
	case "BOOL":
		return v.truth
	case "NULL":
		return true
	case "SS", "NS":
		return v.set
	case "BS":
		encoded := make([]string, len(v.set))
		for i, text := range v.set {
			encoded[i] = base64.StdEncoding.EncodeToString([]byte(text))
		}
		return encoded
	case "L":
		return append([]value{}, v.list...)
	}
	return v.fields
}
