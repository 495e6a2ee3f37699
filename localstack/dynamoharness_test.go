package localstack_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/awshttp"
)

// table is a DynamoDB table of a test's own. Its key is pk, a text.
type table struct {
	*corner
	db        *dynamodb.Client
	streams   *dynamodbstreams.Client
	name, arn string
	stream    string // the ARN of its current stream
	known     []change
}

type attributes = map[string]types.AttributeValue

func ofText(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

func ofNumber(number int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(number)}
}

// table makes a table with a stream of keys alone, unless a view says otherwise. It is deleted after the test.
func (c *corner) table(name string, view ...types.StreamViewType) *table {
	c.Helper()
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	t := &table{
		corner: c, name: name + c.suffix,
		db:      dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &c.where.streams, Credentials: keys, HTTPClient: awshttp.New(16)}),
		streams: dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", BaseEndpoint: &c.where.streams, Credentials: keys, HTTPClient: awshttp.New(16)}),
	}
	t.create(append(view, types.StreamViewTypeKeysOnly)[0])
	c.Cleanup(func() {
		_, _ = t.db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &t.name}) // a test may have done so
	})
	return t
}

// create makes the table, as soon as one of its name is gone.
func (t *table) create(view types.StreamViewType) {
	t.Helper()
	want := dynamodb.CreateTableInput{
		TableName: &t.name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view},
	}
	eventually(t.T, "the table is made", func() bool {
		out, err := t.db.CreateTable(t.Context(), &want)
		if _, there := errors.AsType[*types.ResourceInUseException](err); there {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		t.arn, t.stream, t.known = *out.TableDescription.TableArn, *out.TableDescription.LatestStreamArn, nil
		return true
	})
	t.active()
}

// active waits until the table can be written and its stream has a shard.
func (t *table) active() {
	t.Helper()
	eventually(t.T, "the table is active", func() bool {
		out, err := t.db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &t.name})
		return err == nil && out.Table.TableStatus == types.TableStatusActive
	})
	eventually(t.T, "the stream has a shard", func() bool { return len(t.shardsOf(t.stream)) > 0 })
}

// put puts an item for each of these keys. Those of one request stay in order with every service: behind LocalStack's
// back, requests overtake each other.
func (t *table) put(keys ...string) {
	t.Helper()
	for some := range slices.Chunk(keys, 25) {
		var writes []types.WriteRequest
		for _, key := range some {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: attributes{"pk": ofText(key)}}})
		}
		out, err := t.db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{t.name: writes},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			t.Fatalf("%d items were not put: %v", len(out.UnprocessedItems), err)
		}
	}
}

func (t *table) putItem(item attributes) {
	t.Helper()
	if _, err := t.db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &t.name, Item: item}); err != nil {
		t.Fatal(err)
	}
}

func (t *table) deleteItem(key string) {
	t.Helper()
	if _, err := t.db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &t.name, Key: attributes{"pk": ofText(key)}}); err != nil {
		t.Fatal(err)
	}
}

func (t *table) shardsOf(stream string) []streamtypes.Shard {
	out, err := t.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
	if err != nil {
		return nil
	}
	return out.StreamDescription.Shards
}

// A change is what a stream holds of a change of an item.
type change struct {
	streamtypes.Record
	shard string
}

// changes reads the current stream, until it has as many records as there are to be: what the service itself says.
func (t *table) changes(want int) (all []change) {
	t.Helper()
	if len(t.known) == want {
		return t.known
	}
	defer func() { t.known = all }()
	eventually(t.T, fmt.Sprintf("the stream has %d records", want), func() bool {
		all = nil
		for _, shard := range t.shardsOf(t.stream) {
			for _, r := range t.read(*shard.ShardId) {
				all = append(all, change{r, *shard.ShardId})
			}
		}
		return len(all) >= want
	})
	return all
}

// read reads a shard up to its tip.
func (t *table) read(shard string) (recs []streamtypes.Record) {
	t.Helper()
	at, err := t.streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &t.stream, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	for err == nil {
		var out *dynamodbstreams.GetRecordsOutput
		if out, err = t.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at.ShardIterator}); err != nil {
			break
		}
		recs = append(recs, out.Records...)
		if at.ShardIterator = out.NextShardIterator; aws.ToString(at.ShardIterator) == "" || len(out.Records) == 0 {
			return recs
		}
	}
	t.Fatal(err)
	return nil
}

// changed are the records of an event, as aws-lambda-go reads them.
func changed(e event) []events.DynamoDBEventRecord {
	var all events.DynamoDBEvent
	_ = json.Unmarshal(e.Raw, &all)
	return all.Records
}

// keyOf is the text that a record's item is known by.
func keyOf(r events.DynamoDBEventRecord) string { return r.Change.Keys["pk"].String() }

// keysSeen are the items that a function was told of, in order, with repeats.
func (f *function) keysSeen() (keys []string) {
	for _, e := range f.seen() {
		for _, r := range changed(e) {
			keys = append(keys, keyOf(r))
		}
	}
	return keys
}

// sees waits until the function was told of these items, in this order, and of nothing else.
func (f follower) sees(t *table, keys ...string) {
	t.Helper()
	eventually(t.T, fmt.Sprintf("%s was told of %q", f.name, keys), func() bool {
		return len(f.fn.keysSeen()) >= len(keys)
	})
	if got := f.fn.keysSeen(); !slices.Equal(got, keys) {
		t.Errorf("%s was told of %q, want %q", f.name, got, keys)
	}
}

// asKinesis makes an event of a stream of texts out of one of a table whose items are the texts, so that both can have the
// same handlers and stories.
func asKinesis(e event) event {
	var records []string
	for _, r := range changed(e) {
		records = append(records, fmt.Sprintf(`{"kinesis":{"data":%q,"sequenceNumber":%q},"eventID":"shard-0:%[2]s"}`,
			base64.StdEncoding.EncodeToString([]byte(keyOf(r))), r.Change.SequenceNumber))
	}
	e.Raw = []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
	return e
}

// kinesisCalls are the calls of a function, likewise.
func kinesisCalls(calls []event) []event {
	for i := range calls {
		calls[i] = asKinesis(calls[i])
	}
	return calls
}

func textOf(value streamtypes.AttributeValue) string {
	if s, ok := value.(*streamtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
