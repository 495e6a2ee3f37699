package rig

import (
	"fmt"
	"testing"
	"time"
)

// A Source is what a Kinesis stream and a DynamoDB table have in common.
type Source interface {
	StreamARN() string
	// Put puts records into the first shard, in order, and returns when they can be read.
	Put(texts ...string)
	// PutKeyed does so with the records k0/n, k1/n … of so many keys, in whatever shards.
	PutKeyed(keys, n int)
	// EndShard ends the first shard, which has children then.
	EndShard()
	// Stored returns what the service itself says of the records, by text.
	Stored() map[string]Stored

	noticeForm() (key, timeLayout string)
}

// Stored is what a stream holds of a record.
type Stored struct {
	Text, Shard, Sequence string
	Arrived               time.Time
}

var (
	_ Source = (*Stream)(nil)
	_ Source = (*Table)(nil)
)

// OnSources runs a test on every service of streams, for Kinesis and for DynamoDB. It passes a function that makes a source
// of one shard.
func OnSources(t *testing.T, test func(t *testing.T, e *Env, source func(name string) Source)) {
	t.Parallel()
	t.Run("Kinesis", func(t *testing.T) {
		On(t, Streams, func(t *testing.T, e *Env) {
			test(t, e, func(name string) Source { return e.Stream(name, 1) })
		})
	})
	t.Run("DynamoDB", func(t *testing.T) {
		On(t, Tables, func(t *testing.T, e *Env) {
			test(t, e, func(name string) Source { return e.Table(name) })
		})
	})
}

// WaitPast waits until a record lies in the past, as far as the service tells times: DynamoDB Local to the minute, others
// to the second.
func (e *Env) WaitPast(r Stored) {
	e.Helper()
	unit := time.Second
	if e.Service.IsDynamoDBLocal() {
		unit = time.Minute
	}
	next := r.Arrived.Truncate(unit).Add(unit)
	Eventually(e.TB, "its time has passed", func() bool { return time.Now().After(next) })
}

func keyed(key, n int) (name, text string) {
	name = fmt.Sprint("k", key)
	return name, fmt.Sprint(name, "/", n)
}
