// Package ddbstreams reads the streams of DynamoDB tables. It implements [esm.Stream] on the AWS SDK's client, and builds
// the same event records as Lambda's pollers.
//
// Facts about streams are from the AWS API reference of Amazon DynamoDB Streams and from AWS: "Change data capture for
// DynamoDB Streams", facts about records from AWS: "Using AWS Lambda with Amazon DynamoDB" and from events that Lambda
// sent.
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
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/silence"
)

// Config describes a [Stream].
type Config struct {
	// Client calls the table's Region or, if it has a BaseEndpoint, an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the stream of a table, with its label. It is the eventSourceARN of records.
	ARN config.ARN

	// IdlePoll is the time between reads of an idle shard. Zero means a quarter of a second, as in Lambda.
	IdlePoll time.Duration

	// Calls is shared by all streams of the process; nil means a separate limit for this Stream.
	Calls *Calls
}

// Calls limits the concurrent calls of all readers that share it. The zero Calls is ready for use.
type Calls = polling.Calls

// Stream is the stream of one DynamoDB table. It does not retry, except that the SDK's client retries listings and calls
// whose connection broke.
type Stream struct {
	client   *sdk.Client // for listings
	reads    *sdk.Client // repeats a call only when its connection broke
	calls    *Calls
	idlePoll time.Duration
	arn      arn
	shape    shape
	ahead    atomic.Int64 // nanoseconds by which the service's clock was ahead at the last listing
}

var _ esm.Stream = (*Stream)(nil)

// New returns a Stream. It makes no calls: the stream need not exist yet.
func New(c Config) (*Stream, error) {
	a, err := newARN(c.ARN)
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

// Open implements [esm.Stream] by one GetShardIterator. DynamoDB cannot begin at a time. Instead, the shard is read from its
// oldest record, and records are skipped up to the first that was created in that second or later. It may also return
// [ErrSlowDown] and [ErrDenied].
func (s *Stream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r := s.reader(shard, from)
	if err := r.Reader.Open(ctx); err != nil {
		return nil, s.failed("open "+shard+" of", err)
	}
	return r, nil
}

// failed wraps err with the table's name and, if known, an error of this package. Nil and io.EOF stay as they are.
func (s *Stream) failed(doing string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("ddbstreams: %s %s: %w", doing, s.arn.name, codes.Wrap(err))
}
