package provision

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/localstack/embedded"
)

// On the stand-in the first run creates resources of every kind, the second finds them, and their contents can be read.
func TestCreateOnStandIn(t *testing.T) {
	file := allKinds(t)
	c := clientsTo((&embedded.Server{Region: "eu-west-1"}).Client().Transport)
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			log := new(recorded)
			if err := Create(t.Context(), file, c, log); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); strings.Count(got, ": created") != strings.Count(got, "\n") || (got != "") != first {
				t.Errorf("first run %v, log: %s", first, got)
			}
			streams, _ := c.Kinesis(t.Context(), "http://aws", "")
			if got, want := recordsOf(t, streams, "clicks"), []string{"u1:a", "u1:c", "u2:b"}; !slices.Equal(got, want) {
				t.Errorf("the stream holds %q, want %q", got, want)
			}
			tables, _ := c.DynamoDB(t.Context(), "http://aws", "")
			if got, want := itemsOf(t, tables, "carts"), []string{"a", "b"}; !slices.Equal(got, want) {
				t.Errorf("the table holds %q, want %q", got, want)
			}
		})
	}
}

// recordsOf returns the records of a stream, in order within a partition key.
func recordsOf(t *testing.T, client *kinesis.Client, stream string) (all []string) {
	t.Helper()
	listed, err := client.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &stream})
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range listed.Shards {
		from, err := client.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{
			StreamName: &stream, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			t.Fatal(err)
		}
		read, err := client.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: from.ShardIterator})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range read.Records {
			all = append(all, *r.PartitionKey+":"+string(r.Data))
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	return all
}

// itemsOf returns the keys of a table's items, sorted.
func itemsOf(t *testing.T, client *dynamodb.Client, table string) (all []string) {
	t.Helper()
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range out.Items {
		if key, ok := item["pk"].(*ddbtypes.AttributeValueMemberS); ok {
			all = append(all, key.Value)
		}
	}
	slices.Sort(all)
	return all
}
