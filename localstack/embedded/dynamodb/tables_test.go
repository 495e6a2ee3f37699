package dynamodb

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm/awserr"
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

func TestEnablingAndDisablingStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		first := c.create("carts", "pk S")
		c.put("carts", attributes{"pk": text("a")})
		if err := c.setStream("carts", true); awserr.Code(err) != "ValidationException" {
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
		if _, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &first}); awserr.Code(err) != "ResourceNotFoundException" {
			t.Errorf("after a day: got %v", err)
		}
	})
}
