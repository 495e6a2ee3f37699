package dynamodb_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm/e2e/rig"
)

// A mapping of a table follows its streams: when the current one is replaced, the rest of it is read before the next one
// from its beginning. This holds while the engine runs, and while it does not. LocalStack replaces no stream.
func TestStreamIsReplaced(t *testing.T) {
	rig.On(t, []rig.Service{rig.StandIn, rig.DynamoDBLocal}, func(t *testing.T, e *rig.Env) {
		table := e.Table("replaced")
		f, gate := e.GatedFunction("f", rig.Succeed)
		mapping := f.On(table.ARN, rig.BatchSize(1))
		streams := []string{table.Current}
		replace := func() {
			table.ReplaceStream()
			streams = append(streams, table.Current)
		}
		engine := e.Run(mapping)
		table.Put("1")
		rig.Receive(t, gate.Begun)
		table.Put("2", "3") // which wait in the old stream
		replace()
		table.Put("4")
		gate.Open()
		f.Want(t, rig.Numbers(4)...)
		engine.Stop()
		table.Put("5")
		replace()
		table.Put("6")
		replace()
		table.Put("7")
		engine = e.Run(mapping)
		f.Want(t, rig.Numbers(7)...)
		table.Put("8")
		f.Want(t, rig.Numbers(8)...)
		for i, stream := range []int{0, 0, 0, 1, 1, 2, 3, 3} {
			if got := f.Calls()[i].Records[0].Source; got != streams[stream] {
				t.Errorf("record %d is of %s, want %s", i+1, got, streams[stream])
			}
		}
		if strings.Contains(engine.Log(), "records may be missing") {
			t.Error("esm says that records may be missing")
		}
	})
}

// LocalStack answers 500 to a change of a table's stream, and the stream goes on. So does the mapping.
func TestStreamThatCannotBeReplaced(t *testing.T) {
	rig.On(t, []rig.Service{rig.LocalStack}, func(t *testing.T, e *rig.Env) {
		table, f := e.Table("stays"), e.Function("f", rig.Succeed)
		e.Run(f.On(table.ARN))
		table.Put("1")
		f.Want(t, "1")
		for _, enabled := range []bool{false, true} {
			want := types.StreamSpecification{StreamEnabled: &enabled}
			if enabled {
				want.StreamViewType = types.StreamViewTypeNewImage
			}
			_, err := e.DynamoDB.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &table.Name, StreamSpecification: &want})
			t.Logf("enabled %v: %v", enabled, err)
		}
		table.Put("2")
		f.Want(t, "1", "2")
	})
}

// A table that is deleted and made again has another stream, which its mapping goes on with.
func TestTableMadeAgain(t *testing.T) {
	rig.On(t, rig.Tables, func(t *testing.T, e *rig.Env) {
		table, f := e.Table("again"), e.Function("f", rig.Succeed)
		table.Put("1", "2")
		engine := e.Run(f.On(table.ARN))
		f.Want(t, "1", "2")
		_, err := e.DynamoDB.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &table.Name})
		e.Must(err)
		behind := "__ddb_stream_" + table.Name // LocalStack's, without which it has no table and yet never loses it
		rig.Eventually(t, "the old stream is gone", func() bool {
			_, err := e.Kinesis.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &behind})
			return err != nil
		})
		old := table.Current
		table.Create(types.StreamViewTypeNewImage)
		if table.Current == old {
			t.Fatalf("the stream is still %s", old)
		}
		table.Put("3")
		f.Want(t, "1", "2", "3")
		engine.Stop()
	})
}

// A position that the stream never reached is not one of its own, whatever error a service answers: the shard is read from
// its beginning, and esm says so.
func TestPositionAheadOfStream(t *testing.T) {
	rig.On(t, rig.Tables, func(t *testing.T, e *rig.Env) {
		table, f := e.Table("ahead"), e.Function("f", rig.Succeed)
		table.Put("1", "2")
		engine := e.Run(f.On(table.Current))
		f.Want(t, "1", "2")
		engine.Stop()
		last := table.Stored()["2"]
		e.RunOnData("position", "set", "--mapping", "f", "--shard", last.Shard, "--after", "9"+last.Sequence[1:])
		engine = e.Run(f.On(table.Current))
		table.Put("3")
		f.Want(t, "1", "2", "1", "2", "3")
		engine.WaitLog("the shard is read again from where the mapping started")
	})
}
