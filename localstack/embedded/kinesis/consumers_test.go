package kinesis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestConsumers(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		arn := a.consumer("one")
		if want := *a.arn() + "/consumer/one:94668480"; !strings.HasPrefix(*arn, want) {
			t.Errorf("got %s, want %s…", *arn, want)
		}
		register := func(stream *string, name string) error {
			_, err := a.RegisterStreamConsumer(t.Context(), &sdk.RegisterStreamConsumerInput{StreamARN: stream, ConsumerName: &name})
			return err
		}
		describe := func(in sdk.DescribeStreamConsumerInput) error {
			out, err := a.DescribeStreamConsumer(t.Context(), &in)
			if err == nil && (*out.ConsumerDescription.ConsumerARN != *arn || *out.ConsumerDescription.StreamARN != *a.arn() || out.ConsumerDescription.ConsumerStatus != types.ConsumerStatusActive) {
				t.Errorf("got %+v", out.ConsumerDescription)
			}
			return err
		}
		refused(t, "again", register(a.arn(), "one"), "ResourceInUseException", "Consumer one under stream orders already exists for account 000000000000.")
		refused(t, "name", register(a.arn(), "a b"), "ValidationException", "consumerName")
		refused(t, "stream", register(aws.String(*a.arn()+"2"), "one"), "ResourceNotFoundException", "Stream orders2 under account 000000000000 not found.")
		for _, in := range []sdk.DescribeStreamConsumerInput{{ConsumerARN: arn}, {StreamARN: a.arn(), ConsumerName: aws.String("one")}} {
			if err := describe(in); err != nil {
				t.Error(err)
			}
		}
		refused(t, "an earlier one", describe(sdk.DescribeStreamConsumerInput{ConsumerARN: aws.String(*a.arn() + "/consumer/one:7")}), "ResourceNotFoundException",
			"Consumer one with creation timestamp 7 under stream: orders, account 000000000000 not found.")
		refused(t, "no consumer", describe(sdk.DescribeStreamConsumerInput{ConsumerARN: a.arn()}), "InvalidArgumentException", "is not the ARN of a consumer")
		for i := range maxConsumers - 1 {
			a.consumer("c" + string(rune('a'+i)))
		}
		refused(t, "too many", register(a.arn(), "more"), "LimitExceededException", "limit of 20 consumers")
		all := 0
		for p := sdk.NewListStreamConsumersPaginator(a, &sdk.ListStreamConsumersInput{StreamARN: a.arn(), MaxResults: aws.Int32(7)}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			if err != nil || len(out.Consumers) > 7 {
				t.Fatalf("got %+v, %v", out, err)
			}
			all += len(out.Consumers)
		}
		if all != maxConsumers {
			t.Errorf("%d consumers, want %d", all, maxConsumers)
		}
		if _, err := a.DeregisterStreamConsumer(t.Context(), &sdk.DeregisterStreamConsumerInput{ConsumerARN: arn}); err != nil {
			t.Error(err)
		}
		refused(t, "gone", describe(sdk.DescribeStreamConsumerInput{StreamARN: a.arn(), ConsumerName: aws.String("one")}), "ResourceNotFoundException", "not found")
	})
}

// next is the next event, and how long it took.
func next(t testing.TB, events *sdk.SubscribeToShardEventStream) (types.SubscribeToShardEvent, time.Duration) {
	t.Helper()
	start := time.Now()
	e, ok := <-events.Events()
	if !ok {
		t.Fatalf("no event, but %v", events.Err())
	}
	return e.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value, time.Since(start)
}

// over waits for the end of events, and returns why and after how long.
func over(events *sdk.SubscribeToShardEventStream) (int, time.Duration, error) {
	start, n := time.Now(), 0
	for range events.Events() {
		n++
	}
	return n, time.Since(start), events.Err()
}

func TestPushing(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.puts(2)
		events, err := a.listen(a.consumer("c"), 0, types.StartingPosition{})
		if err != nil {
			t.Fatal(err)
		}
		defer events.Close()
		e, took := next(t, events)
		if got := dataOf(e.Records); got != "0 1" || *e.ContinuationSequenceNumber != *e.Records[1].SequenceNumber || *e.MillisBehindLatest != 0 {
			t.Errorf("got %q, %s, %d ms behind", got, *e.ContinuationSequenceNumber, *e.MillisBehindLatest)
		}
		wantNear(t, "the first event", took, 0)
		last := *e.ContinuationSequenceNumber
		e, took = next(t, events)
		if len(e.Records) != 0 || *e.ContinuationSequenceNumber != last {
			t.Errorf("got %v, %s", e.Records, *e.ContinuationSequenceNumber)
		}
		wantNear(t, "an empty event", took, 5*time.Second)
		time.Sleep(time.Second)
		a.put("key", "later")
		e, took = next(t, events)
		if got := dataOf(e.Records); got != "later" {
			t.Errorf("got %q", got)
		}
		wantNear(t, "a record", took, 0)
		a.split(0, half)
		e, _ = next(t, events)
		if len(e.ChildShards) != 2 || *e.ChildShards[1].ShardId != shardID(2) || e.ContinuationSequenceNumber != nil {
			t.Errorf("got %+v", e)
		}
		if n, took, err := over(events); n != 0 || took != 0 || err != nil {
			t.Errorf("%d events and %v later: %v", n, took, err)
		}
	})
}

