package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
)

// direct takes requests straight to a server, so that a real client works inside a bubble.
type direct struct{ server *Server }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	return w.Result(), nil
}

// rig is a server under real SDK clients.
type rig struct {
	testing.TB
	server  *Server
	client  *sdk.Client
	streams *dynamodbstreams.Client
}

func newRig(t testing.TB) *rig {
	s := &Server{Region: "eu-west-1", AccountID: "111122223333"}
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	return &rig{t, s,
		sdk.New(sdk.Options{Region: "eu-west-1", Credentials: keys, HTTPClient: direct{s}, Retryer: aws.NopRetryer{}}),
		dynamodbstreams.New(dynamodbstreams.Options{Region: "eu-west-1", Credentials: keys, HTTPClient: direct{s}, Retryer: aws.NopRetryer{}}),
	}
}

// create makes a table, whose keys are told as "pk S" and "sk N", with a stream of both images; its ARN is returned.
func (r *rig) create(name string, keys ...string) (streamARN string) {
	r.Helper()
	out, err := r.client.CreateTable(r.Context(), tableOf(name, keys...))
	if err != nil {
		r.Fatal(err)
	}
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

func (r *rig) put(table string, i attributes) {
	r.Helper()
	if _, err := r.client.PutItem(r.Context(), &sdk.PutItemInput{TableName: &table, Item: i}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) delete(table string, key attributes) {
	r.Helper()
	if _, err := r.client.DeleteItem(r.Context(), &sdk.DeleteItemInput{TableName: &table, Key: key}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) get(table string, key attributes) attributes {
	r.Helper()
	out, err := r.client.GetItem(r.Context(), &sdk.GetItemInput{TableName: &table, Key: key})
	if err != nil {
		r.Fatal(err)
	}
	return out.Item
}

// shards are those that DescribeStream tells, on all pages.
func (r *rig) shards(arn string) (all []streamtypes.Shard) {
	r.Helper()
	for last := (*string)(nil); ; {
		out, err := r.streams.DescribeStream(r.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &arn, ExclusiveStartShardId: last})
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, out.StreamDescription.Shards...)
		if last = out.StreamDescription.LastEvaluatedShardId; last == nil {
			return all
		}
	}
}

// iterate gets an iterator of a type, which is behind a number if that is not empty.
func (r *rig) iterate(arn, shard, kind, number string) (string, error) {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &arn, ShardId: &shard, ShardIteratorType: streamtypes.ShardIteratorType(kind)}
	if number != "" {
		in.SequenceNumber = &number
	}
	out, err := r.streams.GetShardIterator(r.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.ShardIterator, nil
}

func (r *rig) mustIterate(arn, shard, kind, number string) string {
	r.Helper()
	it, err := r.iterate(arn, shard, kind, number)
	if err != nil {
		r.Fatal(err)
	}
	return it
}

func (r *rig) records(iterator string, limit int32) (recs []streamtypes.Record, next string, err error) {
	in := &dynamodbstreams.GetRecordsInput{ShardIterator: &iterator}
	if limit != 0 {
		in.Limit = &limit
	}
	out, err := r.streams.GetRecords(r.Context(), in)
	if err != nil {
		return nil, "", err
	}
	return out.Records, aws.ToString(out.NextShardIterator), nil
}

// all is every record of a stream that is kept, shard by shard.
func (r *rig) all(arn string) (all []streamtypes.Record) {
	r.Helper()
	for _, sh := range r.shards(arn) {
		recs, _, err := r.records(r.mustIterate(arn, *sh.ShardId, "TRIM_HORIZON", ""), 0)
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, recs...)
	}
	return all
}

// code is the service's name for an error; empty if it is none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// post sends a request as it is and returns the answer.
func (s *Server) post(target, body string) (status int, answer string) {
	r := httptest.NewRequestWithContext(context.Background(), "POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (r *rig) drop(table string) {
	r.Helper()
	if _, err := r.client.DeleteTable(r.Context(), &sdk.DeleteTableInput{TableName: &table}); err != nil {
		r.Fatal(err)
	}
}
