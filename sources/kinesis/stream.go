// Package kinesis reads Kinesis data streams. It implements [esm.Stream] on the AWS SDK's client, and builds the same event
// records as Lambda's pollers. A stream is read by polling, or with enhanced fan-out if the ARN is that of a consumer.
//
// Facts about Kinesis are from the AWS API reference of Amazon Kinesis Data Streams, facts about records from AWS: "How
// Lambda processes records from stream and queue-based event sources", "Process Amazon Kinesis Data Streams records with
// Lambda", and from events that Lambda sent.
package kinesis

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/silence"
)

// Config describes a [Stream].
type Config struct {
	// Client calls the stream's Region or, if it has a BaseEndpoint, an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the stream, or a consumer of it. With a consumer, records come by enhanced fan-out, and aggregated records
	// of the Kinesis Producer Library are split. It is the eventSourceARN of records.
	ARN config.ARN

	// Role is the ARN of the function's role: the invokeIdentityArn of records.
	Role string

	// Filtered is set if the mapping has filters. Only then do records have a View.
	Filtered bool

	// Pace is shared by all streams of the process that are on AWS. Nil means reading as fast as the service answers. A
	// consumer needs none.
	Pace *Pace

	// IdlePoll is the time between reads of an idle shard. Zero means one second, as in Lambda.
	IdlePoll time.Duration

	// Calls is shared by all streams of the process; nil means a separate limit for this Stream.
	Calls *Calls
}

// Calls limits the concurrent calls of all readers that share it. The zero Calls is ready for use.
type Calls = polling.Calls

// Stream is one Kinesis data stream. It does not retry, except that the SDK's client retries listings and calls whose
// connection broke.
type Stream struct {
	client   *sdk.Client // for listings
	reads    *sdk.Client // repeats a call only when its connection broke
	arn      arn
	shape    shape
	filtered bool
	pace     *Pace
	idlePoll time.Duration
	calls    *Calls

	mu     sync.Mutex        // never held during a call
	ranges map[string]hashes // of the shards in the last listing, for a consumer
}

var _ esm.Stream = (*Stream)(nil)

// New returns a Stream. It makes no calls: the stream need not exist yet.
func New(c Config) (*Stream, error) {
	a, err := newARN(c.ARN)
	if err != nil {
		return nil, err
	}
	if c.Calls == nil {
		c.Calls = &Calls{}
	}
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	s := &Stream{
		client: sdk.New(options), arn: a, shape: newShape(a, c.Role), filtered: c.Filtered,
		pace: c.Pace, idlePoll: cmp.Or(c.IdlePoll, idlePoll), calls: c.Calls,
	}
	options.Retryer = polling.RetryBroken
	s.reads = sdk.New(options)
	return s, nil
}

// Open implements [esm.Stream] by one GetShardIterator, or one SubscribeToShard. At a trimmed position Kinesis continues
// with the oldest record without an error. Therefore a reader reads the record at its position again, and Read returns
// esm.ErrTrimmed if it is gone. It may also return [ErrSlowDown], [ErrDenied], [ErrKey] and [ErrNoConsumer]. A time in the
// future is an error until then.
//
// A position is a sequence number. Within an aggregated record that a consumer splits, an index follows it, such as
// "/0" for the first record; without a consumer the whole record is then read again.
func (s *Stream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	if s.arn.consumer {
		return s.subscribe(ctx, shard, from)
	}
	r := s.reader(shard, newStart(from), time.Time{})
	if err := r.Reader.Open(ctx); err != nil {
		r.Close()
		return nil, s.failed("open "+shard+" of", err)
	}
	return r, nil
}

// failed wraps err with the stream's name and, if known, an error of this package. Nil and io.EOF stay as they are.
func (s *Stream) failed(doing string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("kinesis: %s %s: %w", doing, s.arn.name, codes.Wrap(err))
}
