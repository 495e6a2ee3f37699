package dynamodb

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// An item is attributes by their names. It does not change once it is stored: a write stores another one.
type item map[string]value

// A value of an attribute. Its form is canonical, so that values mean the same if they are the same.
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

// compare orders two keys of the same kind as a query does.
func (v value) compare(w value) int {
	if v.kind == "N" {
		return v.number().compare(w.number())
	}
	return cmp.Compare(v.text, w.text)
}

// number is the decimal of a value whose kind is N.
func (v value) number() decimal {
	d, _ := scanNumber(v.text)
	return d
}

// numeral is the value that a decimal has in an item.
func numeral(d decimal) (value, error) {
	return value{kind: "N", text: d.String()}, d.check()
}

// size is what an item takes of its 400 KB (AWS: "Item sizes and formats").
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

// MarshalJSON is the value within its kind: {"S":"a"}.
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
