// Package kinesis reads Kinesis data streams: it is the [esm.Stream] that lists and reads shards through the real SDK
// client, and makes the event record that Lambda's pollers make of a record of the stream. A stream is read by polling,
// or through a consumer with enhanced fan-out when it is named by the consumer's ARN.
//
// Facts about Kinesis are from the AWS API reference of Amazon Kinesis Data Streams, facts about records from AWS: "How
// Lambda processes records from stream and queue-based event sources", "Process Amazon Kinesis Data Streams records with
// Lambda", and from what Lambda is seen to send.
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
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/silence"
)

// Config describes a [Stream].
type Config struct {
	// Client speaks to the stream's Region or, when it has a BaseEndpoint, to an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the stream, or a consumer of it: then records come by enhanced fan-out, and aggregated records of the
	// Kinesis Producer Library are taken apart. Records carry it as their eventSourceARN.
	ARN string

	// Role is the ARN of the function's role: the invokeIdentityArn of records.
	Role string

	// Filtered says that the mapping has filters. Only then do records have a View.
	Filtered bool

	// Pace is shared by the streams of the process that are on AWS. Nil reads as fast as the service answers. A consumer
	// needs none.
	Pace *Pace

	// IdlePoll is how long a reader that found nothing waits before it looks again. Zero is a second, as Lambda polls.
	IdlePoll time.Duration

	// Calls is shared by the streams of the process; nil is one of this Stream's own.
	Calls *Calls
}

// Calls bounds the calls under way of all readers that share it. The zero Calls is ready for use.
type Calls = polling.Calls

// Stream is one Kinesis data stream. It retries nothing, apart from what the SDK's client retries in listings and a call
// whose connection broke.
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
	a, err := parseARN(c.ARN)
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

// Open is [esm.Stream].Open by one GetShardIterator, or one SubscribeToShard. At a trimmed position Kinesis continues with
// the oldest record without an error. So a reader reads the record at its position again, and Read returns esm.ErrTrimmed
// if that is gone. Other errors than those of the contract may be [ErrSlowDown], [ErrDenied], [ErrKey] and [ErrNoConsumer].
// A time in the future is an error until then.
//
// A position is a sequence number. Within an aggregated record that a consumer takes apart it has an index behind it,
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

// failed adds the stream's name to err, and what err means. Nil and io.EOF stay as they are.
func (s *Stream) failed(doing string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("kinesis: %s %s: %w", doing, s.arn.name, codes.Wrap(err))
}
