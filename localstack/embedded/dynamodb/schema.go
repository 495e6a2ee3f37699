package dynamodb

import (
	"cmp"
	"strconv"
)

// The limits of items (AWS: "Service, account, and table quotas in Amazon DynamoDB"), in bytes.
const (
	maxItem     = 400 << 10
	maxHashKey  = 2048
	maxRangeKey = 1024
)

type keyElement struct {
	AttributeName string
	KeyType       string // HASH or RANGE
}

type attributeDefinition struct {
	AttributeName string
	AttributeType string // S, N or B
}

// A schema describes the keys of a table.
type schema struct {
	keys       []keyElement // the HASH key, and the RANGE key if there is one
	attributes []attributeDefinition
}

// newSchema checks the keys of a new table.
func newSchema(keys []keyElement, attributes []attributeDefinition) (schema, error) {
	s := schema{keys, attributes}
	switch {
	case len(keys) == 0:
		return s, constraint("[]", "keySchema", "have length greater than or equal to 1")
	case len(keys) > 2:
		return s, constraint(keys, "keySchema", "have length less than or equal to 2")
	case keys[0].KeyType != "HASH":
		return s, invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case len(keys) == 2 && keys[1].KeyType != "RANGE":
		return s, invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	case len(keys) == 2 && keys[0].AttributeName == keys[1].AttributeName:
		return s, invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case len(attributes) != len(keys):
		return s, invalidValue("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	for _, k := range keys {
		switch kind := s.kindOf(k.AttributeName); kind {
		case "S", "N", "B":
		case "":
			return s, invalidValue("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s]", k.AttributeName)
		default:
			return s, constraint(kind, "attributeDefinitions.1.member.attributeType", "satisfy enum value set: [B, N, S]")
		}
	}
	return s, nil
}

func (s schema) kindOf(name string) string {
	for _, a := range s.attributes {
		if a.AttributeName == name {
			return a.AttributeType
		}
	}
	return ""
}

func (s schema) isKey(name string) bool {
	for _, k := range s.keys {
		if k.AttributeName == name {
			return true
		}
	}
	return false
}

// keysOf returns the key attributes of an item.
func (s schema) keysOf(i item) item {
	keys := make(item, len(s.keys))
	for _, k := range s.keys {
		keys[k.AttributeName] = i[k.AttributeName]
	}
	return keys
}

// path returns the key of an item as a string that no other key has.
func (s schema) path(i item) string {
	hash := i[s.keys[0].AttributeName].text
	path := strconv.Itoa(len(hash)) + ":" + hash
	if len(s.keys) == 2 {
		path += i[s.keys[1].AttributeName].text
	}
	return path
}

// compare orders items by their keys.
func (s schema) compare(i, j item) int {
	order := 0
	for _, k := range s.keys {
		order = cmp.Or(order, i[k.AttributeName].compare(j[k.AttributeName]))
	}
	return order
}

// checkItem checks an item before it is stored.
func (s schema) checkItem(i item) error {
	for _, k := range s.keys {
		v, there := i[k.AttributeName]
		switch want := s.kindOf(k.AttributeName); {
		case !there:
			return invalidValue("Missing the key %s in the item", k.AttributeName)
		case v.kind != want:
			return invalidValue("Type mismatch for key %s expected: %s actual: %s", k.AttributeName, want, v.kind)
		}
	}
	if err := s.checkSizes(i); err != nil {
		return err
	}
	if i.size() > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// checkKey checks a key without other attributes.
func (s schema) checkKey(i item) error {
	if len(i) != len(s.keys) {
		return invalid("The provided key element does not match the schema")
	}
	for _, k := range s.keys {
		if i[k.AttributeName].kind != s.kindOf(k.AttributeName) {
			return invalid("The provided key element does not match the schema")
		}
	}
	return s.checkSizes(i)
}

func (s schema) checkSizes(i item) error {
	for _, k := range s.keys {
		v := i[k.AttributeName]
		switch {
		case v.kind == "S" && v.text == "":
			return emptyKey("string", k.AttributeName)
		case v.kind == "B" && v.text == "":
			return emptyKey("binary", k.AttributeName)
		case k.KeyType == "HASH" && v.size() > maxHashKey:
			return invalidValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxHashKey)
		case k.KeyType == "RANGE" && v.size() > maxRangeKey:
			return invalidValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxRangeKey)
		}
	}
	return nil
}

func emptyKey(kind, name string) error {
	return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", kind, name)
}
