package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const maxAttributes = 10 // AWS: "Amazon SQS message metadata"

// An attributeValue is a MessageAttributeValue as a producer sends it. SQS has no list values.
type attributeValue struct {
	DataType    string
	StringValue *string
	BinaryValue []byte
}

// An attribute is a message attribute that was checked.
type attribute struct {
	name, dataType string
	binary         bool
	value          string // the text, or the bytes of a binary one
}

// readAttributes checks a producer's attributes (AWS: "Amazon SQS message metadata") and sorts them by name.
func readAttributes(sent map[string]attributeValue) ([]attribute, error) {
	if len(sent) > maxAttributes {
		return nil, invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(sent), maxAttributes)
	}
	if len(sent) == 0 {
		return nil, nil
	}
	var attributes []attribute
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if err := checkAttributeName(name); err != nil {
			return nil, err
		}
		a, err := readAttribute(name, sent[name])
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 256:
		return invalidParameter("Message (user) attribute names must be shorter than 256 Bytes")
	case strings.ContainsFunc(name, func(r rune) bool { return isNoWordRune(r) && r != '.' }):
		return invalidParameter("Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores. ")
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") ||
		strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return invalidParameter("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. Additionally, they cannot start or end with '.'.")
	}
	return nil
}

func readAttribute(name string, v attributeValue) (attribute, error) {
	kind, _, _ := strings.Cut(v.DataType, ".")
	a := attribute{name: name, dataType: v.DataType, binary: kind == "Binary"}
	switch {
	case v.DataType == "":
		return a, invalidParameter("Missing required parameter DataType")
	case len(v.DataType) > 256:
		return a, invalidParameter("Message (user) attribute types must be shorter than 256 Bytes")
	case kind != "String" && kind != "Number" && kind != "Binary":
		return a, invalidParameter("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	case a.binary && len(v.BinaryValue) == 0, !a.binary && (v.StringValue == nil || *v.StringValue == ""):
		return a, invalidParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	case a.binary:
		a.value = string(v.BinaryValue)
		return a, nil
	}
	a.value = *v.StringValue
	if _, err := strconv.ParseFloat(a.value, 64); err != nil && kind == "Number" && !errors.Is(err, strconv.ErrRange) {
		return a, invalidParameter("Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	if !allowed(a.value) {
		return a, invalidParameter("%s", invalidCharacters)
	}
	return a, nil
}

// readTrace returns AWSTraceHeader, the only system attribute that a producer may send.
func readTrace(sent map[string]attributeValue) (string, error) {
	for name, v := range sent {
		switch {
		case name != "AWSTraceHeader":
			return "", invalidParameter("Message system attribute name '%s' is invalid.", name)
		case v.DataType != "String" || v.StringValue == nil || *v.StringValue == "":
			return "", invalidParameter("Message system attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.")
		}
		return *v.StringValue, nil
	}
	return "", nil
}

// attributesMD5 returns the digest of attributes that are sorted by name (AWS: "Calculating the MD5 message digest for
// message attributes"), or "" if there are none.
func attributesMD5(attributes []attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	sum := md5.New()
	for _, a := range attributes {
		digest(sum, a.name)
		digest(sum, a.dataType)
		kind := byte(1)
		if a.binary {
			kind = 2
		}
		sum.Write([]byte{kind})
		digest(sum, a.value)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func digest(sum hash.Hash, text string) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(text)))
	sum.Write(length[:])
	sum.Write([]byte(text))
}

// traceMD5 returns the digest of a message's system attributes.
func traceMD5(trace string) string {
	if trace == "" {
		return ""
	}
	return attributesMD5([]attribute{{name: "AWSTraceHeader", dataType: "String", value: trace}})
}

// An attributeFilter selects message attributes by the MessageAttributeNames of a receive.
type attributeFilter struct {
	all      bool
	names    []string
	prefixes []string
}

func newAttributeFilter(names []string) attributeFilter {
	var f attributeFilter
	for _, name := range names {
		prefix, isPrefix := strings.CutSuffix(name, ".*")
		switch {
		case name == "All" || name == "*" || isPrefix && prefix == "":
			f.all = true
		case isPrefix:
			f.prefixes = append(f.prefixes, prefix)
		default:
			f.names = append(f.names, name)
		}
	}
	return f
}

// pick returns the selected attributes of c, and their digest.
func (f attributeFilter) pick(c *content) ([]attribute, string) {
	if f.all || len(c.attributes) == 0 {
		return c.attributes, c.attrMD5
	}
	var picked []attribute
	for _, a := range c.attributes {
		if f.selects(a.name) {
			picked = append(picked, a)
		}
	}
	return picked, attributesMD5(picked)
}

func (f attributeFilter) selects(name string) bool {
	return slices.Contains(f.names, name) ||
		slices.ContainsFunc(f.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
