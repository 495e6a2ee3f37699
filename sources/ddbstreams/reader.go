package ddbstreams

import (
	"context"
	"math/rand/v2"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/ahead"
	"github.com/esm-run/esm/sources/internal/answers"
)

const (
	idle    = time.Second / 4 // between reads of a shard that has nothing (AWS: "Polling and batching streams")
	atMost  = 1000            // records that one GetRecords can bring; what Read does not take at once waits for the next
	patient = 10              // reads that were throttled one after the other before somebody is told
)

// reader reads a shard by GetRecords. It belongs to one goroutine.
type reader struct {
	stream *Stream
	shard  string

	after     string    // the sequence number behind which the next record is; empty before the first
	since     time.Time // records before it are passed over; zero once one was not
	iterator  iterator
	ahead     ahead.Records[types.Record]
	notBefore time.Time // of the next GetRecords
	throttles int       // since the last that went well
}

var _ esm.Reader = (*reader)(nil)

// Read is [esm.Reader].Read. It hands out what the last GetRecords brought, and makes the next when that is all gone: at
// once while records keep coming, and a quarter of a second after one that found nothing.
//
// A read that is throttled finds nothing, and the next waits for a second; after several in a row the error is
// [ErrSlowDown].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.ahead.Read(ctx, limit, r.fetch, r.stream.shape.record)
	return recs, r.stream.failed("read "+r.shard+" of", err)
}

// fetch makes one GetRecords that counts: a second one when the iterator turned out to be of no use.
func (r *reader) fetch(ctx context.Context) error {
	if err := smithytime.SleepWithContext(ctx, time.Until(r.notBefore)); err != nil {
		return err
	}
	err := r.get(ctx)
	first := answers.Code(err)
	if trimmed(err) && !r.since.IsZero() {
		r.after = "" // no record was handed out yet: the oldest that there is will do
	}
	if r.spent(err) {
		err = r.get(ctx)
	}
	gone := !answers.Decided(err) && (notFound(err) || trimmed(err) && r.after == "")
	if gone && answers.Code(err) == first { // to believe it costs the shard's records: it has to be said twice
		return r.stream.emptied(ctx, r.shard, err)
	}
	if !throttled(err) {
		r.throttles = 0
		return err
	}
	r.notBefore = time.Now().Add(time.Second + rand.N(time.Second/4))
	if r.throttles++; r.throttles < patient {
		return nil
	}
	return err
}

// spent reports whether a new iterator may help: the old one is too old, or it is none of this stream any more, or the
// oldest record that there was is no longer kept.
func (r *reader) spent(err error) bool {
	return !answers.Decided(err) && (expired(err) || notFound(err) || refused(err) || trimmed(err) && r.after == "")
}

func (r *reader) get(ctx context.Context) error {
	if !r.iterator.usable(time.Now()) {
		if err := r.renew(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	out, err := r.stream.client.GetRecords(ctx, &sdk.GetRecordsInput{
		ShardIterator: &r.iterator.text, Limit: new(int32(atMost)),
	}, atMostTwice)
	if answers.Code(err) != "" && !throttled(err) {
		r.iterator = iterator{} // the service may not know it any more
	}
	if err != nil {
		return err
	}
	if out.Records == nil && deref(out.NextShardIterator) == "" {
		return errHollow // the end of a shard comes with records, if none of them
	}
	r.took(out, began)
	return nil
}

// renew gets an iterator for where the next record is.
func (r *reader) renew(ctx context.Context) (err error) {
	r.iterator, err = r.stream.iterate(ctx, r.shard, r.after)
	return err
}

// took keeps what a GetRecords brought.
func (r *reader) took(out *sdk.GetRecordsOutput, began time.Time) {
	r.notBefore = time.Time{}
	if n := len(out.Records); n == 0 {
		r.notBefore = began.Add(idle)
	} else if seq := numberOf(&out.Records[n-1]); seq != "" {
		r.after = seq
	}
	r.ahead.Came = r.wanted(out.Records)
	r.iterator = iterator{text: deref(out.NextShardIterator), since: time.Now()}
	r.ahead.Closed = r.iterator.text == ""
}

// wanted is what there is of recs since the time at which reading begins.
func (r *reader) wanted(recs []types.Record) []types.Record {
	for i := range recs {
		if r.since.IsZero() || !before(&recs[i], r.since) {
			r.since = time.Time{}
			return recs[i:]
		}
	}
	return nil
}

// Close is [esm.Reader].Close. A reader holds nothing.
func (r *reader) Close() {}
