package kinesis

import (
	"math/big"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm/sources/kinesis"
	"github.com/esm-run/esm/sources/sourcetest"
)

// The source that polls and the one that is pushed to pass their suite on this server.
func TestSourceByPolling(t *testing.T) {
	runSource(t, func(a *account) string { return *a.arn() }, func() { time.Sleep(minRetention + time.Second) })
}

// All readers of a test share one consumer: one that waits for records to be trimmed does not keep its place.
func TestSourceByFanOut(t *testing.T) {
	runSource(t, func(a *account) string { return *a.consumer("esm") }, nil)
}

func runSource(t *testing.T, arn func(*account) string, trim func()) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		straight := &straight{handler: new(Server)}
		t.Cleanup(straight.running.Wait)
		a := &account{Client: clientOf(&http.Client{Transport: straight}, "http://embedded"), t: t, name: "orders"}
		a.create(a.name, 1)
		s, err := kinesis.New(kinesis.Config{Client: a.Client, ARN: arn(a), Role: "arn:aws:iam::000000000000:role/x", Filtered: true})
		if err != nil {
			t.Fatal(err)
		}
		return sourcetest.StreamFixture{
			Stream:   s,
			Put:      func(key, data string) { a.put(key, data) },
			Reshard:  func(id string) { a.halve(id) },
			Merge:    func(x, y string) { a.merge(indexOf(t, x), indexOf(t, y)) },
			Trim:     trim,
			Delete:   a.delete,
			Recreate: func() { a.delete(); a.create(a.name, 1) },
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
func (a *account) halve(id string) {
	a.t.Helper()
	for i, s := range a.shards(nil) {
		if *s.ShardId == id {
			low, _ := new(big.Int).SetString(*s.HashKeyRange.StartingHashKey, 10)
			high, _ := new(big.Int).SetString(*s.HashKeyRange.EndingHashKey, 10)
			low.Add(low, high)
			a.split(i, low.Rsh(low, 1).String())
		}
	}
}

func (a *account) delete() {
	a.t.Helper()
	force := true
	if _, err := a.DeleteStream(a.t.Context(), &sdk.DeleteStreamInput{StreamName: &a.name, EnforceConsumerDeletion: &force}); err != nil {
		a.t.Fatalf("delete: %v", err)
	}
}
