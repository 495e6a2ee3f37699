package dynamodb

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

func (c *client) describe(table string) types.TableDescription {
	c.t.Helper()
	out, err := c.DescribeTable(c.t.Context(), &sdk.DescribeTableInput{TableName: &table})
	if err != nil {
		c.t.Fatal(err)
	}
	return *out.Table
}

// setStream enables or disables a table's stream.
func (c *client) setStream(table string, enabled bool) error {
	want := &types.StreamSpecification{StreamEnabled: &enabled}
	if enabled {
		want = both()
	}
	_, err := c.UpdateTable(c.t.Context(), &sdk.UpdateTableInput{TableName: &table, StreamSpecification: want})
	return err
}

func TestDescribeTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		in := tableOf("carts", "pk S", "sk B")
		in.BillingMode, in.TableClass, in.DeletionProtectionEnabled = "", "STANDARD_INFREQUENT_ACCESS", aws.Bool(true)
		in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(2), WriteCapacityUnits: aws.Int64(3)}
		if _, err := c.CreateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if err := sdk.NewTableExistsWaiter(c).Wait(t.Context(), &sdk.DescribeTableInput{TableName: in.TableName}, time.Minute); err != nil {
			t.Error(err)
		}
		c.put("carts", attributes{"pk": text("a"), "sk": &types.AttributeValueMemberB{Value: []byte("b")}})
		d := c.describe("arn:aws:dynamodb:eu-west-1:111122223333:table/carts")
		if *d.TableName != "carts" || d.TableStatus != "ACTIVE" || *d.ItemCount != 1 || *d.TableSizeBytes != 6 || !d.CreationDateTime.Equal(time.Now()) {
			t.Errorf("got %+v", d)
		}
		if *d.ProvisionedThroughput.WriteCapacityUnits != 3 || d.TableClassSummary.TableClass != in.TableClass || !*d.DeletionProtectionEnabled || len(d.KeySchema) != 2 || len(d.AttributeDefinitions) != 2 {
			t.Errorf("got %+v", d)
		}
		const arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/2000-01-01T00:00:00.000"
		if *d.LatestStreamArn != arn || *d.LatestStreamLabel != "2000-01-01T00:00:00.000" || !*d.StreamSpecification.StreamEnabled {
			t.Errorf("got the stream %s", *d.LatestStreamArn)
		}
		if _, err := c.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: in.TableName}); code(err) != "ValidationException" {
			t.Errorf("delete what is protected: got %v", err)
		}
	})
}

func TestEnablingAndDisablingStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		first := c.create("carts", "pk S")
		c.put("carts", attributes{"pk": text("a")})
		if err := c.setStream("carts", true); code(err) != "ValidationException" {
			t.Errorf("enabled twice: got %v", err)
		}
		if err := c.setStream("carts", false); err != nil {
			t.Fatal(err)
		}
		c.put("carts", attributes{"pk": text("unseen")})
		if d := c.describe("carts"); d.StreamSpecification != nil || *d.LatestStreamArn != first {
			t.Errorf("disabled: got %v, %s", d.StreamSpecification, *d.LatestStreamArn)
		}
		if err := c.setStream("carts", true); err != nil { // in the same millisecond
			t.Fatal(err)
		}
		second := *c.describe("carts").LatestStreamArn
		if second == first {
			t.Errorf("the stream is %s again", first)
		}
		c.put("carts", attributes{"pk": text("b")})
		if got := keysOf(c.all(first)); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the first stream has %v", got)
		}
		if got := keysOf(c.all(second)); !slices.Equal(got, []string{"b"}) {
			t.Errorf("the second stream has %v", got)
		}
		out, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &first})
		if err != nil || out.StreamDescription.StreamStatus != "DISABLED" || out.StreamDescription.Shards[0].SequenceNumberRange.EndingSequenceNumber == nil {
			t.Errorf("got %+v, %v", out, err)
		}
		time.Sleep(retention)
		if _, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &first}); code(err) != "ResourceNotFoundException" {
			t.Errorf("after a day: got %v", err)
		}
	})
}

func TestListingStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		var want []string
		for i := range 5 {
			want = append(want, c.create(fmt.Sprintf("table-%d", i), "pk S"))
		}
		c.drop("table-0")
		var got []string
		for last := (*string)(nil); ; {
			out, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{Limit: aws.Int32(2), ExclusiveStartStreamArn: last})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range out.Streams {
				got = append(got, *s.StreamArn)
			}
			if last = out.LastEvaluatedStreamArn; last == nil {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		time.Sleep(retention)
		out, err := c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{})
		if err != nil || len(out.Streams) != 4 {
			t.Errorf("after a day: %d streams, %v", len(out.Streams), err)
		}
		out, err = c.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("table-3")})
		if err != nil || len(out.Streams) != 1 || *out.Streams[0].StreamArn != want[3] {
			t.Errorf("of a table: %+v, %v", out, err)
		}
	})
}

func TestListingTables(t *testing.T) {
	c := newClient(t)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("table-%d", i))
		c.create(want[i], "pk S")
	}
	var got []string
	for pages := sdk.NewListTablesPaginator(c, &sdk.ListTablesInput{Limit: aws.Int32(3)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.TableNames...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
