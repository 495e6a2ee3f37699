package dynamodb

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const maxNesting = 32 // AWS: "Service, account, and table quotas in Amazon DynamoDB"

// UnmarshalJSON decodes attributes by name.
func (i *item) UnmarshalJSON(text []byte) error {
	var raw any
	if err := json.Unmarshal(text, &raw); err != nil || raw == nil {
		return err
	}
	fields, err := decodeItem(raw, 1)
	*i = fields
	return err
}

func decodeItem(raw any, depth int) (item, error) {
	fields, ok := raw.(map[string]any)
	if !ok {
		return nil, wire.SerializationError("Attributes are not an object.")
	}
	decoded := make(item, len(fields))
	for name, inner := range fields {
		if name == "" {
			return nil, invalidValue("Attribute names may not be empty")
		}
		v, err := decodeValue(inner, depth)
		if err != nil {
			return nil, err
		}
		decoded[name] = v
	}
	return decoded, nil
}

// decodeValue decodes a value such as {"S":"a"}.
func decodeValue(raw any, depth int) (value, error) {
	wrapped, ok := raw.(map[string]any)
	if !ok {
		return value{}, wire.SerializationError("An AttributeValue is not an object.")
	}
	if len(wrapped) > 1 {
		return value{}, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	if depth > maxNesting {
		return value{}, invalid("Nesting Levels have exceeded supported limits: Attributes have nested levels exceeding %d", maxNesting)
	}
	for kind, inner := range wrapped {
		return decodeKind(kind, inner, depth)
	}
	return value{}, emptyValue()
}

func emptyValue() error {
	return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

func decodeKind(kind string, raw any, depth int) (v value, err error) {
	v.kind = kind
	switch kind {
	case "S", "N", "B":
		v.text, err = decodeText(kind, raw)
	case "SS", "NS", "BS":
		v.set, err = decodeSet(kind, raw)
	case "BOOL", "NULL":
		v.truth, err = decodeTruth(kind, raw)
	case "L":
		v.list, err = decodeList(raw, depth+1)
	case "M":
		v.fields, err = decodeItem(raw, depth+1)
	default:
		return value{}, emptyValue()
	}
	return v, err
}

func decodeText(kind string, raw any) (string, error) {
	text, ok := raw.(string)
	if !ok {
		return "", wire.SerializationError("A value of type %s is not a string.", kind)
	}
	switch kind {
	case "N":
		d, err := parseNumber(text)
		if err != nil { // its text might be very long
			return "", err
		}
		return d.String(), nil
	case "B":
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", wire.SerializationError("A value of type B is not base64: %v.", err)
		}
		return string(decoded), nil
	}
	return text, nil
}

func decodeTruth(kind string, raw any) (bool, error) {
	truth, ok := raw.(bool)
	if !ok {
		return false, wire.SerializationError("A value of type %s is neither true nor false.", kind)
	}
	if kind == "NULL" && !truth {
		return false, invalidValue("Null attribute value types must have the value of true")
	}
	return truth, nil
}

func decodeList(raw any, depth int) ([]value, error) {
	elements, ok := raw.([]any)
	if !ok {
		return nil, wire.SerializationError("A value of type L is not a list.")
	}
	list := make([]value, len(elements))
	for i, element := range elements {
		var err error
		if list[i], err = decodeValue(element, depth); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// setNames are AWS's words for the kinds of sets.
var setNames = map[string]string{"SS": "string", "NS": "number", "BS": "binary"}

func decodeSet(kind string, raw any) ([]string, error) {
	members, ok := raw.([]any)
	if !ok {
		return nil, wire.SerializationError("A value of type %s is not a list.", kind)
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
