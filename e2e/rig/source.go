package rig

import (
	"fmt"
	"testing"
	"time"
)

// A Source is a stream of records: a Kinesis stream, or the stream of a DynamoDB table.
type Source interface {
	StreamARN() string
	// Put puts records into the first shard, in order, and returns when they can be read.
	Put(texts ...string)
	// PutKeyed puts the records k0/n, k1/n … of a number of keys, and returns when they can be read.
	PutKeyed(keys, n int)
	// EndShard ends the first shard, which has children then.
	EndShard()
	// Stored returns the records as the service stores them, by text.
	Stored() map[string]Stored

	noticeForm() (key, timeLayout string)
}

// Stored describes a record as the service stores it.
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

// WaitPast waits until a record lies in the past at the resolution of the service's times: a minute for DynamoDB Local, a
// second for others.
func (e *Env) WaitPast(r Stored) {
	e.Helper()
	unit := time.Second
	if e.Service == DynamoDBLocal {
		unit = time.Minute
	}
	next := r.Arrived.Truncate(unit).Add(unit)
	Eventually(e.TB, "its time has passed", func() bool { return time.Now().After(next) })
}

func keyed(key, n int) (name, text string) {
	name = fmt.Sprint("k", key)
	return name, fmt.Sprint(name, "/", n)
}
