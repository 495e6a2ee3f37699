package localstack_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// renew disables the table's stream and enables another one.
func (t *table) renew() {
	t.Helper()
	t.specify(types.StreamSpecification{StreamEnabled: aws.Bool(false)})
	old := t.stream
	t.specify(types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly})
	if t.stream == old {
		t.Fatalf("the stream is still %s", old)
	}
	t.active()
}

func (t *table) specify(want types.StreamSpecification) {
	t.Helper()
	eventually(t.T, "the stream can be changed", func() bool {
		out, err := t.db.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &t.name, StreamSpecification: &want})
		if err == nil {
			t.stream, t.known = aws.ToString(out.TableDescription.LatestStreamArn), nil
		}
		return err == nil
	})
}

// renews are the services whose tables can have another stream: LocalStack answers 500.
var renews = []streamService{dynamodbServices[0], dynamodbServices[1]}

// A mapping of a table follows its streams: the current one, and when that is replaced, the rest of it before the next one
// from its beginning. So it is while the engine runs, and while it does not.
func TestATablesStreamIsReplaced(t *testing.T) {
	overStreams(t, renews, func(t *testing.T, c *corner) {
		tb := c.table("renewed")
		begun, goOn := make(chan bool, 10), make(chan bool)
		f := c.follow("f", tb.arn, func(event) (string, error) {
			begun <- true
			<-goOn
			return "null", nil
		}, "BatchSize: 1")
		first := tb.stream
		e := c.run(fileOf(f))
		tb.put("1")
		<-begun
		tb.put("2", "3") // which wait in the old stream
		tb.renew()
		tb.put("4")
		close(goOn)
		f.sees(tb, "1", "2", "3", "4")
		second := tb.stream
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		tb.put("5")
		tb.renew()
		tb.put("6")
		tb.renew()
		tb.put("7")
		e = c.run(fileOf(f))
		f.sees(tb, "1", "2", "3", "4", "5", "6", "7")
		tb.put("8")
		f.sees(tb, "1", "2", "3", "4", "5", "6", "7", "8")
		for i, call := range f.fn.seen() {
			want := map[int]string{0: first, 1: first, 2: first, 3: second, 4: second, 6: tb.stream, 7: tb.stream}[i]
			if got := changed(call)[0].EventSourceArn; want != "" && got != want {
				t.Errorf("record %d is of %s, want %s", i+1, got, want)
			}
		}
		if strings.Contains(e.stderr.String(), "records may be missing") {
			t.Error("something is said to be lost")
		}
	})
}

// LocalStack's stream of a table goes on whatever is done to it, with errors; so does the mapping.
func TestATablesStreamThatCannotBeReplaced(t *testing.T) {
	overStreams(t, dynamodbServices[2:], func(t *testing.T, c *corner) {
		tb := c.table("stays")
		f := c.follow("f", tb.arn, succeed)
		c.run(fileOf(f))
		tb.put("1")
		f.sees(tb, "1")
		for _, enabled := range []bool{false, true} {
			want := types.StreamSpecification{StreamEnabled: &enabled}
			if enabled {
				want.StreamViewType = types.StreamViewTypeKeysOnly
			}
			_, err := tb.db.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &tb.name, StreamSpecification: &want})
			t.Logf("enabled %v: %v", enabled, err)
		}
		tb.put("2")
		f.sees(tb, "1", "2")
	})
}

// A table that is deleted and made anew has another stream: what is left of the old one is read first, where it can be.
func TestATableMadeAnew(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("anew")
		f := c.follow("f", tb.arn, succeed)
		tb.put("1", "2")
		e := c.run(fileOf(f))
		f.sees(tb, "1", "2")
		if _, err := tb.db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &tb.name}); err != nil {
			t.Fatal(err)
		}
		behind := "__ddb_stream_" + tb.name // LocalStack's, without which it has no table and yet has it for ever
		eventually(t, "the old stream is gone", func() bool {
			_, err := tb.kinesis.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &behind})
			return err != nil
		})
		old := tb.stream
		tb.create(types.StreamViewTypeKeysOnly)
		if tb.stream == old {
			t.Fatalf("the stream is still %s", old)
		}
		tb.put("3")
		eventually(t, "the new table is read", func() bool { return slices.Contains(f.fn.keysSeen(), "3") })
		f.sees(tb, "1", "2", "3")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// LATEST is the first start of the mapping, also for an engine that is killed before it has settled anything.
func TestLatestOfTables(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("latest")
		tb.put("before")
		c.secondAfter(tb.changes(1)[0])
		f := c.follow("f", tb.arn, succeed, "StartingPosition: LATEST")
		c.run(fileOf(f)).kill()
		tb.put("while it was dead")
		e := c.run(fileOf(f))
		f.sees(tb, "while it was dead")
		tb.put("afterwards")
		f.sees(tb, "while it was dead", "afterwards")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		tb.put("while it was stopped")
		c.run(fileOf(f))
		f.sees(tb, "while it was dead", "afterwards", "while it was stopped")
	})
}

// secondAfter waits until a change lies in the past, as far as the service tells times: to the second, or to the minute.
func (c *corner) secondAfter(of change) {
	c.Helper()
	next := of.Dynamodb.ApproximateCreationDateTime.Add(time.Second)
	if c.where.admin != "" {
		next = of.Dynamodb.ApproximateCreationDateTime.Add(time.Minute)
	}
	eventually(c.T, "its time has passed", func() bool { return time.Now().After(next) })
}
