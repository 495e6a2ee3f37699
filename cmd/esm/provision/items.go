package provision

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// sdkItem converts an item for the SDK.
func sdkItem(item configfile.Item) map[string]types.AttributeValue {
	attributes := make(map[string]types.AttributeValue, len(item))
	for name, value := range item {
		attributes[name] = sdkValue(value)
	}
	return attributes
}

// sdkValue converts a value for the SDK: the one type that is given.
func sdkValue(v configfile.AttributeValue) types.AttributeValue {
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: v.B}
	case v.SS != nil:
		return &types.AttributeValueMemberSS{Value: v.SS}
	case v.NS != nil:
		return &types.AttributeValueMemberNS{Value: v.NS}
	case v.BS != nil:
		return &types.AttributeValueMemberBS{Value: v.BS}
	case v.M != nil:
		return &types.AttributeValueMemberM{Value: sdkItem(v.M)}
	case v.L != nil:
		list := make([]types.AttributeValue, len(v.L))
		for i, element := range v.L {
			list[i] = sdkValue(element)
		}
		return &types.AttributeValueMemberL{Value: list}
	case v.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *v.BOOL}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}
