// Package ddbstreams reads the streams of DynamoDB tables: it is the [esm.Stream] that lists and reads shards through the
// real SDK client, and makes the event record that Lambda's pollers make of a record of the stream.
//
// Facts about streams are from the AWS API reference of Amazon DynamoDB Streams and from AWS: "Change data capture for
// DynamoDB Streams", facts about records from AWS: "Using AWS Lambda with Amazon DynamoDB" and from what Lambda is seen to
// send.
package ddbstreams

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/silence"
)

// Config describes a [Stream].
type Config struct {
	// Client speaks to the table's Region or, when it has a BaseEndpoint, to an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the stream of a table, with its label. Records carry it as their eventSourceARN.
	ARN string

	// IdlePoll is how long a reader that found nothing waits before it looks again. Zero is a quarter of a second, as
	// Lambda polls.
	IdlePoll time.Duration

	// Calls is shared by the streams of the process; nil is one of this Stream's own.
	Calls *Calls
}

// Calls bounds the calls under way of all readers that share it. The zero Calls is ready for use.
type Calls = polling.Calls

// Stream is the stream of one DynamoDB table. It retries nothing, apart from what the SDK's client retries in listings and
// a call whose connection broke.
type Stream struct {
	client   *sdk.Client // for listings
	reads    *sdk.Client // repeats a call only when its connection broke
	calls    *Calls
	idlePoll time.Duration
	arn      arn
	shape    shape
	ahead    atomic.Int64 // nanoseconds, of the service's clock when it listed last
}

var _ esm.Stream = (*Stream)(nil)

// New returns a Stream. It makes no calls: the stream need not exist yet.
func New(c Config) (*Stream, error) {
	a, err := parseARN(c.ARN)
	if err != nil {
		return nil, err
	}
	return newStream(c, a), nil
}

func newStream(c Config, a arn) *Stream {
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	s := &Stream{client: sdk.New(options), calls: c.Calls, idlePoll: cmp.Or(c.IdlePoll, idlePoll), arn: a, shape: newShape(a)}
	options.Retryer = polling.RetryBroken
	s.reads = sdk.New(options)
	if s.calls == nil {
		s.calls = &Calls{}
	}
	return s
}

// Open is [esm.Stream].Open by one GetShardIterator. DynamoDB cannot begin at a time. The shard is then read from its
// oldest record, and records are left out up to the first that was created in that second or later.
//
// Other errors than those of the contract may be [ErrSlowDown] and [ErrDenied].
func (s *Stream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r := s.reader(shard, from)
	if err := r.Reader.Open(ctx); err != nil {
		return nil, s.failed("open "+shard+" of", err)
	}
	return r, nil
}

// failed adds the table's name to err, and what err means. Nil and io.EOF stay as they are.
func (s *Stream) failed(doing string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("ddbstreams: %s %s: %w", doing, s.arn.name, codes.Wrap(err))
}
