package kinesis

import (
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/sources/kinesis"
	"github.com/esm-run/esm/sources/sourcetest"
)

// TestSourceByPolling runs the suite of all streams with the source that polls.
func TestSourceByPolling(t *testing.T) {
	testSource(t, func(c *client) string { return *c.arn() }, func() { time.Sleep(minRetention + time.Second) })
}

// TestSourceByFanOut runs it with the source that subscribes. It cannot test trimming, because all readers of a test share a
// consumer, which a reader that waits loses.
func TestSourceByFanOut(t *testing.T) {
	testSource(t, func(c *client) string { return *c.consumer("esm") }, nil)
}

func testSource(t *testing.T, arn func(*client) string, trim func()) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		c := newClient(t, inprocess.Config(new(Server)), 1)
		s, err := kinesis.New(kinesis.Config{Client: c.Client, ARN: config.ParseSource(arn(c)).ARN, Role: "arn:aws:iam::000000000000:role/x", Filtered: true})
		c.must(err)
		return sourcetest.StreamFixture{
			Stream:   s,
			Put:      func(key, data string) { c.put(key, data) },
			Reshard:  c.halve,
			Merge:    func(x, y string) { c.merge(indexOf(t, x), indexOf(t, y)) },
			Trim:     trim,
			Delete:   c.delete,
			Recreate: func() { c.delete(); c.create(*c.name, 1) },
		}
	})
}

func indexOf(t *testing.T, id string) int {
	t.Helper()
	index, ok := parseShardID(id)
	if !ok {
		t.Fatalf("shard %s", id)
	}
	return index
}

// halve splits a shard in the middle.
func (c *client) halve(id string) {
	c.t.Helper()
	for i, s := range c.shards(nil) {
		if *s.ShardId == id {
			low, _ := new(big.Int).SetString(*s.HashKeyRange.StartingHashKey, 10)
			high, _ := new(big.Int).SetString(*s.HashKeyRange.EndingHashKey, 10)
			low.Add(low, high)
			c.split(i, low.Rsh(low, 1).String())
		}
	}
}
