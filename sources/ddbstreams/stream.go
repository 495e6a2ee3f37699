// Package ddbstreams reads the streams of DynamoDB tables: it is the [esm.Stream] that lists and reads shards through the
// real SDK client, and makes the event record that Lambda's pollers make of a record of the stream.
//
// Facts about streams are from the AWS API reference of Amazon DynamoDB Streams and from AWS: "Change data capture for
// DynamoDB Streams", facts about records from AWS: "Using AWS Lambda with Amazon DynamoDB" and from what Lambda is seen to
// send.
package ddbstreams

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
)

// Config is what a [Stream] is made from.
type Config struct {
	// Client speaks to the table's Region or, when it has a BaseEndpoint, to an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the stream of a table, with its label. Records carry it as their eventSourceARN.
	ARN string
}

// Stream is the stream of one DynamoDB table. It keeps no records, and retries nothing beyond what [Config].Client does
// when it lists.
type Stream struct {
	client *sdk.Client
	arn    arn
	shape  shape
	ahead  atomic.Int64 // nanoseconds, of the service's clock when it listed last
}

var _ esm.Stream = (*Stream)(nil)

// New makes a Stream. It does not talk to the network: the stream need not exist yet.
func New(c Config) (*Stream, error) {
	a, err := parseARN(c.ARN)
	if err != nil {
		return nil, err
	}
	return &Stream{client: c.Client, arn: a, shape: newShape(a)}, nil
}

// Open is [esm.Stream].Open by one GetShardIterator. DynamoDB cannot begin at a time: then the shard is read from its
// oldest record, and records are passed over up to the first that was made in that second or later.
//
// Other errors than those of the contract may be [ErrSlowDown] and [ErrDenied].
func (s *Stream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r := &reader{stream: s, shard: shard, after: from.After}
	if from.After == "" {
		r.since = from.At
	}
	if err := r.renew(ctx); err != nil {
		return nil, s.failed("open "+shard+" of", err)
	}
	return r, nil
}

// failed names the stream and says what kind of trouble err is. None, and the end of a shard, stay what they are.
func (s *Stream) failed(doing string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("ddbstreams: %s %s: %w", doing, s.arn.name, kinds.Wrap(err))
}
