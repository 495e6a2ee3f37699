package kinesis

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const (
	subscriptionLifetime = 5 * time.Minute
	takeover             = 5 * time.Second // a subscription cannot be replaced earlier
	heartbeat            = 5 * time.Second // the longest time between events
	maxEvent             = 1 << 20         // bytes of data and keys in an event
	maxEventRecords      = 10_000
)

// A subscription is one SubscribeToShard that was accepted.
type subscription struct {
	since millis
	ended chan struct{} // closed to end it early
	why   error         // set before ended is closed
}

// end ends a subscription. It is called once, when the consumer forgets the subscription.
func (sub *subscription) end(why error) {
	sub.why = why
	close(sub.ended)
}

type subscribeInput struct {
	ConsumerARN, ShardId string
	StartingPosition     position
}

// A feed pushes one shard to one subscriber.
type feed struct {
	stream *stream
	shard  *shard
	next   int64
	sub    *subscription
	out    *events
}

// subscribe performs SubscribeToShard. It ends with the shard, with the request's context, after five minutes, when another
// subscription replaces it, and when the consumer or the stream is deleted.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, body []byte) error {
	var in subscribeInput
	if err := wire.Decode(body, &in); err != nil {
		return err
	}
	f, err := s.accept(in)
	if err != nil {
		return err
	}
	f.out = newEvents(w)
	ctx, cancel := context.WithTimeout(r.Context(), subscriptionLifetime)
	defer cancel()
	err = f.run(ctx)
	if e, ok := errors.AsType[*wire.Error](err); ok {
		f.out.exception(e) // an error means that the client is gone
	}
	return nil
}

// accept makes a subscription, unless there is one that is too young to be replaced.
func (s *Server) accept(in subscribeInput) (*feed, error) {
	st, c, err := s.consumer(consumerRef{ConsumerARN: in.ConsumerARN})
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	now := now()
	sh, err := st.named(in.ShardId, now)
	if err != nil {
		return nil, err
	}
	next, err := st.seek(sh, in.StartingPosition, now)
	if err != nil {
		return nil, err
	}
	if old := c.subscriptions[sh.index]; old != nil {
		used := inUse("Another active subscription exists for this consumer: %s:%s:%s:%s", st.account, st.name, sh.id(), c.name)
		if int64(now-old.since) < takeover.Milliseconds() {
			return nil, used
		}
		old.end(used)
	}
	sub := &subscription{since: now, ended: make(chan struct{})}
	c.subscriptions[sh.index] = sub
	return &feed{stream: st, shard: sh, next: next, sub: sub}, nil
}

// run pushes events until the subscription ends. It returns why, or nil at the end of the shard.
func (f *feed) run(ctx context.Context) error {
	if err := f.out.begin(); err != nil {
		return err
	}
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for due := false; ; {
		p, changed := f.read()
		if due || p.end || len(p.recs) > 0 {
			if err := f.out.page(p, f.shard.number(p.next-1).String()); err != nil || p.end {
				return err
			}
			timer.Reset(heartbeat)
		}
		f.next, due = p.next, false
		if p.behind > 0 {
			changed = closed
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.sub.ended:
			return f.sub.why
		case <-f.stream.deleted:
			return noStream(f.stream.name, f.stream.account)
		case <-timer.C:
			due = true
		case <-changed:
		}
	}
}

// closed is a closed channel.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// read returns the next page, and a channel that is closed when there may be another.
func (f *feed) read() (page, <-chan struct{}) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	now := now()
	f.shard.trim(f.stream.horizon(now))
	return f.shard.read(f.next, maxEventRecords, maxEvent, now), f.shard.nextChange()
}

// events writes a response in the framing of Amazon Event Stream.
type events struct {
	w       http.ResponseWriter
	flusher *http.ResponseController
	encoder *eventstream.Encoder
}

func newEvents(w http.ResponseWriter) *events {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	return &events{w: w, flusher: http.NewResponseController(w), encoder: eventstream.NewEncoder()}
}

func (e *events) begin() error { return e.write("event", "initial-response", []byte("{}")) }

// page writes an event. Last is the sequence number of the last record pushed so far.
func (e *events) page(p page, last string) error {
	size := 256
	for i := range p.recs {
		size += len(p.recs[i].text) + 1
	}
	b := append(make([]byte, 0, size), `{"Records":[`...)
	for i := range p.recs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, p.recs[i].text...)
	}
	b = strconv.AppendInt(append(b, `],"MillisBehindLatest":`...), int64(p.behind), 10)
	if p.end {
		b = append(append(b, `,"ChildShards":`...), encodeChildren(p.children)...)
	} else {
		b = append(append(append(b, `,"ContinuationSequenceNumber":"`...), last...), '"')
	}
	return e.write("event", "SubscribeToShardEvent", append(b, '}'))
}

func (e *events) exception(err *wire.Error) error {
	body, _ := err.MarshalJSON() // strings always encode
	return e.write("exception", err.ErrorCode(), body)
}

func (e *events) write(kind, name string, payload []byte) error {
	m := eventstream.Message{Payload: payload}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if err := e.encoder.Encode(e.w, m); err != nil {
		return err
	}
	return e.flusher.Flush()
}
