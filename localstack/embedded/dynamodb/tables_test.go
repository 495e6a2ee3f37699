package dynamodb

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

func (r *rig) describe(table string) types.TableDescription {
	r.Helper()
	out, err := r.client.DescribeTable(r.Context(), &sdk.DescribeTableInput{TableName: &table})
	if err != nil {
		r.Fatal(err)
	}
	return *out.Table
}

// setStream enables or disables a table's stream.
func (r *rig) setStream(table string, enabled bool) error {
	want := &types.StreamSpecification{StreamEnabled: &enabled}
	if enabled {
		want = both()
	}
	_, err := r.client.UpdateTable(r.Context(), &sdk.UpdateTableInput{TableName: &table, StreamSpecification: want})
	return err
}

func TestTableIsDescribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		in := tableOf("carts", "pk S", "sk B")
		in.BillingMode, in.TableClass, in.DeletionProtectionEnabled = "", "STANDARD_INFREQUENT_ACCESS", aws.Bool(true)
		in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(2), WriteCapacityUnits: aws.Int64(3)}
		if _, err := r.client.CreateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if err := sdk.NewTableExistsWaiter(r.client).Wait(t.Context(), &sdk.DescribeTableInput{TableName: in.TableName}, time.Minute); err != nil {
			t.Error(err)
		}
		r.put("carts", attributes{"pk": text("a"), "sk": &types.AttributeValueMemberB{Value: []byte("b")}})
		d := r.describe("arn:aws:dynamodb:eu-west-1:111122223333:table/carts")
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
		if _, err := r.client.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: in.TableName}); code(err) != "ValidationException" {
			t.Errorf("delete what is protected: got %v", err)
		}
	})
}

func TestStreamsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first := r.create("carts", "pk S")
		r.put("carts", attributes{"pk": text("a")})
		if err := r.setStream("carts", true); code(err) != "ValidationException" {
			t.Errorf("enabled twice: got %v", err)
		}
		if err := r.setStream("carts", false); err != nil {
			t.Fatal(err)
		}
		r.put("carts", attributes{"pk": text("unseen")})
		if d := r.describe("carts"); d.StreamSpecification != nil || *d.LatestStreamArn != first {
			t.Errorf("disabled: got %v, %s", d.StreamSpecification, *d.LatestStreamArn)
		}
		if err := r.setStream("carts", true); err != nil { // in the same millisecond
			t.Fatal(err)
		}
		second := *r.describe("carts").LatestStreamArn
		if second == first {
			t.Errorf("the stream is %s again", first)
		}
		r.put("carts", attributes{"pk": text("b")})
		if got := keysOf(r.all(first)); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the first stream has %v", got)
		}
		if got := keysOf(r.all(second)); !slices.Equal(got, []string{"b"}) {
			t.Errorf("the second stream has %v", got)
		}
		out, err := r.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &first})
		if err != nil || out.StreamDescription.StreamStatus != "DISABLED" || out.StreamDescription.Shards[0].SequenceNumberRange.EndingSequenceNumber == nil {
			t.Errorf("got %+v, %v", out, err)
		}
		time.Sleep(retention)
		if _, err := r.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &first}); code(err) != "ResourceNotFoundException" {
			t.Errorf("after a day: got %v", err)
		}
	})
}

func TestTheStreamOfADeletedTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		arn := r.create("carts", "pk S")
		r.put("carts", attributes{"pk": text("a")})
		r.drop("carts")
		if got := keysOf(r.all(arn)); !slices.Equal(got, []string{"a"}) {
			t.Errorf("got %v", got)
		}
		if again := r.create("carts", "pk S"); again == arn || len(r.all(again)) != 0 {
			t.Errorf("the stream of a new table is %s with %d records", again, len(r.all(again)))
		}
		if err := r.server.RollOver("none"); err == nil {
			t.Error("a table that is not there rolls over")
		}
	})
}

func TestListingStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var want []string
		for i := range 5 {
			want = append(want, r.create(fmt.Sprintf("table-%d", i), "pk S"))
		}
		r.drop("table-0")
		var got []string
		for last := (*string)(nil); ; {
			out, err := r.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{Limit: aws.Int32(2), ExclusiveStartStreamArn: last})
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
		out, err := r.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{})
		if err != nil || len(out.Streams) != 4 {
			t.Errorf("after a day: %d streams, %v", len(out.Streams), err)
		}
		out, err = r.streams.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("table-3")})
		if err != nil || len(out.Streams) != 1 || *out.Streams[0].StreamArn != want[3] {
			t.Errorf("of a table: %+v, %v", out, err)
		}
	})
}

func TestListingTables(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("table-%d", i))
		r.create(want[i], "pk S")
	}
	var got []string
	for pages := sdk.NewListTablesPaginator(r.client, &sdk.ListTablesInput{Limit: aws.Int32(3)}); pages.HasMorePages(); {
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

func TestTheZeroServer(t *testing.T) {
	_, answer := new(Server).post("DynamoDB_20120810.CreateTable", `{"TableName":"abc","BillingMode":"PAY_PER_REQUEST",
		"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"a","AttributeType":"N"}]}`)
	if !strings.Contains(answer, `"TableArn":"arn:aws:dynamodb:us-east-1:000000000000:table/abc"`) || strings.Contains(answer, "Stream") {
		t.Errorf("got %s", answer)
	}
}
