package kinesis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm/e2e/rig"
)

func TestAtTimestamp(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		s, f := e.Stream("at", 1), e.Function("f", rig.Succeed)
		s.Put("before")
		before := s.Stored()["before"]
		e.WaitPast(before)
		s.Put("after")
		at := before.Arrived.Truncate(time.Second).Add(time.Second).UTC().Format(time.RFC3339)
		e.Run(f.On(s.ARN, "StartingPosition: AT_TIMESTAMP", "StartingPositionTimestamp: "+at))
		f.Want(t, "after")
		s.Put("later")
		f.Want(t, "after", "later")
	})
}

// A shard whose record always fails blocks itself only.
func TestFailingShardBlocksItselfOnly(t *testing.T) {
	rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
		s, f := e.Stream("blocked", 2), e.Function("f", rig.FailOn("bad"))
		s.PutInto(0, "k", "bad", "blocked")
		s.PutInto(1, "k", rig.Numbers(5)...)
		e.Run(f.On(s.ARN, rig.BatchSize(1)))
		f.WaitFor(t, rig.Numbers(5)...)
		s.PutInto(1, "k", "6")
		f.WaitFor(t, "6")
		rig.Eventually(t, "the bad record is retried", func() bool { return rig.Count(f.Texts(), "bad") > 2 })
		if f.Has("blocked") {
			t.Error("the shard goes on behind a record that fails")
		}
	})
}

// Events and notices of a consumer with enhanced fan-out name the consumer, and all else is as without it. No SDK can
// subscribe at kinesis-mock.
func TestConsumer(t *testing.T) {
	rig.On(t, []rig.Service{rig.StandIn, rig.LocalStack}, func(t *testing.T, e *rig.Env) {
		s, dlq, f := e.Stream("consumed", 1), e.Queue("consumed", nil), e.Function("f", rig.Report("2"))
		s.Put("1", "2", "3", "4")
		consumer := *s
		consumer.ARN = register(t, s, "orders")
		mapping := f.On(consumer.ARN, rig.Retries(1), rig.Bisecting, rig.Reporting, rig.BatchSize(4), rig.OnFailure(dlq.ARN))
		engine := e.Run(mapping)
		f.Want(t, "1", "2", "3", "4", "2", "3", "4", "2", "2", "3", "4")
		calls := f.Calls()
		if got := rig.Spans(calls); !slices.Equal(got, []string{"1-4", "2-4", "2", "2", "3-4"}) {
			t.Fatalf("invocations %q", got)
		}
		rig.Notice{Records: "2", Tries: 2}.Check(t, dlq.TakeNotices(1)[0], &consumer, f, calls[2].RequestID)
		for _, text := range []string{consumer.ARN, "shardId-000000000000:"} {
			if n := strings.Count(string(calls[0].Event), text); n != 4 {
				t.Errorf("%s is %d times in the event %s", text, n, calls[0].Event)
			}
		}
		engine.Stop()
		f.Handle(rig.Succeed)
		s.Put("5")
		e.Run(mapping)
		f.Want(t, "5")
	})
}

// register registers a consumer of the stream, and returns its ARN.
func register(t *testing.T, s *rig.Stream, name string) string {
	t.Helper()
	made, err := s.Kinesis.RegisterStreamConsumer(t.Context(), &kinesis.RegisterStreamConsumerInput{StreamARN: &s.ARN, ConsumerName: &name})
	s.Must(err)
	arn := made.Consumer.ConsumerARN
	rig.Eventually(t, "the consumer is active", func() bool {
		got, err := s.Kinesis.DescribeStreamConsumer(t.Context(), &kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})
		return err == nil && got.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive
	})
	return *arn
}

// A stream that was deleted and made again is another one: it is read from its beginning.
func TestStreamMadeAgain(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprint("running ", running), func(t *testing.T) {
			rig.On(t, rig.Streams, func(t *testing.T, e *rig.Env) {
				s, f := e.Stream("again", 1), e.Function("f", rig.Succeed)
				s.Put("1", "2", "3")
				engine := e.Run(f.On(s.ARN))
				f.Want(t, "1", "2", "3")
				if running {
					s.Recreate(func() bool { // the iterators of emulators outlive a stream, and read the next one of its name
						return e.Service == rig.StandIn || strings.Contains(engine.Log(), "there is no such stream")
					})
				} else {
					engine.Stop()
					s.Recreate(func() bool { return true })
				}
				s.Put("4", "5")
				if !running {
					engine = e.Run(f.On(s.ARN))
				}
				f.Want(t, rig.Numbers(5)...)
				engine.WaitLog("was recreated")
			})
		})
	}
}

// The records of hundreds of closed shards are read in order, and then what is open.
func TestManyClosedShards(t *testing.T) {
	t.Parallel()
	const shards, keys = 10, 20
	e := rig.New(t)
	s, f, n := e.Stream("closed", shards), e.Function("f", rig.Succeed), 0
	put := func() {
		s.PutKeyed(keys, n)
		n++
	}
	for range 6 {
		put()
		e.Must(s.Scale(t.Context(), 2*shards))
		put()
		e.Must(s.Scale(t.Context(), shards))
	}
	put()
	all, err := s.Shards(t.Context())
	if err != nil || len(all) < 450 {
		t.Fatalf("%d shards (%v)", len(all), err)
	}
	engine := e.Run(f.On(s.ARN))
	rig.Eventually(t, "all are handled", func() bool { return len(f.Texts()) >= n*keys })
	engine.Stop() // where it stands is known at the next start
	e.Run(f.On(s.ARN))
	put()
	rig.Eventually(t, "the later records are handled", func() bool { return len(f.Texts()) >= n*keys })
	rig.CheckOrder(t, f.Texts(), n*keys)
}
