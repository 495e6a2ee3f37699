package kinesis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
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
	ahead     []types.Record // read and not handed out
	size      int            // of a record in bytes, on average in the last answer that had some; 0 before
	closed    bool           // nothing comes behind ahead
	notBefore time.Time      // of the next GetRecords
	throttles int            // since the last that went well
}

var _ esm.Reader = (*reader)(nil)

// Read is [esm.Reader].Read. It hands out what the last GetRecords brought, and makes the next when that is all gone: in
// the pace of the shard, at once while records keep coming and a second after the last one otherwise.
//
// A read that is throttled finds nothing and slows the shard down; after several in a row the error is [ErrSlowDown].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("kinesis: read %s: a limit of %d", r.shard, limit)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(r.ahead) == 0 && !r.closed {
		if err := r.fetch(ctx); err != nil {
			return nil, r.stream.failed("read "+r.shard+" of", err)
		}
	}
	if len(r.ahead) == 0 && r.closed {
		return nil, io.EOF
	}
	return r.hand(limit), nil
}

// hand turns up to limit of the records that were read ahead into those of the engine.
func (r *reader) hand(limit int) []esm.Record {
	n := min(limit, len(r.ahead))
	recs := make([]esm.Record, n)
	for i := range recs {
		recs[i] = r.stream.record(r.shard, &r.ahead[i])
		r.ahead[i] = types.Record{} // its data is not needed any more
	}
	if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
		r.ahead = nil
	}
	return recs
}

// fetch makes one GetRecords that counts: a second one when the iterator turned out to be of no use.
func (r *reader) fetch(ctx context.Context) error {
	err := r.get(ctx)
	if spent(err) {
		err = r.get(ctx)
	}
	if notFound(err) && !answers.Decided(err) {
		return r.stream.missing(ctx, r.shard, r.start, err)
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
	if err := r.track.wait(ctx, r.notBefore); err != nil {
		return err
	}
	leave, err := r.track.pace.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if !r.iterator.usable(time.Now()) {
		if err := r.renew(ctx); err != nil {
			return err
		}
	}
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

// begin gets the first iterator.
func (r *reader) begin(ctx context.Context) error {
	leave, err := r.track.pace.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return r.renew(ctx)
}

// renew gets an iterator for where the next record is.
func (r *reader) renew(ctx context.Context) (err error) {
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
	r.track.paid(began, bytes)
	if n := len(out.Records); n > 0 {
		r.size = max(bytes/n, 1)
	}
	came, err := r.start.prove(out.Records)
	if err != nil {
		return err
	}
	if len(out.Records) > 0 {
		r.start.proven = false
	}
	r.ahead, r.start = r.start.behind(came)
	r.notBefore = time.Time{}
	if len(r.ahead) == 0 && (out.MillisBehindLatest == nil || *out.MillisBehindLatest == 0) {
		r.notBefore = began.Add(idle)
	}
	r.iterator = iterator{text: deref(out.NextShardIterator), since: time.Now()}
	r.closed = r.iterator.text == ""
	return nil
}

// Close is [esm.Reader].Close.
func (r *reader) Close() { r.track.leave() }
