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
	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awserr"
	"github.com/esm-run/esm/sources/internal/readahead"
)

// What a consumer keeps to (API reference: "SubscribeToShard").
const (
	subscriptionLives  = 5 * time.Minute
	betweenSubscribing = time.Second      // of one shard
	taken              = 5 * time.Second  // as long after a subscription another is refused
	heartbeat          = 30 * time.Second // an event comes every five seconds, records or not
	listens            = 5 * time.Second  // one Read
	refusals           = 3                // in a row, before somebody is told
)

// subscription reads a shard by enhanced fan-out. It belongs to one goroutine.
//
// A subscription ends after five minutes and is made anew from where it was. One that breaks early without having brought
// a record is not trusted: the shard is looked at by GetRecords, which tells for certain whether it is closed and drained.
// (LocalStack's breaks at the end of a closed shard.)
type subscription struct {
	stream *Stream
	shard  string
	hashes hashes

	start     start  // where the next record is
	skip      string // with start.within, the last of the records in the aggregate that was handed out: "number/n"
	live      *live  // nil between subscriptions
	ahead     readahead.Buffer[esm.Record]
	heard     time.Time // when the last event was sent, or the subscription made
	notBefore time.Time // of the next SubscribeToShard
	refused   int       // subscriptions since the last that was made
}

var _ esm.Reader = (*subscription)(nil)

// subscribed opens a shard by a subscription.
func (s *Stream) subscribed(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r := &subscription{stream: s, shard: shard, start: newStart(from)}
	if r.start.within {
		r.skip = from.After
	}
	var err error
	if r.hashes, err = s.hashesOf(ctx, shard, r.start); err == nil {
		err = r.subscribe(ctx)
	}
	if err != nil {
		return nil, s.failed("subscribe to "+shard+" of", err)
	}
	return r, nil
}

// Read is [esm.Reader].Read. It waits a few seconds for the next event of the subscription, which may bring no records.
func (r *subscription) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.ahead.Read(ctx, limit, r.receive, func(rec *esm.Record) esm.Record { return *rec })
	return recs, r.stream.failed("read "+r.shard+" of", err)
}

// receive waits for one event.
func (r *subscription) receive(ctx context.Context) error {
	if r.live == nil {
		if err := r.subscribe(ctx); err != nil || r.live == nil {
			return err
		}
	}
	timer := time.NewTimer(listens)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case event, more := <-r.live.events.Events():
		if !more {
			return r.ended(ctx)
		}
		if e, known := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent); known {
			return r.took(ctx, &e.Value)
		}
	case <-timer.C:
	}
	return nil
}

// took keeps what an event brought. The last event of a closed shard does not say where to go on.
func (r *subscription) took(ctx context.Context, e *types.SubscribeToShardEvent) error {
	r.heard = earlier(time.Now(), r.live.since.Add(subscriptionLives)) // it may have waited here for a reader that was held up
	came, next, err := r.start.took(e.Records)
	if err != nil {
		r.drop()
		return err
	}
	r.start = next
	r.live.records += len(came)
	r.add(came)
	switch next := aws.ToString(e.ContinuationSequenceNumber); {
	case next != "":
		r.goOn(next)
		return nil
	case len(e.ChildShards) > 0:
		r.ahead.Closed = true
		r.drop()
		return nil
	}
	r.drop()
	return r.look(ctx)
}

// goOn moves the start behind a sequence number, which emulators may give as something else or as one that is past, unless
// a record is still to come that is asked for by its own number.
func (r *subscription) goOn(number string) {
	if isNumber(number) && less(r.start.after, number) && !r.start.within && !r.start.doubt {
		r.start = start{after: number, at: r.start.at}
	}
}

// add makes records of what came.
func (r *subscription) add(came []types.Record) {
	for i := range came {
		r.ahead.Records = append(r.ahead.Records, r.stream.apart(r.shard, r.hashes, r.skip, &came[i])...)
		r.skip = ""
	}
}

// apart is what a record holds: itself, or the records of an aggregate behind the one that is to be skipped. These have the
// number of the whole, and positions within it.
func (s *Stream) apart(shard string, hashes hashes, skip string, r *types.Record) []esm.Record {
	a, ok := parseAggregate(r.Data)
	if !ok {
		return []esm.Record{s.record(shard, r)}
	}
	if !hashes.holds(a) {
		return nil
	}
	first := 0
	if number, place, within := strings.Cut(skip, "/"); within && number == aws.ToString(r.SequenceNumber) {
		last, _ := strconv.Atoi(place) // what is no number was never a position: all are handed out
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

// ended deals with a subscription that has come to its end, or broke.
func (r *subscription) ended(ctx context.Context) error {
	err := r.live.events.Err()
	brought, lived := r.live.records > 0, time.Since(r.live.since)
	r.drop()
	if awserr.Code(err) != "" {
		return r.explain(ctx, err)
	}
	if brought || lived >= subscriptionLives-betweenSubscribing {
		return nil
	}
	return r.look(ctx)
}

// look makes one GetRecords where the subscription was.
func (r *subscription) look(ctx context.Context) error {
	p := r.stream.reader(r.shard, r.start, r.heard)
	defer p.Close()
	if err := p.Fetch(ctx); err != nil {
		return err
	}
	r.start = p.shard.start
	r.add(p.Records)
	r.ahead.Closed = p.Closed
	return nil
}

// explain says what it means that a subscription was refused or ended.
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

// subscribe makes a subscription, as soon as one may be made. Without an error there may be none yet: somebody has it, the
// reader that was here before the process was started anew perhaps.
func (r *subscription) subscribe(ctx context.Context) error {
	if err := smithytime.SleepWithContext(ctx, time.Until(r.notBefore)); err != nil {
		return err
	}
	r.notBefore = time.Now().Add(betweenSubscribing)
	r.start = r.start.since(r.heard)
	l, err := r.stream.subscribe(ctx, r.shard, r.start)
	if err == nil {
		r.live, r.refused, r.heard = l, 0, l.since
		return nil
	}
	if err = r.explain(ctx, err); !errors.Is(err, ErrInUse) && !awserr.Throttled(err) {
		return err
	}
	r.notBefore = time.Now().Add(taken + rand.N(time.Second))
	if r.refused++; r.refused < refusals {
		return nil
	}
	return err
}

func (r *subscription) drop() {
	if r.live != nil {
		r.live.end()
		r.live = nil
	}
}

// Close is [esm.Reader].Close.
func (r *subscription) Close() { r.drop() }