// What is continued from where nothing has come yet begins with the first record.
func TestContinuing(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		c := a.consumer("c")
		events, err := a.listen(c, 0, types.StartingPosition{Type: newest})
		if err != nil {
			t.Fatal(err)
		}
		e, _ := next(t, events)
		events.Close()
		a.puts(3)
		time.Sleep(takeover)
		events, err = a.listen(c, 0, types.StartingPosition{Type: after, SequenceNumber: e.ContinuationSequenceNumber})
		if err != nil {
			t.Fatal(err)
		}
		defer events.Close()
		if e, _ = next(t, events); dataOf(e.Records) != "0 1 2" {
			t.Errorf("got %q", dataOf(e.Records))
		}
	})
}

func TestSubscriptionsEnd(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		c := a.consumer("c")
		events, err := a.listen(c, 0, types.StartingPosition{})
		if err != nil {
			t.Fatal(err)
		}
		n, took, err := over(events)
		if n < 59 || took != subscriptionLives || err != nil {
			t.Errorf("%d events, over after %v with %v", n, took, err)
		}
		if events, err = a.listen(c, 0, types.StartingPosition{}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.DeregisterStreamConsumer(t.Context(), &sdk.DeregisterStreamConsumerInput{ConsumerARN: c}); err != nil {
			t.Fatal(err)
		}
		_, _, err = over(events)
		refused(t, "deregistered", err, "ResourceNotFoundException", "Consumer c with creation timestamp")
		if events, err = a.listen(a.consumer("d"), 0, types.StartingPosition{}); err != nil {
			t.Fatal(err)
		}
		a.delete()
		_, _, err = over(events)
		refused(t, "deleted", err, "ResourceNotFoundException", "Stream orders under account 000000000000 not found.")
	})
}

func TestTakingOver(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		c := a.consumer("c")
		first, err := a.listen(c, 0, types.StartingPosition{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(takeover - time.Millisecond)
		_, err = a.listen(c, 0, types.StartingPosition{})
		refused(t, "soon", err, "ResourceInUseException", "Another active subscription exists for this consumer")
		if other, err := a.listen(a.consumer("d"), 0, types.StartingPosition{}); err != nil {
			t.Error(err)
		} else {
			defer other.Close()
		}
		time.Sleep(time.Millisecond)
		second, err := a.listen(c, 0, types.StartingPosition{})
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		_, _, err = over(first)
		refused(t, "taken over", err, "ResourceInUseException", "Another active subscription exists for this consumer")
		a.put("k", "x")
		if e, _ := next(t, second); dataOf(e.Records) != "x" {
			t.Errorf("got %q", dataOf(e.Records))
		}
	})
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		c := a.consumer("c")
		_, err := a.listen(c, 4, types.StartingPosition{})
		refused(t, "no shard", err, "ResourceNotFoundException", "does not exist")
		_, err = a.listen(aws.String(*c+"0"), 0, types.StartingPosition{})
		refused(t, "no consumer", err, "ResourceNotFoundException", "not found")
		_, err = a.listen(c, 0, types.StartingPosition{Type: after, SequenceNumber: aws.String("1")})
		refused(t, "no number", err, "InvalidArgumentException", "is invalid")
	})
}

// A subscription that is behind gets large events one after the other, and goes on with the oldest record when it is overtaken.
func TestCatchingUp(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.put("k", "trimmed")
		time.Sleep(minRetention + time.Second)
		for range 5 {
			a.put("k", strings.Repeat("x", 600<<10))
		}
		events, err := a.listen(a.consumer("c"), 0, types.StartingPosition{})
		if err != nil {
			t.Fatal(err)
		}
		defer events.Close()
		for i := range 5 {
			e, took := next(t, events)
			if len(e.Records) != 1 || took != 0 || (*e.MillisBehindLatest == 0) != (i == 4) {
				t.Errorf("event %d: %d records after %v, %d ms behind", i, len(e.Records), took, *e.MillisBehindLatest)
			}
		}
	})
}
