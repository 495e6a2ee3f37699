package kinesis

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// pushed is the service's end of a subscription.
type pushed struct {
	out *io.PipeWriter
	enc *eventstream.Encoder
}

func push() (*pushed, *awstest.Answer) {
	in, out := io.Pipe()
	return &pushed{out: out, enc: eventstream.NewEncoder()}, &awstest.Answer{Status: http.StatusOK, Stream: in}
}

func (p *pushed) frame(kind, name string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	m := eventstream.Message{Payload: text}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	return p.enc.Encode(p.out, m)
}

func (p *pushed) begin() error { return p.frame("event", "initial-response", map[string]any{}) }

func (p *pushed) event(e map[string]any) error {
	return p.frame("event", "SubscribeToShardEvent", e)
}

func (p *pushed) exception(code string) error {
	return p.frame("exception", code, map[string]any{"message": "no"})
}

// subscribe pushes the records of a shard for five minutes, and an event at least every five seconds.
func (p *played) subscribe(c awstest.Call) *awstest.Answer {
	at := c.In["StartingPosition"].(map[string]any)
	from, known := p.from(c.Text("ShardId"), at["Type"], at["SequenceNumber"], at["Timestamp"])
	if !known {
		return awstest.Refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	r, err := p.Memory.Open(c.Ctx, c.Text("ShardId"), from)
	if err != nil {
		return p.Fail(err)
	}
	s, open := push()
	go func() { // ends with the client's request, which every reader's Close ends
		defer s.out.Close()
		defer r.Close()
		_ = p.push(c, s, r, from.After)
	}()
	return open
}

func (p *played) push(c awstest.Call, s *pushed, r esm.Reader, last string) error {
	if err := s.begin(); err != nil {
		return err
	}
	beat := time.Now()
	for end := beat.Add(subscriptionLife); time.Now().Before(end); {
		recs, err := r.Read(c.Ctx, 100)
		if err == io.EOF {
			return s.event(map[string]any{"Records": []any{}, "MillisBehindLatest": 0, "ChildShards": []any{map[string]any{
				"ShardId": "child", "ParentShards": []any{c.Text("ShardId")}, "HashKeyRange": map[string]any{},
			}}})
		}
		if err != nil {
			return s.exception("ResourceNotFoundException")
		}
		if len(recs) == 0 && time.Since(beat) < 5*time.Second {
			if err := smithytime.SleepWithContext(c.Ctx, 50*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		beat = time.Now()
		e := map[string]any{"Records": records(recs), "MillisBehindLatest": 0}
		if len(recs) > 0 {
			last = recs[len(recs)-1].Receipt
		}
		if e["ContinuationSequenceNumber"] = last; last == "" {
			e["ContinuationSequenceNumber"] = "0"
		}
		if err := s.event(e); err != nil {
			return err
		}
	}
	return nil
}

func TestSubscriptionsAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		reader := r.Open(esm.From{})
		defer reader.Close()
		var got, want []string
		for start := time.Now(); time.Since(start) < 16*time.Minute; {
			want = append(want, time.Since(start).String())
			r.Put(want[len(want)-1])
			got = append(got, r.Collect(reader, 1)...)
			time.Sleep(20 * time.Second)
		}
		if !slices.Equal(got, want) {
			t.Errorf("read  %q\nwant %q", got, want)
		}
		calls := r.Calls("SubscribeToShard")
		if len(calls) != 4 || len(r.Calls("GetRecords")) != 0 {
			t.Fatalf("%d subscriptions and %d reads in 16 minutes", len(calls), len(r.Calls("GetRecords")))
		}
		for _, c := range calls[1:] {
			if at := c.In["StartingPosition"].(map[string]any); at["Type"] != "AFTER_SEQUENCE_NUMBER" || c.Text("ConsumerARN") != consumerARN {
				t.Errorf("subscribed with %v", c.In)
			}
		}
	})
}

func TestConsumerInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		inUse := awstest.Refuse(400, "ResourceInUseException")
		r.First("SubscribeToShard", inUse, inUse)
		r.Put("a")
		reader := r.Open(esm.From{})
		defer reader.Close()
		if got := r.Collect(reader, 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
		for _, gap := range r.Gaps("SubscribeToShard") {
			if gap < 5*time.Second || gap > 6*time.Second {
				t.Errorf("subscribed again after %s", gap)
			}
		}
	})
}

func TestConsumerStaysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.Answers["SubscribeToShard"] = awstest.Refuse(400, "ResourceInUseException")
		reader := r.Open(esm.From{})
		defer reader.Close()
		r.Read(reader, 1)
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, ErrInUse) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestSubscriptionErrors(t *testing.T) {
	for code, want := range map[string]error{
		"ResourceNotFoundException": ErrNoConsumer, // the shard is there
		"AccessDeniedException":     ErrDenied,
		"KMSDisabledException":      ErrKey,
		"InvalidArgumentException":  nil,
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFanOut(t)
				usual := r.Answers["SubscribeToShard"]
				r.Answers["SubscribeToShard"] = awstest.Refuse(400, code)
				_, err := r.stream.Open(t.Context(), firstShard, esm.From{})
				if err == nil || want != nil && !errors.Is(err, want) || awserr.Decided(err) {
					t.Errorf("refused: %v, want %v", err, want)
				}
				r.Answers["SubscribeToShard"] = usual
				r.First("SubscribeToShard", awstest.Break, shortLived(code))
				r.Put("a")
				reader := r.Open(esm.From{})
				defer reader.Close()
				if _, err := reader.Read(t.Context(), 1); err == nil || want != nil && !errors.Is(err, want) || awserr.Decided(err) {
					t.Errorf("ended: %v, want %v", err, want)
				}
				if got := r.Collect(reader, 1); !slices.Equal(got, []string{"a"}) {
					t.Errorf("afterwards read %q", got)
				}
			})
		})
	}
}

// shortLived answers with a subscription that ends after some events: by an exception, or by a broken connection without a
// code.
func shortLived(code string, events ...map[string]any) awstest.Handler {
	return func(awstest.Call) *awstest.Answer {
		s, open := push()
		go func() {
			defer s.out.CloseWithError(io.ErrUnexpectedEOF)
			_ = s.begin()
			for _, e := range events {
				_ = s.event(e)
			}
			if code != "" {
				_ = s.exception(code)
			}
		}()
		return open
	}
}

func TestBrokenSubscriptionOfClosedShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.Put("a", "b")
		r.Memory.Split(firstShard)
		recs := records(r.Memory.Records(firstShard))
		r.First("SubscribeToShard",
			shortLived("", map[string]any{"Records": recs, "ContinuationSequenceNumber": "None"}),
			shortLived("", map[string]any{"Records": []any{}, "ContinuationSequenceNumber": "0"}),
		)
		reader := r.Open(esm.From{})
		defer reader.Close()
		if got := r.Collect(reader, 2); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("read %q", got)
		}
		var err error
		for start := time.Now(); err == nil && time.Since(start) < time.Minute; {
			_, err = reader.Read(t.Context(), 1)
		}
		if err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if n := len(r.Calls("SubscribeToShard")); n != 2 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

func TestSilentSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.First("SubscribeToShard", func(c awstest.Call) *awstest.Answer {
			s, open := push()
			go func() {
				_ = s.begin()
				<-c.Ctx.Done()
				s.out.Close()
			}()
			return open
		})
		r.Put("a")
		reader := r.Open(esm.From{})
		defer reader.Close()
		start := time.Now()
		if got := r.Collect(reader, 1); !slices.Equal(got, []string{"a"}) || time.Since(start) != maxSilence {
			t.Errorf("read %q after %s", got, time.Since(start))
		}
	})
}

// The SDK waits for the first event of a subscription without a limit.
func TestSubscriptionNeverBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.First("SubscribeToShard", func(c awstest.Call) *awstest.Answer {
			s, open := push()
			go func() {
				<-c.Ctx.Done()
				s.out.CloseWithError(c.Ctx.Err())
			}()
			return open
		})
		start := time.Now()
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || awserr.Decided(err) || errors.Is(err, context.Canceled) || time.Since(start) != maxSilence {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		r.Open(esm.From{}).Close()
	})
}

// LocalStack answers with an internal error if it does not know a consumer, a stream, a shard or a position.
func TestFanOutInternalErrors(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*rig)
		from  esm.From
		want  error // nil: it passes
	}{
		"the consumer": {spoil: func(*rig) {}},
		"the position": {spoil: func(*rig) {}, from: esm.From{After: "99"}, want: esm.ErrForeign},
		"the stream":   {spoil: func(r *rig) { r.Memory.Delete() }, want: esm.ErrNoStream},
		"the shard": {want: esm.ErrNoShard, spoil: func(r *rig) {
			r.Answers["GetShardIterator"] = awstest.Refuse(http.StatusBadRequest, "ResourceNotFoundException")
			r.Answers["ListShards"] = func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"Shards": []any{}}) }
		}},
	} {
		for _, endpoint := range []string{"", "http://127.0.0.1:4566"} {
			t.Run(name+" "+endpoint, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					emulated := endpoint != ""
					r := rigOf(t, sourcetest.StreamConfig{}, consumerARN, endpoint)
					if _, err := r.stream.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					test.spoil(r)
					r.Answers["SubscribeToShard"] = awstest.Refuse(http.StatusInternalServerError, "InternalError")
					_, err := r.stream.Open(t.Context(), firstShard, test.from)
					if awserr.Decided(err) != (emulated && test.want != nil) || err == nil || emulated && test.want != nil && !errors.Is(err, test.want) {
						t.Errorf("%v, want %v", err, test.want)
					}
				})
			})
		}
	}
}

// A listing may omit a shard. Treating it as gone would lose its records.
func TestUnlistedShardIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		usual := r.Answers["ListShards"]
		r.Answers["ListShards"] = func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"Shards": []any{}}) }
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || awserr.Decided(err) {
			t.Errorf("not listed: %v", err)
		}
		r.Answers["ListShards"] = usual
		r.Open(esm.From{}).Close()
	})
}
