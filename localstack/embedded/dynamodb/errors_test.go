package dynamodb

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	c := newClient(t)
	arn := c.create("carts", "pk S", "sk N")
	c.create("blobs", "pk B")
	const table, key, one = `"TableName":"carts"`, `"pk":{"S":"a"},"sk":{"N":"1"}`, `"BillingMode":"PAY_PER_REQUEST",`
	const keys = `"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]`
	const blob = `{"PutRequest":{"Item":{"pk":{"B":"eA=="}}}}`
	for _, test := range []struct{ name, operation, body, typ, text string }{
		{"no such table", "GetItem", `{"TableName":"none","Key":{}}`, "v20120810#ResourceNotFoundException", "Requested resource not found"},
		{"no such table to describe", "DescribeTable", `{"TableName":"none"}`, "v20120810#ResourceNotFoundException", "Requested resource not found: Table: none not found"},
		{"no table", "PutItem", `{"Item":{}}`, "validate#ValidationException", "Value 'null' at 'tableName' failed to satisfy constraint: Member must not be null"},
		{"table exists", "CreateTable", `{` + table + `,` + one + keys + `}`, "v20120810#ResourceInUseException", "Table already exists: carts"},
		{"short name", "CreateTable", `{"TableName":"ab",` + one + keys + `}`, "ValidationException", "Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"},
		{"characters of a name", "CreateTable", `{"TableName":"a b c",` + one + keys + `}`, "ValidationException", "regular expression pattern: [a-zA-Z0-9_.-]+"},
		{"no throughput", "CreateTable", `{"TableName":"abc",` + keys + `}`, "ValidationException", "ReadCapacityUnits and WriteCapacityUnits must both be specified"},
		{"range key alone", "CreateTable", `{"TableName":"abc",` + one + strings.Replace(keys, "HASH", "RANGE", 1) + `}`, "ValidationException", "The first KeySchemaElement is not a HASH key type"},
		{"key type", "CreateTable", `{"TableName":"abc",` + one + strings.Replace(keys, `"S"`, `"SS"`, 1) + `}`, "ValidationException", "enum value set: [B, N, S]"},
		{"undefined key", "CreateTable", `{"TableName":"abc",` + one + strings.Replace(keys, `"pk"`, `"other"`, 1) + `}`, "ValidationException", "Keys: [other]"},
		{"index", "CreateTable", `{"TableName":"abc",` + one + keys + `,"GlobalSecondaryIndexes":[{}]}`, "ValidationException", "GlobalSecondaryIndexes is not supported by the embedded DynamoDB."},
		{"view", "CreateTable", `{"TableName":"abc",` + one + keys + `,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"ALL"}}`, "ValidationException", "'streamSpecification.streamViewType'"},
		{"no view", "UpdateTable", `{` + table + `,"StreamSpecification":{"StreamEnabled":true}}`, "ValidationException", "StreamViewType must be specified"},
		{"the same key", "CreateTable", `{"TableName":"abc",` + one + `"KeySchema":[{"AttributeName":"a","KeyType":"HASH"},{"AttributeName":"a","KeyType":"RANGE"}]}`, "ValidationException", "have the same name"},
		{"mode without throughput", "UpdateTable", `{` + table + `,"BillingMode":"PROVISIONED"}`, "ValidationException", "ReadCapacityUnits"},

		{"missing key", "PutItem", `{` + table + `,"Item":{"pk":{"S":"a"}}}`, "ValidationException", "One or more parameter values were invalid: Missing the key sk in the item"},
		{"key of another type", "PutItem", `{` + table + `,"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}`, "ValidationException", "Type mismatch for key sk expected: N actual: S"},
		{"empty key", "PutItem", `{` + table + `,"Item":{"pk":{"S":""},"sk":{"N":"1"}}}`, "ValidationException", "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"},
		{"long key", "PutItem", `{` + table + `,"Item":{"pk":{"S":"` + strings.Repeat("a", 2049) + `"},"sk":{"N":"1"}}}`, "ValidationException", "Size of hashkey has exceeded the maximum size limit of2048 bytes"},
		{"large item", "PutItem", `{` + table + `,"Item":{` + key + `,"x":{"S":"` + strings.Repeat("a", maxItem) + `"}}}`, "ValidationException", "Item size has exceeded the maximum allowed size"},
		{"large update", "UpdateItem", `{` + table + `,"Key":{` + key + `},"UpdateExpression":"SET x = :x","ExpressionAttributeValues":{":x":{"S":"` + strings.Repeat("a", maxItem) + `"}}}`, "ValidationException", "Item size to update has exceeded the maximum allowed size"},
		{"more than a key", "DeleteItem", `{` + table + `,"Key":{` + key + `,"x":{"S":"a"}}}`, "ValidationException", "The provided key element does not match the schema"},
		{"update of a key", "UpdateItem", `{` + table + `,"Key":{` + key + `},"UpdateExpression":"REMOVE sk"}`, "ValidationException", "Cannot update attribute sk. This attribute is part of the key"},
		{"unused value", "PutItem", `{` + table + `,"Item":{` + key + `},"ExpressionAttributeValues":{":v":{"N":"1"}}}`, "ValidationException", "unused in expressions: keys: {:v}"},
		{"old member", "PutItem", `{` + table + `,"Item":{` + key + `},"Expected":{}}`, "ValidationException", "Expected is not supported by the embedded DynamoDB."},
		{"what returns", "UpdateItem", `{` + table + `,"Key":{` + key + `},"ReturnValues":"ALL"}`, "ValidationException", "'returnValues'"},
		{"what a put returns", "PutItem", `{` + table + `,"Item":{` + key + `},"ReturnValues":"ALL_NEW"}`, "ValidationException", "ReturnValues can only be ALL_OLD or NONE"},

		{"filter", "Scan", `{` + table + `,"FilterExpression":"a = :a"}`, "ValidationException", "Invalid FilterExpression: An expression attribute value used in expression is not defined; attribute value: :a"},
		{"unused filter", "Scan", `{` + table + `,"ExpressionAttributeNames":{"#a":"a"}}`, "ValidationException", "unused in expressions: keys: {#a}"},
		{"projection", "GetItem", `{` + table + `,"Key":{` + key + `},"ProjectionExpression":"a,"}`, "ValidationException", "Invalid ProjectionExpression: Syntax error"},
		{"no condition", "Query", `{` + table + `}`, "ValidationException", "KeyConditionExpression parameter must be specified"},
		{"no hash key", "Query", `{` + table + `,"KeyConditionExpression":"sk = :s","ExpressionAttributeValues":{":s":{"N":"1"}}}`, "ValidationException", "Query condition missed key schema element: pk"},
		{"type of a key", "Query", `{` + table + `,"KeyConditionExpression":"pk = :s","ExpressionAttributeValues":{":s":{"N":"1"}}}`, "ValidationException", "Condition parameter type does not match schema type"},
		{"start", "Scan", `{` + table + `,"ExclusiveStartKey":{"x":{"S":"1"}}}`, "ValidationException", "The provided starting key is invalid"},
		{"empty batch", "BatchWriteItem", `{"RequestItems":{}}`, "ValidationException", "'requestItems'"},
		{"item twice in a batch", "BatchWriteItem", `{"RequestItems":{"blobs":[` + blob + `,` + blob + `]}}`, "ValidationException", "contains duplicates"},
		{"26 writes", "BatchWriteItem", `{"RequestItems":{"blobs":[` + strings.Repeat(blob+`,`, 25) + blob + `]}}`, "ValidationException", "Too many items"},
		{"empty write", "BatchWriteItem", `{"RequestItems":{"carts":[{}]}}`, "ValidationException", "exactly one of PutRequest and DeleteRequest"},
		{"empty transaction", "TransactWriteItems", `{"TransactItems":[]}`, "ValidationException", "'transactItems'"},
		{"expiry is off", "UpdateTimeToLive", `{` + table + `,"TimeToLiveSpecification":{"AttributeName":"x","Enabled":false}}`, "ValidationException", "TimeToLive is already disabled"},

		{"expiry without a name", "UpdateTimeToLive", `{` + table + `,"TimeToLiveSpecification":{"Enabled":true}}`, "ValidationException", "attributeName"},
		{"twice in a transaction", "TransactWriteItems", `{"TransactItems":[{"Delete":{` + table + `,"Key":{` + key + `}}},{"Delete":{` + table + `,"Key":{` + key + `}}}]}`, "ValidationException", "multiple operations on one item"},
		{"count and more", "Scan", `{` + table + `,"Select":"SPECIFIC_ATTRIBUTES"}`, "ValidationException", "SPECIFIC_ATTRIBUTES requires a ProjectionExpression"},
		{"no key at all", "Query", `{` + table + `,"KeyConditionExpression":"pk = :s AND x = :s","ExpressionAttributeValues":{":s":{"S":"1"}}}`, "ValidationException", "Query key condition not supported"},

		{"unsupported", "TransactGetItems", `{}`, "service#UnknownOperationException", "TransactGetItems is not supported by the embedded DynamoDB."},

		{"no such stream", "DescribeStream", `{"StreamArn":"` + arn + `x"}`, "v20120810#ResourceNotFoundException", "Requested resource not found: Stream: " + arn + "x not found"},
		{"no such shard", "GetShardIterator", `{"StreamArn":"` + arn + `","ShardId":"s","ShardIteratorType":"LATEST"}`, "ResourceNotFoundException", "Shard: s in Stream: " + arn + " not found"},
		{"shard filter", "DescribeStream", `{"StreamArn":"` + arn + `","ShardFilter":{"Type":"X"}}`, "ValidationException", "'shardFilter.type'"},
		{"iterator type", "GetShardIterator", `{"StreamArn":"` + arn + `","ShardId":"` + *c.shards(arn)[0].ShardId + `","ShardIteratorType":"AT_TIMESTAMP"}`, "ValidationException", "'shardIteratorType'"},
		{"no number", "GetShardIterator", `{"StreamArn":"` + arn + `","ShardId":"` + *c.shards(arn)[0].ShardId + `","ShardIteratorType":"AT_SEQUENCE_NUMBER"}`, "ValidationException", "SequenceNumber is required"},
		{"a number too many", "GetShardIterator", `{"StreamArn":"` + arn + `","ShardId":"` + *c.shards(arn)[0].ShardId + `","ShardIteratorType":"LATEST","SequenceNumber":"1"}`, "ValidationException", "must not be given"},
		{"no records", "GetRecords", `{"ShardIterator":"x","Limit":0}`, "ValidationException", "greater than or equal to 1"},
	} {
		status, answer := c.server.post(targetOf(test.operation), test.body)
		var got struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if status != 400 || !strings.HasSuffix(got.Type, test.typ) || !strings.Contains(got.Message, test.text) {
			t.Errorf("%s: got %d %s %q, want %s %q", test.name, status, got.Type, got.Message, test.typ, test.text)
		}
	}
}
