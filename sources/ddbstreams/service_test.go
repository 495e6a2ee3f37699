package ddbstreams

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// The tests of this file run on a real service when there is one: ESM_TEST_DYNAMODB_ENDPOINT=http://127.0.0.1:8000 for
// DynamoDB Local, http://127.0.0.1:4566 for LocalStack. Their credentials are test and test. Tables are made and deleted.
//
// ESM_TEST_DYNAMODB_ADMIN=http://127.0.0.1:18001 is where a DynamoDB Local closes the open shards of all tables
// (POST /rollover) and ages their records (POST /dilate?HOURS).

// real is a table with a stream on a real service for the time of a test.
type real struct {
	*testing.T
	tables  *dynamodb.Client
	streams *sdk.Client
	name    string
	arn     string
	puts    int
}

func makeReal(t *testing.T) *real {
	t.Helper()
	cfg := awstest.RealConfig(t, "ESM_TEST_DYNAMODB_ENDPOINT", awshttp.New(16))
	r := &real{
		T:       t,
		tables:  dynamodb.NewFromConfig(cfg),
		streams: sdk.NewFromConfig(cfg),
		name:    "esm-test-" + strings.ToLower(rand.Text()[:10]),
	}
	out, err := r.tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   &r.name,
		BillingMode: dynamodbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: dynamodbtypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: dynamodbtypes.KeyTypeHash}},
		StreamSpecification: &dynamodbtypes.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: dynamodbtypes.StreamViewTypeNewAndOldImages,
		},
	})
	if err != nil {
		t.Fatalf("create %s: %v", r.name, err)
	}
	r.arn = *out.TableDescription.LatestStreamArn
	t.Cleanup(func() {
		_, _ = r.tables.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &r.name}) // a test may have deleted it
	})
	r.listed()
	return r
}

// listed waits until the stream has a shard.
func (r *real) listed() {
	r.Helper()
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if l, err := r.stream().List(r.Context()); err == nil && len(l.Shards) > 0 {
			return
		}
	}
	r.Fatalf("%s has no shard", r.name)
}

func (r *real) stream() *Stream {
	r.Helper()
	s, err := New(Config{Client: r.streams, ARN: awstest.ARN(r.arn)})
	if err != nil {
		r.Fatal(err)
	}
	return s
}

// put changes an item, including a unique number, because a write that changes nothing leaves no record.
func (r *real) put(key, data string) {
	r.Helper()
	r.puts++
	_, err := r.tables.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &r.name, Item: map[string]dynamodbtypes.AttributeValue{
		"pk":   &dynamodbtypes.AttributeValueMemberS{Value: key},
		"data": &dynamodbtypes.AttributeValueMemberS{Value: data},
		"n":    &dynamodbtypes.AttributeValueMemberN{Value: fmt.Sprint(r.puts)},
	}})
	if err != nil {
		r.Fatalf("put: %v", err)
	}
	for start := time.Now(); !r.holds(fmt.Sprint(r.puts)); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > time.Minute {
			r.Fatalf("change %d does not come to the stream", r.puts)
		}
	}
}

// holds reports whether the stream has the change with a number. LocalStack writes changes to the stream after it answers,
// from several threads, so their order may differ.
func (r *real) holds(n string) bool {
	r.Helper()
	listing, err := r.stream().List(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	for _, shard := range listing.Shards {
		it, err := r.stream().reader(shard.ID, esm.From{}).Shard.Iterator(r.Context())
		for next := &it; err == nil && aws.ToString(next) != ""; {
			var page *sdk.GetRecordsOutput
			if page, err = r.streams.GetRecords(r.Context(), &sdk.GetRecordsInput{ShardIterator: next}); err != nil || len(page.Records) == 0 {
				break // trimmed away perhaps, or at its end
			}
			for i := range page.Records {
				if number, ok := changeOf(&page.Records[i]).NewImage["n"].(*types.AttributeValueMemberN); ok && number.Value == n {
					return true
				}
			}
			next = page.NextShardIterator
		}
	}
	return false
}

func (r *real) admin(path string) {
	r.Helper()
	resp, err := http.Post(os.Getenv("ESM_TEST_DYNAMODB_ADMIN")+path, "", nil)
	if err != nil {
		r.Fatalf("%s: %v", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		r.Fatalf("%s: %s", path, resp.Status)
	}
}

func TestSuiteOnService(t *testing.T) {
	makeReal(t)
	sourcetest.RunStream(t, sourcetest.RealTime, func(t *testing.T) sourcetest.StreamFixture {
		r := makeReal(t)
		f := sourcetest.StreamFixture{
			Stream: r.stream(),
			Put:    r.put,
			Data:   func(rec esm.Record) string { return dataOf(t, rec) },
			Tick:   time.Minute,
			Slack:  500 * time.Millisecond,
		}
		if os.Getenv("ESM_TEST_DYNAMODB_ADMIN") != "" {
			f.Reshard = func(string) { r.admin("/rollover") }
		}
		return f
	})
}

func TestForgottenIteratorOnService(t *testing.T) {
	r := makeReal(t)
	r.put("k", "a")
	listing, err := r.stream().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reader := r.stream().reader(listing.Shards[0].ID, esm.From{})
	reader.Shard = &awstest.Forgotten[types.Record]{Shard: reader.Shard}
	awstest.ReadSoon(t, reader)
}

// The stream of a table that is deleted is disabled, and can be read for a day.
func TestDeletedTableOnService(t *testing.T) {
	r := makeReal(t)
	r.put("k", "a")
	if _, err := r.tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &r.name}); err != nil {
		t.Fatal(err)
	}
	listing, err := r.stream().List(t.Context())
	if errors.Is(err, esm.ErrNoStream) {
		t.Skip("this service drops it")
	}
	if err != nil || len(listing.Shards) != 1 || !listing.Shards[0].Closed {
		t.Fatalf("%+v, %v", listing, err)
	}
	opened, err := r.stream().Open(t.Context(), listing.Shards[0].ID, esm.From{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if recs, err := opened.Read(t.Context(), 10); err != nil || len(recs) != 1 {
		t.Errorf("read %d records, %v", len(recs), err)
	}
}

// After a day records are trimmed, and so are closed shards, which are listed all the same.
func TestTrimmingOnService(t *testing.T) {
	r := makeReal(t)
	if os.Getenv("ESM_TEST_DYNAMODB_ADMIN") == "" {
		t.Skip("ESM_TEST_DYNAMODB_ADMIN is not set: nothing ages")
	}
	r.put("k", "a")
	r.put("k", "b")
	listing, err := r.stream().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shard := listing.Shards[0].ID
	early, err := r.stream().Open(t.Context(), shard, esm.From{})
	if err != nil {
		t.Fatal(err)
	}
	recs, err := early.Read(t.Context(), 1)
	if err != nil || len(recs) != 1 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	r.admin("/dilate?25")
	after, err := r.stream().Open(t.Context(), shard, esm.From{After: recs[0].Receipt})
	if err == nil {
		_, err = after.Read(t.Context(), 1)
	}
	if !errors.Is(err, esm.ErrTrimmed) && !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("after a position that was trimmed: %v", err)
	}
	if _, err := early.Read(t.Context(), 1); err != nil { // from records read ahead
		t.Errorf("read: %v", err)
	}
	if recs, err := early.Read(t.Context(), 1); !errors.Is(err, esm.ErrTrimmed) && !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("a reader that was overtaken: %d records, %v", len(recs), err)
	}
}
