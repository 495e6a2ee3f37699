package kinesis

import (
	"context"
	"errors"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/ahead"
	"github.com/esm-run/esm/sources/internal/answers"
)

const (
	idle    = time.Second // between reads of a shard that has nothing (AWS: "Polling and batching streams")
	patient = 10          // reads that were throttled one after the other before somebody is told
)

// How much one GetRecords asks for; what Read does not take at once waits for the next. It can bring 10 MB, which would be
// much to hold for each of many shards, and 1 MB is enough to read as fast as a shard may be read.
const (
	aim     = 1_000_000 // bytes, going by the size of the records before
	atFirst = 1000      // records, when there were none
	atMost  = 10_000    // records that the service takes for a limit
)

// reader reads a shard by GetRecords. It belongs to one goroutine.
type reader struct {
	stream *Stream
	shard  string
	track  *track

	start     start // where the next record is
	iterator  iterator
	heard     time.Time // when the last GetRecords went well
	ahead     ahead.Records[types.Record]
	size      int       // of a record in bytes, on average in the last answer that had some; 0 before
	notBefore time.Time // of the next GetRecords
	throttles int       // since the last that went well
}

var _ esm.Reader = (*reader)(nil)

// Read is [esm.Reader].Read. It hands out what the last GetRecords brought, and makes the next when that is all gone: in
// the pace of the shard, at once while records keep coming and a second after the last one otherwise.
//
// A read that is throttled finds nothing and slows the shard down; after several in a row the error is [ErrSlowDown].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.ahead.Read(ctx, limit, r.fetch, r.record)
	return recs, r.stream.failed("read "+r.shard+" of", err)
}

func (r *reader) record(rec *types.Record) esm.Record { return r.stream.record(r.shard, rec) }

// fetch makes one GetRecords that counts: a second one when the iterator turned out to be of no use. What is not found
// then is decided about when another iterator is asked for.
func (r *reader) fetch(ctx context.Context) error {
	err := r.get(ctx)
	if spent(err) {
		err = r.get(ctx)
	}
	if !throttled(err) {
		r.throttles = 0
		return err
	}
	r.track.throttled(time.Now())
	if r.throttles++; r.throttles < patient {
		return nil
	}
	return err
}

// spent reports whether a new iterator may help: the old one is too old, or it is none of this stream any more.
func spent(err error) bool {
	_, expired := errors.AsType[*types.ExpiredIteratorException](err)
	return !answers.Decided(err) && (expired || notFound(err) || refused(err))
}

func (r *reader) get(ctx context.Context) error {
	if !r.iterator.usable(time.Now()) {
		if err := r.renew(ctx); err != nil {
			return err
		}
	}
	leave, err := r.track.read(ctx, r.notBefore)
	if err != nil {
		return err
	}
	defer leave()
	began := time.Now()
	out, err := r.stream.client.GetRecords(ctx, &sdk.GetRecordsInput{
		StreamARN:     &r.stream.arn.stream,
		ShardIterator: &r.iterator.text,
		Limit:         new(r.limit()),
	}, atMostTwice)
	if answers.Code(err) != "" && !throttled(err) {
		r.iterator = iterator{} // the service may not know it any more
	}
	if err != nil {
		return err
	}
	return r.took(out, began)
}

// limit is how many records to ask for.
func (r *reader) limit() int32 {
	if r.size == 0 {
		return atFirst
	}
	return int32(min(max(aim/r.size, 1), atMost))
}

// renew gets an iterator for where the next record is.
func (r *reader) renew(ctx context.Context) error {
	leave, err := r.track.iterate(ctx)
	if err != nil {
		return err
	}
	defer leave()
	r.start = r.start.since(r.heard)
	r.iterator, err = r.stream.iterate(ctx, r.shard, r.start)
	return err
}

// took keeps what a GetRecords brought.
func (r *reader) took(out *sdk.GetRecordsOutput, began time.Time) error {
	if out.Records == nil && deref(out.NextShardIterator) == "" {
		return errHollow // the end of a shard comes with records, if none of them
	}
	bytes := 0
	for i := range out.Records {
		bytes += len(out.Records[i].Data) + len(deref(out.Records[i].PartitionKey))
	}
	r.track.brought(began, bytes)
	if n := len(out.Records); n > 0 {
		r.size = max(bytes/n, 1)
	}
	var err error
	if r.ahead.Came, r.start, err = r.start.took(out.Records); err != nil {
		return err
	}
	r.heard = time.Now()
	r.notBefore = time.Time{}
	if len(r.ahead.Came) == 0 && (out.MillisBehindLatest == nil || *out.MillisBehindLatest == 0) {
		r.notBefore = began.Add(idle)
	}
	r.iterator = iterator{text: deref(out.NextShardIterator), since: r.heard}
	r.ahead.Closed = r.iterator.text == ""
	return nil
}

// Close is [esm.Reader].Close.
func (r *reader) Close() { r.track.leave() }
