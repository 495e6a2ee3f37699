package dynamodb

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestReturnValues(t *testing.T) {
	c := newClient(t)
	c.create("carts", "pk S")
	table, key := aws.String("carts"), attributes{"pk": text("a")}
	one, two := attributes{"pk": text("a"), "n": num(1)}, attributes{"pk": text("a"), "n": num(2)}
	put, err := c.PutItem(t.Context(), &sdk.PutItemInput{TableName: table, Item: one, ReturnValues: "ALL_OLD"})
	if err != nil || put.Attributes != nil {
		t.Errorf("the first put: got %v, %v", put, err)
	}
	update := &sdk.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("SET #n = #n + :one"), ReturnValues: "ALL_NEW",
		ExpressionAttributeNames: map[string]string{"#n": "n"}, ExpressionAttributeValues: attributes{":one": num(1)}}
	updated, err := c.UpdateItem(t.Context(), update)
	if err != nil || !reflect.DeepEqual(updated.Attributes, two) {
		t.Errorf("update: got %v, %v", updated, err)
	}
	put, err = c.PutItem(t.Context(), &sdk.PutItemInput{TableName: table, Item: one, ReturnValues: "ALL_OLD"})
	if err != nil || !reflect.DeepEqual(put.Attributes, two) {
		t.Errorf("put: got %v, %v", put, err)
	}
	update.ReturnValues = "ALL_OLD"
	updated, err = c.UpdateItem(t.Context(), update)
	if err != nil || !reflect.DeepEqual(updated.Attributes, one) {
		t.Errorf("update: got %v, %v", updated, err)
	}
	deleted, err := c.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: table, Key: key, ReturnValues: "ALL_OLD"})
	if err != nil || !reflect.DeepEqual(deleted.Attributes, two) || c.get("carts", key) != nil {
		t.Errorf("delete: got %v, %v", deleted, err)
	}
}

func TestConditionsOfWrites(t *testing.T) {
	c := newClient(t)
	c.create("carts", "pk S")
	put := &sdk.PutItemInput{TableName: aws.String("carts"), Item: attributes{"pk": text("a")}, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: "ALL_OLD"}
	if _, err := c.PutItem(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutItem(t.Context(), put)
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || failed.ErrorMessage() != "The conditional request failed" || !reflect.DeepEqual(failed.Item, put.Item) {
		t.Errorf("got %v", err)
	}
	_, err = c.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("carts"), Key: attributes{"pk": text("b")},
		ConditionExpression: aws.String("attribute_exists(pk)")})
	if code(err) != "ConditionalCheckFailedException" {
		t.Errorf("got %v", err)
	}
}

