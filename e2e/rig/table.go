package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// A Table is a DynamoDB table of a test's own. Its key is pk, a string: that is the text of a record, together with the
// number n if the new item has one.
type Table struct {
	*Env
	Name, ARN string
	Current   string // the ARN of the current stream
	written   int    // how many records the current stream is to have
}

// Item is an item of a table.
type Item = map[string]types.AttributeValue

// S returns a value that is a string.
func S(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

// N returns a value that is a number.
func N(number int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(number)}
}

// Table makes a table with a stream of new images, unless a view says otherwise. It is deleted after the test.
func (e *Env) Table(name string, view ...types.StreamViewType) *Table {
	e.Helper()
	t := &Table{Env: e, Name: name + e.Suffix}
	t.Create(append(view, types.StreamViewTypeNewImage)[0])
	e.Cleanup(func() {
		_, _ = e.DynamoDB.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &t.Name}) // a test may have done so
	})
	return t
}

// Create makes the table, as soon as one of its name is gone.
func (t *Table) Create(view types.StreamViewType) {
	t.Helper()
	want := dynamodb.CreateTableInput{
		TableName: &t.Name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view},
	}
	Eventually(t.TB, "the table is made", func() bool {
		out, err := t.DynamoDB.CreateTable(t.Context(), &want)
		if _, there := errors.AsType[*types.ResourceInUseException](err); there {
			return false
		}
		t.Must(err)
		t.ARN, t.Current, t.written = *out.TableDescription.TableArn, *out.TableDescription.LatestStreamArn, 0
		return true
	})
	t.waitActive()
}

// waitActive waits until the table can be written and its stream has a shard.
func (t *Table) waitActive() {
	t.Helper()
	Eventually(t.TB, "the table is active", func() bool {
		out, err := t.DynamoDB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &t.Name})
		return err == nil && out.Table.TableStatus == types.TableStatusActive
	})
	Eventually(t.TB, "the stream has a shard", func() bool { return len(t.Shards()) > 0 })
}

// ReplaceStream disables the stream and enables another one.
func (t *Table) ReplaceStream() {
	t.Helper()
	old := t.Current
	for _, spec := range []types.StreamSpecification{
		{StreamEnabled: aws.Bool(false)},
		{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly},
	} {
		Eventually(t.TB, "the stream can be changed", func() bool {
			out, err := t.DynamoDB.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &t.Name, StreamSpecification: &spec})
			if err == nil {
				t.Current, t.written = aws.ToString(out.TableDescription.LatestStreamArn), 0
			}
			return err == nil
		})
	}
	if t.Current == old {
		t.Fatalf("the stream is still %s", old)
	}
	t.waitActive()
}

// StreamARN is [Source].StreamARN.
func (t *Table) StreamARN() string { return t.Current }

// Put is [Source].Put. Each text is the key of a new item.
func (t *Table) Put(texts ...string) {
	t.Helper()
	t.Write(texts...)
	t.WaitRecords(t.written)
}

// Write puts records without waiting until they can be read.
func (t *Table) Write(texts ...string) {
	t.Helper()
	var items []Item
	for _, text := range texts {
		items = append(items, Item{"pk": S(text)})
	}
	t.Must(t.WriteItems(items))
}

// PutKeyed is [Source].PutKeyed: each key is an item.
func (t *Table) PutKeyed(keys, n int) {
	t.Helper()
	t.Must(t.WriteItems(KeyedItems(keys, n)))
	t.WaitRecords(t.written)
}

// KeyedItems returns the items that PutKeyed puts.
func KeyedItems(keys, n int) (items []Item) {
	for k := range keys {
		key, _ := keyed(k, n)
		items = append(items, Item{"pk": S(key), "n": N(n)})
	}
	return items
}

// WriteItems puts items. Those of one request stay in order with every service: in LocalStack, requests may overtake
// each other.
func (t *Table) WriteItems(items []Item) error {
	t.written += len(items)
	for some := range slices.Chunk(items, 25) {
		var writes []types.WriteRequest
		for _, item := range some {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		out, err := t.DynamoDB.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.Name: writes}})
		if err == nil && len(out.UnprocessedItems) > 0 {
			err = fmt.Errorf("%d items were not put", len(out.UnprocessedItems[t.Name]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PutItem puts one item, and waits until the current stream has that many records.
func (t *Table) PutItem(item Item, records int) {
	t.Helper()
	_, err := t.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &t.Name, Item: item})
	t.Must(err)
	t.WaitRecords(records)
}

// DeleteItem deletes an item, and waits until the current stream has that many records.
func (t *Table) DeleteItem(key types.AttributeValue, records int) {
	t.Helper()
	_, err := t.DynamoDB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &t.Name, Key: Item{"pk": key}})
	t.Must(err)
	t.WaitRecords(records)
}

// WaitRecords waits until the current stream has n records, and returns them with their shards. A service may put a
// change into the stream after it has answered, and behind a later one then.
func (t *Table) WaitRecords(n int) (records []streamtypes.Record, shards []string) {
	t.Helper()
	t.written = n
	Eventually(t.TB, fmt.Sprintf("the stream has %d records", n), func() bool {
		records, shards = nil, nil
		for _, shard := range t.Shards() {
			for _, r := range t.read(*shard.ShardId) {
				records, shards = append(records, r), append(shards, *shard.ShardId)
			}
		}
		return len(records) >= n
	})
	if len(records) > n {
		t.Fatalf("the stream has %d records, want %d", len(records), n)
	}
	return records, shards
}

// Stored is [Source].Stored.
func (t *Table) Stored() map[string]Stored {
	t.Helper()
	all := map[string]Stored{}
	records, shards := t.WaitRecords(t.written)
	for i, r := range records {
		text := ""
		if s, ok := r.Dynamodb.Keys["pk"].(*streamtypes.AttributeValueMemberS); ok {
			text = s.Value
		}
		if _, again := all[text]; !again {
			all[text] = Stored{text, shards[i], *r.Dynamodb.SequenceNumber, *r.Dynamodb.ApproximateCreationDateTime}
		}
	}
	return all
}

// Shards lists the shards of the current stream; none while the service does not.
func (t *Table) Shards() []streamtypes.Shard {
	out, err := t.DynamoDBStreams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &t.Current})
	if err != nil {
		return nil
	}
	return out.StreamDescription.Shards
}

// read reads a shard up to its tip.
func (t *Table) read(shard string) (recs []streamtypes.Record) {
	t.Helper()
	at, err := t.DynamoDBStreams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &t.Current, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	t.Must(err)
	for next := at.ShardIterator; ; {
		out, err := t.DynamoDBStreams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		t.Must(err)
		recs = append(recs, out.Records...)
		if next = out.NextShardIterator; aws.ToString(next) == "" || len(out.Records) == 0 {
			return recs
		}
	}
}

func (t *Table) noticeForm() (key, timeLayout string) {
	return "DDBStreamBatchInfo", "2006-01-02T15:04:05Z"
}

// EndShard is [Source].EndShard: it rolls the table's shards over. DynamoDB Local rolls over those of all tables, so that
// the test has to have the service alone: see [Alone].
func (t *Table) EndShard() {
	t.Helper()
	if t.Service == DynamoDBLocal {
		t.Admin("/rollover")
		return
	}
	t.Must(t.embedded.DynamoDB().RollOver(t.Name))
}

// Admin sends a request to the administration port of DynamoDB Local, which rolls over or ages all tables.
func (t *Table) Admin(path string) {
	t.Helper()
	resp, err := http.Post(os.Getenv(dynamoDBLocalAdmin)+path, "", nil)
	t.Must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
}
