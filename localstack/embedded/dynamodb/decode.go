package dynamodb

import (
	"encoding/json"
	"slices"
	"strings"
)

const maxNesting = 32 // AWS: "Service, account, and table quotas in Amazon DynamoDB"

// UnmarshalJSON decodes attributes by name.
func (i *item) UnmarshalJSON(text []byte) error {
	var fields map[string]value
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	if _, unnamed := fields[""]; unnamed {
		return invalidValue("Attribute names may not be empty")
	}
	if item(fields).depth() > maxNesting {
		return invalid("Nesting Levels have exceeded supported limits: Attributes have nested levels exceeding %d", maxNesting)
	}
	*i = fields
	return nil
}

// depth returns the levels of nesting of an item's values.
func (i item) depth() (levels int) {
	for _, v := range i {
		levels = max(levels, v.depth())
	}
	return levels
}

func (v value) depth() int {
	levels := v.fields.depth()
	for _, element := range v.list {
		levels = max(levels, element.depth())
	}
	return 1 + levels
}

// UnmarshalJSON decodes a value such as {"S":"a"}.
func (v *value) UnmarshalJSON(text []byte) error {
	var wrapped map[string]json.RawMessage
	if err := json.Unmarshal(text, &wrapped); err != nil {
		return err
	}
	if len(wrapped) > 1 {
		return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	for kind, raw := range wrapped {
		return v.decode(kind, raw)
	}
	return emptyValue()
}

func emptyValue() error {
	return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

func (v *value) decode(kind string, raw []byte) (err error) {
	if v.kind = kind; string(raw) == "null" {
		return emptyValue()
	}
	switch kind {
	case "S", "N", "B":
		v.text, err = decodeText(kind, raw)
	case "SS", "NS", "BS":
		v.set, err = decodeSet(kind, raw)
	case "BOOL", "NULL":
		err = json.Unmarshal(raw, &v.truth)
	case "L":
		err = json.Unmarshal(raw, &v.list)
	case "M":
		err = json.Unmarshal(raw, &v.fields)
	default:
		return emptyValue()
	}
	if err == nil && kind == "NULL" && !v.truth {
		return invalidValue("Null attribute value types must have the value of true")
	}
	return err
}

func decodeText(kind string, raw []byte) (text string, err error) {
	if kind == "B" {
		var decoded []byte
		err = json.Unmarshal(raw, &decoded)
		return string(decoded), err
	}
	if err = json.Unmarshal(raw, &text); err != nil || kind == "S" {
		return text, err
	}
	d, err := parseNumber(text)
	if err != nil { // its text might be very long
		return "", err
	}
	return d.String(), nil
}

// setNames are AWS's words for the kinds of sets.
var setNames = map[string]string{"SS": "string", "NS": "number", "BS": "binary"}

func decodeSet(kind string, raw []byte) ([]string, error) {
	var members []json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, invalidValue("An %s set  may not be empty", setNames[kind])
	}
	set := make([]string, len(members))
	for i, member := range members {
		var err error
		if set[i], err = decodeText(kind[:1], member); err != nil {
			return nil, err
		}
	}
	given := strings.Join(set, ", ")
	slices.Sort(set)
	if len(slices.Compact(slices.Clone(set))) < len(set) {
		return nil, invalidValue("Input collection [%s] contains duplicates.", given)
	}
	return set, nil
}
