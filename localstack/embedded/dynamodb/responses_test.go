package dynamodb

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func targetOf(operation string) string {
	if _, streams := streamsAPI.Operations[operation]; streams {
		return streamsAPI.Target + operation
	}
	return tablesAPI.Target + operation
}

// TestResponses performs requests in order and compares the responses, with unique IDs replaced by *.
func TestResponses(t *testing.T) {
	const carts, key = `"TableName":"carts"`, `"Key":{"pk":{"S":"a"},"sk":{"N":"1"}}`
	item := func(key string, sk any, more string) string {
		return fmt.Sprintf(`{%s"pk":{"S":"%s"},"sk":{"N":"%v"}}`, more, key, sk)
	}
	a := func(n string) string { return item("a", 1, `"n":{"N":"`+n+`"},`) }
	increment := carts + `,` + key + `,"UpdateExpression":"SET #n = #n + :one","ExpressionAttributeNames":{"#n":"n"},"ExpressionAttributeValues":{":one":{"N":"1"}}`
	put := func(sk int) string { return `{"PutRequest":{"Item":` + item("b", sk, "") + `}}` }
	query := `{` + carts + `,"KeyConditionExpression":"pk = :pk","ExpressionAttributeValues":{":pk":{"S":"b"}}`
	transaction := `{"TransactItems":[{"Put":{` + carts + `,"Item":` + item("c", 1, "") + `}},` +
		`{"Delete":{` + carts + `,` + key + `,"ConditionExpression":"attribute_exists(n)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}},` +
		`{"Update":{` + carts + `,"Key":` + item("c", 2, "") + `,"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"2"}}}},` +
		`{"ConditionCheck":{` + carts + `,"Key":` + item("c", 3, "") + `,"ConditionExpression":"attribute_not_exists(pk)"}}]}`
	const tables, label = "arn:aws:dynamodb:eu-west-1:111122223333:table/", "2000-01-01T00:00:00.000"
	stream := func(table string) string {
		return `{"StreamArn":"` + tables + table + `/stream/` + label + `","StreamLabel":"` + label + `","TableName":"` + table + `"}`
	}
	unique := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		c.create("carts", "pk S", "sk N")
		for _, test := range []struct{ operation, request, want string }{
			{"PutItem", `{` + carts + `,"Item":` + a("1") + `,"ReturnValues":"ALL_OLD"}`, `{}`},
			{"UpdateItem", `{` + increment + `,"ReturnValues":"ALL_NEW"}`, `{"Attributes":` + a("2") + `}`},
			{"UpdateItem", `{` + increment + `,"ReturnValues":"ALL_OLD"}`, `{"Attributes":` + a("2") + `}`},
			{"PutItem", `{` + carts + `,"Item":` + a("1.0") + `,"ReturnValues":"ALL_OLD"}`, `{"Attributes":` + a("3") + `}`},
			{"GetItem", `{` + carts + `,` + key + `}`, `{"Item":` + a("1") + `}`},
			{"PutItem", `{` + carts + `,"Item":` + a("4") + `,"ConditionExpression":"attribute_not_exists(pk)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
				`{"Item":` + a("1") + `,"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`},
			{"DeleteItem", `{` + carts + `,` + key + `,"ReturnValues":"ALL_OLD"}`, `{"Attributes":` + a("1") + `}`},
			{"GetItem", `{` + carts + `,` + key + `}`, `{}`},
			{"UpdateItem", `{` + carts + `,` + key + `}`, `{}`}, // makes an item of the key
			{"GetItem", `{` + carts + `,` + key + `}`, `{"Item":` + item("a", 1, "") + `}`},
			{"TransactWriteItems", transaction, `{"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":` + item("a", 1, "") + `,"Message":"The conditional request failed"},{"Code":"None"},{"Code":"None"}],` +
				`"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, None, None]"}`},
			{"TransactWriteItems", strings.Replace(transaction, "attribute_exists(n)", "attribute_exists(pk)", 1), `{}`},
			{"Scan", `{` + carts + `}`, `{"Items":[` + item("c", 1, "") + `,` + item("c", 2, `"n":{"N":"2"},`) + `],"Count":2,"ScannedCount":2}`},
			{"BatchWriteItem", `{"RequestItems":{"carts":[` + put(10) + `,` + put(9) + `,` + put(-1) + `,` + put(100) + `,{"DeleteRequest":{"Key":` + item("c", 1, "") + `}}]}}`, `{"UnprocessedItems":{}}`},
			{"Query", query + `,"Limit":2}`, `{"Items":[` + item("b", -1, "") + `,` + item("b", 9, "") + `],"Count":2,"ScannedCount":2,"LastEvaluatedKey":` + item("b", 9, "") + `}`},
			{"DeleteItem", `{` + carts + `,"Key":` + item("b", 9, "") + `}`, `{}`}, // a page continues behind the last key even if it is gone
			{"Query", query + `,"Limit":3,"ExclusiveStartKey":` + item("b", 9, "") + `}`, `{"Items":[` + item("b", 10, "") + `,` + item("b", 100, "") + `],"Count":2,"ScannedCount":2}`},
			{"Query", query + `,"Limit":1,"ScanIndexForward":false}`, `{"Items":[` + item("b", 100, "") + `],"Count":1,"ScannedCount":1,"LastEvaluatedKey":` + item("b", 100, "") + `}`},
			{"Query", `{` + carts + `,"KeyConditionExpression":"#sk = :sk AND pk = :pk","ExpressionAttributeNames":{"#sk":"sk"},"ExpressionAttributeValues":{":pk":{"S":"b"},":sk":{"N":"10.0"}}}`, `{"Items":[` + item("b", 10, "") + `],"Count":1,"ScannedCount":1}`},
			{"Query", `{` + carts + `,"KeyConditionExpression":"pk = :pk AND sk BETWEEN :from AND :to","ExpressionAttributeValues":{":pk":{"S":"b"},":from":{"N":"0"},":to":{"N":"10"}}}`, `{"Items":[` + item("b", 10, "") + `],"Count":1,"ScannedCount":1}`},
			{"Scan", `{` + carts + `,"FilterExpression":"attribute_exists(n) OR sk = :sk","ExpressionAttributeValues":{":sk":{"N":"9"}},"ProjectionExpression":"n, #pk","ExpressionAttributeNames":{"#pk":"pk"}}`, `{"Items":[{"n":{"N":"2"},"pk":{"S":"c"}}],"Count":1,"ScannedCount":4}`},
			{"Scan", `{` + carts + `,"FilterExpression":"attribute_exists(n)","Limit":3}`, `{"Items":[],"Count":0,"ScannedCount":3,"LastEvaluatedKey":` + item("b", 100, "") + `}`},
			{"GetItem", `{` + carts + `,"Key":` + item("c", 2, "") + `,"ProjectionExpression":"n, none"}`, `{"Item":{"n":{"N":"2"}}}`},
			{"UpdateItem", `{` + carts + `,"Key":` + item("c", 2, "") + `,"UpdateExpression":"ADD n :v REMOVE o","ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":"UPDATED_NEW"}`, `{"Attributes":{"n":{"N":"3"}}}`},
			{"UpdateItem", `{` + carts + `,"Key":` + item("c", 2, "") + `,"UpdateExpression":"SET n = n - :v","ConditionExpression":"n > :v","ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":"UPDATED_OLD"}`, `{"Attributes":{"n":{"N":"3"}}}`},
			{"Scan", `{` + carts + `,"Limit":3,"Select":"COUNT"}`, `{"Count":3,"ScannedCount":3,"LastEvaluatedKey":` + item("b", 100, "") + `}`},
			{"CreateTable", `{"TableName":"other","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"B"}],"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":3},"TableClass":"STANDARD","DeletionProtectionEnabled":true,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}}`,
				`{"TableDescription":{"TableName":"other","TableArn":"` + tables + `other","TableId":"*","TableStatus":"ACTIVE","CreationDateTime":946684800,"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"B"}],"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":3,"NumberOfDecreasesToday":0},` +
					`"TableClassSummary":{"TableClass":"STANDARD"},"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"},"LatestStreamArn":"` + tables + `other/stream/` + label + `","LatestStreamLabel":"` + label + `","ItemCount":0,"TableSizeBytes":0,"DeletionProtectionEnabled":true}}`},
			{"ListStreams", `{"Limit":1}`, `{"Streams":[` + stream("carts") + `],"LastEvaluatedStreamArn":"` + tables + `carts/stream/` + label + `"}`},
			{"ListStreams", `{"ExclusiveStartStreamArn":"` + tables + `carts/stream/` + label + `"}`, `{"Streams":[` + stream("other") + `]}`},
			{"ListStreams", `{"TableName":"other"}`, `{"Streams":[` + stream("other") + `]}`},
			{"ListTables", `{"Limit":1}`, `{"TableNames":["carts"],"LastEvaluatedTableName":"carts"}`},
			{"ListTables", `{"ExclusiveStartTableName":"carts"}`, `{"TableNames":["other"]}`},
			{"DeleteTable", `{"TableName":"other"}`, `{"__type":"com.amazon.coral.validate#ValidationException","message":"Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."}`},
			{"DescribeTable", `{"TableName":"` + tables + `carts"}`, `{"Table":{"TableName":"carts","TableArn":"` + tables + `carts","TableId":"*","TableStatus":"ACTIVE","CreationDateTime":946684800,"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],` +
				`"ProvisionedThroughput":{"ReadCapacityUnits":0,"WriteCapacityUnits":0,"NumberOfDecreasesToday":0},"BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST"},"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"},"LatestStreamArn":"` + tables + `carts/stream/` + label + `","LatestStreamLabel":"` + label + `","ItemCount":4,"TableSizeBytes":32,"DeletionProtectionEnabled":false}}`},
		} {
			_, got := c.server.post(targetOf(test.operation), test.request)
			if got = unique.ReplaceAllString(got, "*"); got != test.want {
				t.Errorf("%s %s:\ngot  %s\nwant %s", test.operation, test.request, got, test.want)
			}
		}
	})
}

func TestScanPageIsAMegabyte(t *testing.T) {
	c := newClient(t)
	c.create("carts", "pk S")
	for i := range 4 {
		c.put("carts", attributes{"pk": text(fmt.Sprint(i)), "data": text(strings.Repeat("x", 399<<10))})
	}
	out, err := c.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("carts")})
	if err != nil || len(out.Items) != 3 || out.LastEvaluatedKey == nil {
		t.Errorf("got %d items, %v", len(out.Items), err)
	}
}
