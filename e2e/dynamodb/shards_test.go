package dynamodb_test

import (
	"sync"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// Shards end while records flow: parents are read before their children, so that every item's changes come in order. A
// mapping that begins later reads the whole chain.
func TestShardsEndWhileRecordsFlow(t *testing.T) {
	rig.Alone(t, []rig.Service{rig.StandIn, rig.DynamoDBLocal}, func(t *testing.T, e *rig.Env) {
		const keys, rounds, generations = 20, 60, 6
		table, f := e.Table("flow"), e.Function("f", rig.Succeed)
		engine := e.Run(f.On(table.Current, rig.BatchSize(30)))
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := range rounds {
				if err := table.WriteItems(rig.KeyedItems(keys, n)); err != nil {
					t.Error(err)
				}
			}
		})
		for g := 1; g < generations; g++ {
			rig.Eventually(t, "records flow", func() bool { return len(f.Texts()) >= g*keys*rounds/generations/2 })
			table.EndShard()
		}
		writing.Wait()
		rig.Eventually(t, "all are handled", func() bool { return len(f.Texts()) >= keys*rounds })
		rig.CheckOrder(t, f.Texts(), keys*rounds)
		if n := len(table.Shards()); n < generations {
			t.Errorf("the stream has %d shards, want %d", n, generations)
		}
		engine.Stop()
		late := e.Function("late", rig.Succeed)
		e.Run(f.On(table.Current, rig.BatchSize(30)), late.On(table.ARN))
		rig.Eventually(t, "the late one has all", func() bool { return len(late.Texts()) >= keys*rounds })
		rig.CheckOrder(t, late.Texts(), keys*rounds)
		rig.CheckOrder(t, f.Texts(), keys*rounds) // nothing was handled again
	})
}

// A day passes while the engine is stopped: what follows its position is no longer kept. It goes on with what is left, and
// says so.
func TestTrimmedPosition(t *testing.T) {
	rig.Alone(t, []rig.Service{rig.DynamoDBLocal}, func(t *testing.T, e *rig.Env) {
		table, f := e.Table("trimmed"), e.Function("f", rig.Succeed)
		table.Put("1", "2")
		engine := e.Run(f.On(table.Current))
		f.Want(t, "1", "2")
		engine.Stop()
		table.Put("lost")
		table.Admin("/dilate?25")
		table.Write("3", "4")
		engine = e.Run(f.On(table.Current))
		f.Want(t, "1", "2", "3", "4")
		rig.Eventually(t, "the loss is counted", func() bool { return engine.Metric("esm_lost_positions_total") > 0 })
		engine.WaitLog("records may be missing")
	})
}

// A day passes while the engine runs: its iterators are too old, its position is trimmed, and so are the shards that
// ended, which are listed all the same.
func TestDayPassesWhileRunning(t *testing.T) {
	rig.Alone(t, []rig.Service{rig.DynamoDBLocal}, func(t *testing.T, e *rig.Env) {
		table, f := e.Table("day"), e.Function("f", rig.Succeed)
		engine := e.Run(f.On(table.Current))
		table.Put("1", "2")
		f.Want(t, "1", "2")
		table.EndShard()
		table.Put("3")
		f.Want(t, "1", "2", "3")
		table.Admin("/dilate?25")
		table.Write("4")
		f.WaitFor(t, "4")
		table.EndShard()
		table.Write("5")
		f.Want(t, rig.Numbers(5)...)
		engine.WaitLog("records may be missing")
		engine.Stop()
		late := e.Function("late", rig.Succeed)
		e.Run(f.On(table.Current), late.On(table.ARN))
		late.Want(t, "4", "5")
	})
}
