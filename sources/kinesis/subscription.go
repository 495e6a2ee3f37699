package kinesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/polling"
)

// Limits of SubscribeToShard (API reference), and how this package uses it.
const (
	subscriptionLife = 5 * time.Minute
	subscribeEvery   = time.Second      // for one shard
	retryInUse       = 5 * time.Second  // how long a new subscription is refused after another one
	maxSilence       = 30 * time.Second // an event is sent every five seconds, even without records
	readWait         = 5 * time.Second  // for an event, in one Read
	maxRefused       = 3                // subscriptions in a row before the error is returned
)

// subscription reads a shard by enhanced fan-out. It belongs to one goroutine.
//
// A subscription lasts five minutes and is then renewed at its position. If one ends early without records, one GetRecords
// decides whether the shard is closed and drained (LocalStack ends subscriptions at the end of a closed shard).
type subscription struct {
	stream *Stream
	shard  string
	hashes hashes

	start     start       // of the next record
	skip      string      // with start.within, the position of the last returned record: "number/index"
	conn      *connection // nil between connections
	ahead     polling.Buffer[esm.Record]
	lastRead  time.Time // when the last event was sent, or the connection made
	notBefore time.Time // of the next SubscribeToShard
	refused   int       // refused SubscribeToShard calls in a row
}

var _ esm.Reader = (*subscription)(nil)

// subscribe opens a shard by a subscription.
func (s *Stream) subscribe(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r := &subscription{stream: s, shard: shard, start: newStart(from)}
	if r.start.within {
		r.skip = from.After
	}
	var err error
	if r.hashes, err = s.hashesOf(ctx, shard, r.start); err == nil {
		err = r.connect(ctx)
	}
	if err != nil {
		return nil, s.failed("subscribe to "+shard+" of", err)
	}
	return r, nil
}

// Read implements [esm.Reader]. It waits a few seconds for the next event of the subscription, which may bring no records.
func (r *subscription) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.ahead.Read(ctx, limit, r.receive, func(rec *esm.Record) esm.Record { return *rec })
	return recs, r.stream.failed("read "+r.shard+" of", err)
}

// receive waits for one event.
func (r *subscription) receive(ctx context.Context) error {
	if r.conn == nil {
		if err := r.connect(ctx); err != nil || r.conn == nil {
			return err
		}
	}
	timer := time.NewTimer(readWait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case event, more := <-r.conn.events.Events():
		if !more {
			return r.ended(ctx)
		}
		if e, known := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); known {
			return r.accept(ctx, &e.Value)
		}
	case <-timer.C:
	}
	return nil
}

// accept takes the records of an event. The last event of a closed shard has no ContinuationSequenceNumber.
func (r *subscription) accept(ctx context.Context, e *types.SubscribeToShardEvent) error {
	r.lastRead = earlier(time.Now(), r.conn.since.Add(subscriptionLife)) // it may have waited for a Read
	recs, next, err := r.start.accept(e.Records)
	if err != nil {
		r.drop()
		return err
	}
	r.start = next
	r.conn.records += len(recs)
	r.add(recs)
	switch next := aws.ToString(e.ContinuationSequenceNumber); {
	case next != "":
		r.advance(next)
		return nil
	case len(e.ChildShards) > 0:
		r.ahead.Closed = true
		r.drop()
		return nil
	}
	r.drop()
	return r.poll(ctx)
}

// advance moves the start after a sequence number, unless a record at the start is still to come. Emulators may send
// something that is no number, or an earlier number.
func (r *subscription) advance(number string) {
	if isNumber(number) && config.ComparePositions(r.start.after, number) < 0 && !r.start.within && !r.start.verify {
		r.start = start{after: number, at: r.start.at}
	}
}

func (r *subscription) add(recs []types.Record) {
	for i := range recs {
		r.ahead.Records = append(r.ahead.Records, r.stream.expand(r.shard, r.hashes, r.skip, &recs[i])...)
		r.skip = ""
	}
}

// expand returns r, or the records of an aggregate after the position skip. Those have the sequence number of the aggregate,
// and positions within it.
func (s *Stream) expand(shard string, hashes hashes, skip string, r *types.Record) []esm.Record {
	a, ok := parseAggregate(r.Data)
	if !ok {
		return []esm.Record{s.record(shard, r)}
	}
	if !hashes.holds(a) {
		return nil
	}
	first := 0
	if number, place, within := strings.Cut(skip, "/"); within && number == aws.ToString(r.SequenceNumber) {
		last, _ := strconv.Atoi(place) // not a number, so never a position: return all records
		first = last + 1
	}
	var out []esm.Record
	for i := first; i < len(a.records); i++ {
		one := *r
		one.PartitionKey, one.Data = &a.keys[a.records[i].key], a.records[i].data
		rec := s.record(shard, &one)
		rec.Receipt += "/" + strconv.Itoa(i)
		out = append(out, rec)
	}
	return out
}

// ended handles the end of a connection.
func (r *subscription) ended(ctx context.Context) error {
	err := r.conn.events.Err()
	received, lived := r.conn.records > 0, time.Since(r.conn.since)
	r.drop()
	if awserr.Code(err) != "" {
		return r.explain(ctx, err)
	}
	if received || lived >= subscriptionLife-subscribeEvery {
		return nil
	}
	return r.poll(ctx)
}

// poll makes one GetRecords at the start.
func (r *subscription) poll(ctx context.Context) error {
	p := r.stream.reader(r.shard, r.start, r.lastRead)
	defer p.Close()
	if err := p.Fetch(ctx); err != nil {
		return err
	}
	r.start = p.shard.start
	r.add(p.Records)
	r.ahead.Closed = p.Closed
	return nil
}

// explain returns the reason for which a subscription was refused or ended.
func (r *subscription) explain(ctx context.Context, err error) error {
	switch {
	case awserr.Code(err) == "ResourceInUseException":
		return fmt.Errorf("%w: %w", ErrInUse, err)
	case !awserr.NotFound(err) && !awserr.Invalid(err) && !(awserr.Internal(err) && r.stream.emulated()):
		return err
	}
	if _, why := r.stream.iterator(ctx, r.shard, r.start); why != nil {
		return why
	}
	if awserr.NotFound(err) { // stream, shard and position are there
		return fmt.Errorf("%w: %w", ErrNoConsumer, err)
	}
	return err
}

// connect subscribes as soon as that is allowed. It may return nil without a connection while the consumer is in use, as
// it may be by the process before a restart.
func (r *subscription) connect(ctx context.Context) error {
	if err := sleepUntil(ctx, r.notBefore); err != nil {
		return err
	}
	r.notBefore = time.Now().Add(subscribeEvery)
	r.start = r.start.verifyAfter(r.lastRead)
	conn, err := r.stream.connect(ctx, r.shard, r.start)
	if err == nil {
		r.conn, r.refused, r.lastRead = conn, 0, conn.since
		return nil
	}
	if err = r.explain(ctx, err); !errors.Is(err, ErrInUse) && !awserr.Throttled(err) {
		return err
	}
	r.notBefore = time.Now().Add(retryInUse + rand.N(time.Second))
	if r.refused++; r.refused < maxRefused {
		return nil
	}
	return err
}

func (r *subscription) drop() {
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}

// Close implements [esm.Reader].
func (r *subscription) Close() { r.drop() }
