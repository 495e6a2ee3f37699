package dynamodb

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A client has SDK clients of a server. Its methods fail the test when DynamoDB returns an error.
type client struct {
	*sdk.Client
	t       testing.TB
	server  *Server
	streams *dynamodbstreams.Client
}

func newClient(t testing.TB) *client {
	s := &Server{Account: wire.Account{Region: "eu-west-1", ID: "111122223333"}}
	config := inprocess.Config(s)
	return &client{sdk.NewFromConfig(config), t, s, dynamodbstreams.NewFromConfig(config)}
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// create creates a table with keys such as "pk S" and "sk N" and a stream of both images, and returns the stream's ARN.
func (c *client) create(name string, keys ...string) (streamARN string) {
	c.t.Helper()
	out, err := c.CreateTable(c.t.Context(), tableOf(name, keys...))
	c.must(err)
	return *out.TableDescription.LatestStreamArn
}

func tableOf(name string, keys ...string) *sdk.CreateTableInput {
	in := &sdk.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, StreamSpecification: both()}
	for i, key := range keys {
		attribute, kind, _ := strings.Cut(key, " ")
		in.AttributeDefinitions = append(in.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &attribute, AttributeType: types.ScalarAttributeType(kind)})
		in.KeySchema = append(in.KeySchema,
			types.KeySchemaElement{AttributeName: &attribute, KeyType: []types.KeyType{"HASH", "RANGE"}[i]})
	}
	return in
}

func both() *types.StreamSpecification {
	return &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages}
}

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n any) types.AttributeValue     { return &types.AttributeValueMemberN{Value: fmt.Sprint(n)} }

func (c *client) put(table string, i attributes) {
	c.t.Helper()
	_, err := c.PutItem(c.t.Context(), &sdk.PutItemInput{TableName: &table, Item: i})
	c.must(err)
}

func (c *client) delete(table string, key attributes) {
	c.t.Helper()
	_, err := c.DeleteItem(c.t.Context(), &sdk.DeleteItemInput{TableName: &table, Key: key})
	c.must(err)
}

func (c *client) get(table string, key attributes) attributes {
	c.t.Helper()
	out, err := c.GetItem(c.t.Context(), &sdk.GetItemInput{TableName: &table, Key: key})
	c.must(err)
	return out.Item
}

// shards returns the shards on all pages of DescribeStream.
func (c *client) shards(arn string) (all []streamtypes.Shard) {
	c.t.Helper()
	for last := (*string)(nil); ; {
		out, err := c.streams.DescribeStream(c.t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &arn, ExclusiveStartShardId: last})
		c.must(err)
		all = append(all, out.StreamDescription.Shards...)
		if last = out.StreamDescription.LastEvaluatedShardId; last == nil {
			return all
		}
	}
}

// tryIterator returns an iterator of a type; number may be empty.
func (c *client) tryIterator(arn, shard, kind, number string) (string, error) {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &arn, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorType(kind)}
	if number != "" {
		in.SequenceNumber = &number
	}
	out, err := c.streams.GetShardIterator(c.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.ShardIterator, nil
}

func (c *client) iterator(arn, shard, kind, number string) string {
	c.t.Helper()
	it, err := c.tryIterator(arn, shard, kind, number)
	c.must(err)
	return it
}

func (c *client) records(iterator string, limit int32) (recs []streamtypes.Record, next string, err error) {
	in := &dynamodbstreams.GetRecordsInput{ShardIterator: &iterator}
	if limit != 0 {
		in.Limit = &limit
	}
	out, err := c.streams.GetRecords(c.t.Context(), in)
	if err != nil {
		return nil, "", err
	}
	return out.Records, aws.ToString(out.NextShardIterator), nil
}

// all returns every record of a stream that is kept, shard by shard.
func (c *client) all(arn string) (all []streamtypes.Record) {
	c.t.Helper()
	for _, sh := range c.shards(arn) {
		recs, _, err := c.records(c.iterator(arn, *sh.ShardId, "TRIM_HORIZON", ""), 0)
		c.must(err)
		all = append(all, recs...)
	}
	return all
}

// post sends a request and returns the status and the body of the response.
func (s *Server) post(target, body string) (status int, answer string) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (c *client) drop(table string) {
	c.t.Helper()
	_, err := c.DeleteTable(c.t.Context(), &sdk.DeleteTableInput{TableName: &table})
	c.must(err)
}
