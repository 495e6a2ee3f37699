package ddbstreams

import (
	"encoding/base64"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/sources/internal/quote"
)

// appendItem appends attributes sorted by name, so that equal items have equal texts.
func appendItem(b []byte, item map[string]types.AttributeValue) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(item)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(quote.AppendString(b, name), ':')
		b = appendValue(b, item[name])
	}
	return append(b, '}')
}

// appendValue appends an attribute's value with its type. Binary values are base64. An unknown type is null.
func appendValue(b []byte, value types.AttributeValue) []byte {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		b = quote.AppendString(append(b, `{"S":`...), v.Value)
	case *types.AttributeValueMemberN:
		b = quote.AppendString(append(b, `{"N":`...), v.Value)
	case *types.AttributeValueMemberB:
		b = appendBinary(append(b, `{"B":`...), v.Value)
	case *types.AttributeValueMemberSS:
		b = appendList(append(b, `{"SS":`...), v.Value, quote.AppendString[string])
	case *types.AttributeValueMemberNS:
		b = appendList(append(b, `{"NS":`...), v.Value, quote.AppendString[string])
	case *types.AttributeValueMemberBS:
		b = appendList(append(b, `{"BS":`...), v.Value, appendBinary)
	case *types.AttributeValueMemberM:
		b = appendItem(append(b, `{"M":`...), v.Value)
	case *types.AttributeValueMemberL:
		b = appendList(append(b, `{"L":`...), v.Value, appendValue)
	case *types.AttributeValueMemberBOOL:
		b = appendBool(append(b, `{"BOOL":`...), v.Value)
	case *types.AttributeValueMemberNULL:
		b = appendBool(append(b, `{"NULL":`...), v.Value)
	default:
		return append(b, "null"...)
	}
	return append(b, '}')
}

func appendList[T any](b []byte, values []T, add func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = add(b, v)
	}
	return append(b, ']')
}

func appendBinary(b, value []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), value), '"')
}

func appendBool(b []byte, value bool) []byte {
	if value {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}
