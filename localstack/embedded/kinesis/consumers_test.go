package kinesis

import (
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// next returns the next event, which must come at once or after a heartbeat.
func (c *client) next(events *sdk.SubscribeToShardEventStream, after time.Duration) types.SubscribeToShardEvent {
	c.t.Helper()
	start := time.Now()
	e, ok := <-events.Events()
	if !ok {
		c.t.Fatalf("no event, but %v", events.Err())
	}
	c.wantAfter("an event", start, after)
	return e.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
}

// drain waits for the end of events, and returns how many there were and why they ended.
func drain(events *sdk.SubscribeToShardEventStream) (n int, err error) {
	for range events.Events() {
		n++
	}
	return n, events.Err()
}

func TestSubscribing(t *testing.T) {
	bubble(t, 1, func(c *client) {
		c.putMany(2)
		events := c.subscribe(c.consumer("c"))
		defer events.Close()
		e := c.next(events, 0)
		if got := dataOf(e.Records); got != "0 1" || *e.ContinuationSequenceNumber != *e.Records[1].SequenceNumber || *e.MillisBehindLatest != 0 {
			t.Errorf("got %q, %s, %d ms behind", got, *e.ContinuationSequenceNumber, *e.MillisBehindLatest)
		}
		last := *e.ContinuationSequenceNumber
		if e = c.next(events, heartbeat); len(e.Records) != 0 || *e.ContinuationSequenceNumber != last {
			t.Errorf("got %v, %s", e.Records, *e.ContinuationSequenceNumber)
		}
		time.Sleep(time.Second)
		c.put("key", "later")
		if e = c.next(events, 0); dataOf(e.Records) != "later" {
			t.Errorf("got %q", dataOf(e.Records))
		}
		c.split(0, half)
		if e = c.next(events, 0); len(e.ChildShards) != 2 || *e.ChildShards[1].ShardId != shardID(2) || e.ContinuationSequenceNumber != nil {
			t.Errorf("got %+v", e)
		}
		if n, err := drain(events); n != 0 || err != nil {
			t.Errorf("%d events later: %v", n, err)
		}
	})
}

// A position from before the first record continues with the first record.
func TestContinuingBeforeTheFirstRecord(t *testing.T) {
	bubble(t, 1, func(c *client) {
		consumer := c.consumer("c")
		events, err := c.trySubscribe(consumer, types.StartingPosition{Type: latest})
		c.must(err)
		e := c.next(events, heartbeat)
		events.Close()
		c.putMany(3)
		time.Sleep(takeover)
		events, err = c.trySubscribe(consumer, types.StartingPosition{Type: afterNumber, SequenceNumber: e.ContinuationSequenceNumber})
		c.must(err)
		defer events.Close()
		if e = c.next(events, 0); dataOf(e.Records) != "0 1 2" {
			t.Errorf("got %q", dataOf(e.Records))
		}
	})
}

func TestSubscriptionsEnd(t *testing.T) {
	bubble(t, 1, func(c *client) {
		consumer, start := c.consumer("c"), time.Now()
		if n, err := drain(c.subscribe(consumer)); n < 59 || err != nil {
			t.Errorf("%d events, then %v", n, err)
		}
		c.wantAfter("it ended", start, subscriptionLifetime)
		events := c.subscribe(consumer)
		_, err := c.DeregisterStreamConsumer(c.t.Context(), &sdk.DeregisterStreamConsumerInput{ConsumerARN: consumer})
		c.must(err)
		_, err = drain(events)
		c.wantError(err, "ResourceNotFoundException", "Consumer c with creation timestamp")
		events = c.subscribe(c.consumer("d"))
		c.delete()
		_, err = drain(events)
		c.wantError(err, "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
	})
}

func TestReplacingASubscription(t *testing.T) {
	bubble(t, 1, func(c *client) {
		const active = "Another active subscription exists for this consumer"
		consumer := c.consumer("c")
		first := c.subscribe(consumer)
		time.Sleep(takeover - time.Millisecond)
		_, err := c.trySubscribe(consumer, types.StartingPosition{Type: trimHorizon})
		c.wantError(err, "ResourceInUseException", active)
		other := c.subscribe(c.consumer("d"))
		defer other.Close()
		time.Sleep(time.Millisecond)
		second := c.subscribe(consumer)
		defer second.Close()
		_, err = drain(first)
		c.wantError(err, "ResourceInUseException", active)
		c.put("k", "x")
		if e := c.next(second, 0); dataOf(e.Records) != "x" {
			t.Errorf("got %q", dataOf(e.Records))
		}
	})
}