func TestBatches(t *testing.T) {
	c := newClient(t)
	arn := c.create("carts", "pk S")
	c.put("carts", attributes{"pk": text("old")})
	writes := []types.WriteRequest{{DeleteRequest: &types.DeleteRequest{Key: attributes{"pk": text("old")}}}}
	for i := range 24 {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: attributes{"pk": text(fmt.Sprint(i))}}})
	}
	out, err := c.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"carts": writes}})
	if err != nil || len(out.UnprocessedItems) != 0 || len(c.all(arn)) != 26 {
		t.Errorf("got %v, %v and %d records", out, err, len(c.all(arn)))
	}
	for name, bad := range map[string][]types.WriteRequest{
		"twenty-six": append(slices.Clone(writes), types.WriteRequest{PutRequest: &types.PutRequest{Item: attributes{"pk": text("x")}}}),
		"twice":      {writes[1], writes[1]},
		"no key":     {writes[2], {PutRequest: &types.PutRequest{Item: attributes{"x": text("x")}}}},
	} {
		_, err := c.BatchWriteItem(t.Context(), &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"carts": bad}})
		if code(err) != "ValidationException" || len(c.all(arn)) != 26 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTransactions(t *testing.T) {
	c := newClient(t)
	arn := c.create("carts", "pk S")
	table := aws.String("carts")
	c.put("carts", attributes{"pk": text("a"), "n": num(1)})
	items := []types.TransactWriteItem{
		{Put: &types.Put{TableName: table, Item: attributes{"pk": text("b")}}},
		{Delete: &types.Delete{TableName: table, Key: attributes{"pk": text("a")}, ConditionExpression: aws.String("attribute_exists(n)")}},
		{Update: &types.Update{TableName: table, Key: attributes{"pk": text("c")}, UpdateExpression: aws.String("ADD n :v"), ExpressionAttributeValues: attributes{":v": num(2)}}},
		{ConditionCheck: &types.ConditionCheck{TableName: table, Key: attributes{"pk": text("d")}, ConditionExpression: aws.String("attribute_not_exists(pk)")}},
	}
	if _, err := c.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: items}); err != nil {
		t.Fatal(err)
	}
	if got := keysOf(c.all(arn)); !slices.Equal(got, []string{"a", "b", "a", "c"}) {
		t.Errorf("got %v", got)
	}
	_, err := c.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: items})
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || !strings.HasSuffix(cancelled.ErrorMessage(), "[None, ConditionalCheckFailed, None, None]") || *cancelled.CancellationReasons[1].Code != "ConditionalCheckFailed" {
		t.Errorf("got %v", err)
	}
	if len(c.all(arn)) != 4 {
		t.Error("a transaction that was cancelled did something")
	}
}

// collect creates a table with two keys and fills it out of order.
func collect(c *client) {
	c.create("carts", "pk S", "sk N")
	for _, n := range []int{10, 9, -1, 100, 2} {
		for _, key := range []string{"a", "b"} {
			c.put("carts", attributes{"pk": text(key), "sk": num(n)})
		}
	}
}

func pathsOf(items []attributes) (paths string) {
	for _, i := range items {
		paths += i["pk"].(*types.AttributeValueMemberS).Value + i["sk"].(*types.AttributeValueMemberN).Value + " "
	}
	return strings.TrimSpace(paths)
}

func TestQueries(t *testing.T) {
	c := newClient(t)
	collect(c)
	for _, test := range []struct {
		name, condition string
		backward        bool
		want            string
	}{
		{"forward", "pk = :pk", false, "a-1 a2 a9 a10 a100"},
		{"backward", "pk = :pk", true, "a100 a10 a9 a2 a-1"},
		{"one", "#sk = :sk AND pk = :pk", false, "a9"},
	} {
		for limit := int32(1); limit < 7; limit++ {
			in := &sdk.QueryInput{TableName: aws.String("carts"), KeyConditionExpression: &test.condition, Limit: &limit,
				ScanIndexForward: aws.Bool(!test.backward), ExpressionAttributeValues: attributes{":pk": text("a")}}
			if strings.Contains(test.condition, ":sk") {
				in.ExpressionAttributeValues[":sk"], in.ExpressionAttributeNames = num("9.0"), map[string]string{"#sk": "sk"}
			}
			var got []attributes
			for pages := sdk.NewQueryPaginator(c, in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil || len(page.Items) > int(limit) || int(page.Count) != len(page.Items) {
					t.Fatalf("%s by %d: %v, %v", test.name, limit, page, err)
				}
				got = append(got, page.Items...)
			}
			if got := pathsOf(got); got != test.want {
				t.Errorf("%s by %d: got %s, want %s", test.name, limit, got, test.want)
			}
		}
	}
}

// A page continues behind the last key even if its item was deleted.
func TestScans(t *testing.T) {
	c := newClient(t)
	collect(c)
	var got []attributes
	for pages := sdk.NewScanPaginator(c, &sdk.ScanInput{TableName: aws.String("carts"), Limit: aws.Int32(3)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Items...)
		if page.LastEvaluatedKey != nil {
			c.delete("carts", page.LastEvaluatedKey)
		}
	}
	if got, want := pathsOf(got), "a-1 a2 a9 a10 a100 b-1 b2 b9 b10 b100"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
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
