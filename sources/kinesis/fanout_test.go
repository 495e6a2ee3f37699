package kinesis

import (
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
	"github.com/esm-run/esm/sources/internal/answers"
	"github.com/esm-run/esm/sources/sourcetest"
)

// pushed is an open subscription as the service holds it.
type pushed struct {
	out *io.PipeWriter
	enc *eventstream.Encoder
}

func push() (*pushed, *answer) {
	in, out := io.Pipe()
	return &pushed{out: out, enc: eventstream.NewEncoder()}, &answer{status: http.StatusOK, stream: in}
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

// subscribe pushes what the shard has until five minutes are over: an event at the latest every five seconds.
func (p *played) subscribe(c call) *answer {
	at := c.in["StartingPosition"].(map[string]any)
	from, known := p.from(c.text("ShardId"), at["Type"], at["SequenceNumber"], at["Timestamp"])
	if !known {
		return refusal(http.StatusBadRequest, "InvalidArgumentException")
	}
	r, err := p.memory.Open(c.ctx, c.text("ShardId"), from)
	if err != nil {
		return failed(err)
	}
	s, open := push()
	go func() { // ends with the client's request, which every reader's Close ends
		defer s.out.Close()
		defer r.Close()
		_ = p.push(c, s, r, from.After)
	}()
	return open
}

func (p *played) push(c call, s *pushed, r esm.Reader, last string) error {
	if err := s.begin(); err != nil {
		return err
	}
	beat := time.Now()
	for end := beat.Add(subscriptionLives); time.Now().Before(end); {
		recs, err := r.Read(c.ctx, 100)
		if err == io.EOF {
			return s.event(map[string]any{"Records": []any{}, "MillisBehindLatest": 0, "ChildShards": []any{map[string]any{
				"ShardId": "child", "ParentShards": []any{c.text("ShardId")}, "HashKeyRange": map[string]any{},
			}}})
		}
		if err != nil {
			return s.exception("ResourceNotFoundException")
		}
		if len(recs) == 0 && time.Since(beat) < 5*time.Second {
			if err := smithytime.SleepWithContext(c.ctx, 50*time.Millisecond); err != nil {
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

func (p *played) fanOut() *service {
	s := p.service()
	s.answers["SubscribeToShard"] = p.subscribe
	return s
}

func TestSuiteByFanOut(t *testing.T) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		p := newPlayed(sourcetest.StreamConfig{})
		return fixture(p, p.fanOut().of(t, consumerARN))
	})
}

// newFanOut is a rig whose stream is read through a consumer.
func newFanOut(t *testing.T) *rig {
	p := newPlayed(sourcetest.StreamConfig{})
	s := p.fanOut()
	return &rig{T: t, played: p, service: s, stream: s.of(t, consumerARN)}
}

// collect reads until n records are there or a minute is over.
func (r *rig) collect(reader esm.Reader, n int) (data []string) {
	r.Helper()
	for start := time.Now(); len(data) < n && time.Since(start) < time.Minute; {
		data = append(data, r.read(reader, n-len(data))...)
	}
	return data
}

func TestSubscriptionsAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		reader := r.open(esm.From{})
		defer reader.Close()
		var got, want []string
		for start := time.Now(); time.Since(start) < 16*time.Minute; {
			want = append(want, time.Since(start).String())
			r.put(want[len(want)-1])
			got = append(got, r.collect(reader, 1)...)
			time.Sleep(20 * time.Second)
		}
		if !slices.Equal(got, want) {
			t.Errorf("read  %q\nwant %q", got, want)
		}
		calls := r.service.made("SubscribeToShard")
		if len(calls) != 4 || len(r.service.made("GetRecords")) != 0 {
			t.Fatalf("%d subscriptions and %d reads in 16 minutes", len(calls), len(r.service.made("GetRecords")))
		}
		for _, c := range calls[1:] {
			if at := c.in["StartingPosition"].(map[string]any); at["Type"] != "AFTER_SEQUENCE_NUMBER" || c.text("ConsumerARN") != consumerARN {
				t.Errorf("subscribed with %v", c.in)
			}
		}
	})
}

func TestASubscriptionInUseIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		inUse := says(400, "ResourceInUseException")
		r.instead("SubscribeToShard", inUse, inUse)
		r.put("a")
		reader := r.open(esm.From{})
		defer reader.Close()
		if got := r.collect(reader, 1); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
		for _, gap := range r.gaps("SubscribeToShard") {
			if gap < 5*time.Second || gap > 6*time.Second {
				t.Errorf("subscribed again after %s", gap)
			}
		}
	})
}

func TestASubscriptionThatStaysInUseIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.service.answers["SubscribeToShard"] = says(400, "ResourceInUseException")
		reader := r.open(esm.From{})
		defer reader.Close()
		r.read(reader, 1)
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, ErrInUse) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestErrorsOfSubscriptions(t *testing.T) {
	for code, want := range map[string]error{
		"ResourceNotFoundException": ErrNoConsumer, // the shard is there
		"AccessDeniedException":     ErrDenied,
		"KMSDisabledException":      ErrKey,
		"InvalidArgumentException":  nil,
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFanOut(t)
				r.service.answers["SubscribeToShard"] = says(400, code)
				_, err := r.stream.Open(t.Context(), firstShard, esm.From{})
				if err == nil || want != nil && !errors.Is(err, want) || answers.Decided(err) {
					t.Errorf("refused: %v, want %v", err, want)
				}
				r.service.answers["SubscribeToShard"] = r.subscribe
				r.instead("SubscribeToShard", broken, func(c call) *answer { return r.brief(c, code) })
				r.put("a")
				reader := r.open(esm.From{})
				defer reader.Close()
				if _, err := reader.Read(t.Context(), 1); err == nil || want != nil && !errors.Is(err, want) || answers.Decided(err) {
					t.Errorf("ended: %v, want %v", err, want)
				}
				if got := r.collect(reader, 1); !slices.Equal(got, []string{"a"}) {
					t.Errorf("afterwards read %q", got)
				}
			})
		})
	}
}

// brief is a subscription that ends at once with an exception; without a code it breaks.
func (r *rig) brief(_ call, code string, events ...map[string]any) *answer {
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

func TestABreakAtAClosedShardIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.put("a", "b")
		r.memory.Split(firstShard)
		recs := records(r.memory.Records(firstShard))
		r.instead("SubscribeToShard",
			func(c call) *answer {
				return r.brief(c, "", map[string]any{"Records": recs, "ContinuationSequenceNumber": "None"})
			},
			func(c call) *answer {
				return r.brief(c, "", map[string]any{"Records": []any{}, "ContinuationSequenceNumber": "0"})
			},
		)
		reader := r.open(esm.From{})
		defer reader.Close()
		if got := r.collect(reader, 2); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("read %q", got)
		}
		var err error
		for start := time.Now(); err == nil && time.Since(start) < time.Minute; {
			_, err = reader.Read(t.Context(), 1)
		}
		if err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if n := len(r.service.made("SubscribeToShard")); n != 2 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

func TestASilentSubscriptionIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.instead("SubscribeToShard", func(c call) *answer {
			s, open := push()
			go func() {
				_ = s.begin()
				<-c.ctx.Done()
				s.out.Close()
			}()
			return open
		})
		r.put("a")
		reader := r.open(esm.From{})
		defer reader.Close()
		start := time.Now()
		if got := r.collect(reader, 1); !slices.Equal(got, []string{"a"}) || time.Since(start) != silence {
			t.Errorf("read %q after %s", got, time.Since(start))
		}
	})
}

// The SDK waits for the first event of a subscription, which tells that it was made, however long that takes.
func TestASubscriptionThatNeverBeginsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.instead("SubscribeToShard", func(c call) *answer {
			s, open := push()
			go func() {
				<-c.ctx.Done()
				s.out.CloseWithError(c.ctx.Err())
			}()
			return open
		})
		start := time.Now()
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || answers.Decided(err) || time.Since(start) != silence {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		r.open(esm.From{}).Close()
	})
}
