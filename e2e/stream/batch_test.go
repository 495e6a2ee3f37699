package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// Full batches do not wait for the window. What is left does, from the end of the batch before it.
func TestBatchingWindow(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		const window = 4 * time.Second
		s, f := source("batching"), e.Function("f", rig.Succeed)
		s.Put(rig.Numbers(5)...)
		e.Run(f.On(s.StreamARN(), rig.BatchSize(2), "MaximumBatchingWindowInSeconds: 4"))
		f.Want(t, rig.Numbers(5)...)
		calls := f.Calls()
		if got := rig.Spans(calls); !slices.Equal(got, []string{"1-2", "3-4", "5"}) {
			t.Fatalf("invocations %q", got)
		}
		if gap := calls[2].At.Sub(calls[1].At); gap < window-time.Second {
			t.Errorf("the rest came after %v, want %v", gap, window)
		}
	})
}

// Several batches of a shard are invoked at a time, and each key's records stay in order.
func TestParallelizationFactor(t *testing.T) {
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		const keys, rounds = 20, 10
		s := source("lanes")
		for n := range rounds {
			s.PutKeyed(keys, n)
		}
		f := e.Function("f", meet(3))
		e.Run(f.On(s.StreamARN(), "ParallelizationFactor: 10", rig.BatchSize(3)))
		rig.Eventually(t, "all are handled", func() bool { return len(f.Texts()) >= keys*rounds })
		rig.CheckOrder(t, f.Texts(), keys*rounds)
		if n := f.Peak(); n < 3 || n > 10 {
			t.Errorf("%d batches at a time, want three to ten", n)
		}
	})
}

// meet returns a handler that holds invocations until n of them run at a time.
func meet(n int32) rig.Handler {
	var arrived atomic.Int32
	met := make(chan bool)
	return func(c rig.Call) (string, error) {
		if arrived.Add(1) == n {
			close(met)
		}
		select {
		case <-met:
		case <-time.After(rig.Slack / 2): // the test fails then
		}
		return rig.Succeed(c)
	}
}

func TestNoticesToTopicAndBucket(t *testing.T) {
	const uuid = "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88"
	rig.OnSources(t, func(t *testing.T, e *rig.Env, source func(string) rig.Source) {
		s := source("notices")
		s.Put("1", "2", "3")
		topic, queue := e.Topic("failed")
		bucket := e.Bucket("failed")
		published, stored := e.Function("published", rig.FailOn("1")), e.Function("stored", rig.Report("2"))
		e.Run(
			published.On(s.StreamARN(), rig.Retries(1), rig.BatchSize(2), rig.OnFailure(topic)),
			stored.On(s.StreamARN(), rig.Retries(1), rig.Reporting, "UUID: "+uuid, rig.OnFailure(bucket.ARN)),
		)
		got := queue.TakeEnvelope()
		if got.Type != "Notification" || got.TopicArn != topic || got.MessageID == "" || got.Subject != nil || len(got.MessageAttributes) > 0 {
			t.Errorf("the envelope %+v", got)
		}
		rig.Notice{Records: "1-2", Tries: 2, Fault: "Unhandled"}.Check(t, got.Message, s, published, published.Calls()[0].RequestID)
		published.WaitFor(t, "3")

		key, contentType, body := bucket.TakeObject()
		last := stored.Calls()[2]
		rig.Notice{Records: "2-3", Tries: 2, Payload: string(last.Event)}.Check(t, body, s, stored, last.RequestID)
		checkKey(t, key, fmt.Sprintf("aws/lambda/%s/%s/", uuid, s.Stored()["2"].Shard), rig.ParseNotice(t, body).Timestamp)
		if contentType != "application/octet-stream" {
			t.Errorf("content type %s", contentType)
		}
	})
}

// checkKey checks the name of an object: mapping, shard, day, and the second of the notice.
func checkKey(t *testing.T, key, prefix, timestamp string) {
	t.Helper()
	second := timestamp[:len("2006-01-02T15:04:05")]
	prefix += strings.ReplaceAll(second[:len("2006-01-02")], "-", "/") + "/" + strings.ReplaceAll(second, ":", ".") + "-"
	if uuid, ok := strings.CutPrefix(key, prefix); !ok || !rig.UUID.MatchString(uuid) {
		t.Errorf("the object's key is %s, want %s and a UUID", key, prefix)
	}
}
