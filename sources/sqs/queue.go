// Package sqs reads Amazon SQS queues: it is the [esm.Queue] that receives through the real SDK client, makes the event
// record that Lambda's pollers make of a message, and deletes what is settled.
//
// Facts about SQS are from the AWS API reference of Amazon SQS, facts about records from AWS: "Using Lambda with Amazon
// SQS" and from what Lambda is seen to send.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/silence"
)

// Config describes a [Queue].
type Config struct {
	// Client speaks to the queue's Region or, when it has a BaseEndpoint, to an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the queue. Its Region and account are those of the records.
	ARN config.ARN

	// Windowed says that the mapping has a batching window of a second or more. Lambda's records then have null for members
	// without a value, and omit them otherwise.
	Windowed bool
}

// Queue is one SQS queue, standard or FIFO. It retries nothing, apart from what the SDK's client retries.
type Queue struct {
	client   *sdk.Client
	protocol protocol
	arn      config.ARN
	shape    shape
	attempts attempts
	decoders sync.Pool // of *decoder

	mu    sync.Mutex // never held during a call
	known facts
}

var _ esm.Queue = (*Queue)(nil)

// New returns a Queue. It makes no calls: the queue need not exist yet.
func New(c Config) (*Queue, error) {
	if err := config.SQSQueue.Check(c.ARN); err != nil {
		return nil, fmt.Errorf("sqs: %q %w", c.ARN, err)
	}
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	options.DisableMessageChecksumValidation = true // the SDK would reject all messages of a receive because of one
	q := &Queue{protocol: newProtocol(), arn: c.ARN, shape: newShape(c.ARN, c.Windowed)}
	q.client = sdk.New(options, func(o *sdk.Options) { o.Protocol = q.protocol })
	q.decoders.New = func() any { return &decoder{shape: q.shape} }
	return q, nil
}

// Receive is [esm.Queue].Receive by one ReceiveMessage. The first call also asks for the queue's address and attributes.
//
// A message whose body does not match its checksum is not handed out: it becomes receivable again by itself. If there was
// no other, the error is [ErrChecksum]. Other errors may be [ErrNoQueue], [ErrSlowDown] or [ErrDenied].
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	recs, err := q.receive(ctx, limit, wait)
	if err != nil {
		return nil, q.failed("receive from", err)
	}
	return recs, nil
}

func (q *Queue) receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("a limit of %d", limit)
	}
	url, err := q.address(ctx)
	if err != nil {
		return nil, err
	}
	visibility, err := q.visibility(ctx, url)
	if err != nil {
		return nil, err
	}
	var refreshing sync.WaitGroup
	if q.stale(time.Now()) {
		refreshing.Go(func() { q.refresh(ctx, url) })
	}
	recs, err := q.poll(ctx, request(url, limit, wait), visibility)
	received := time.Now() // about when visibility began: SQS takes messages just before it answers
	refreshing.Wait()
	for i := range recs {
		recs[i].Until = received.Add(visibility)
		if recs[i].Arrived.IsZero() {
			recs[i].Arrived = received
		}
	}
	return recs, err
}

// waitSlack is how much longer than its wait a receive may take.
const waitSlack = 5 * time.Second

// request asks for up to limit messages with all their attributes.
func request(url string, limit int, wait time.Duration) *sdk.ReceiveMessageInput {
	return &sdk.ReceiveMessageInput{
		QueueUrl:                    &url,
		MaxNumberOfMessages:         int32(min(limit, esm.MaxReceived)),
		WaitTimeSeconds:             int32(max(0, min(wait, esm.MaxWait)) / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
}

// poll makes one ReceiveMessage. On a FIFO queue it repeats a receive whose answer was lost, if there is one.
func (q *Queue) poll(ctx context.Context, in *sdk.ReceiveMessageInput, visibility time.Duration) ([]esm.Record, error) {
	var try attempt
	if q.shape.fifo {
		try = q.attempts.next(time.Now(), visibility)
		in.ReceiveRequestAttemptId = &try.id
	}
	d := q.decoders.Get().(*decoder)
	defer q.decoders.Put(d)
	silent := time.Duration(in.WaitTimeSeconds)*time.Second + waitSlack
	_, err := q.client.ReceiveMessage(silence.Allow(ctx, max(silent, silence.Limit)), in, func(o *sdk.Options) {
		o.Protocol = receiveProtocol{q.protocol, d}
	})
	if err != nil {
		if q.shape.fifo {
			q.attempts.failed(try, err)
		}
		return nil, err
	}
	recs := d.recs
	d.recs = nil
	if len(recs) == 0 {
		return nil, d.damaged
	}
	return recs, nil
}

// failed adds the queue's name to err, and what err means. If the queue is gone it is looked up again from now on, so that
// another one with the same name is found.
func (q *Queue) failed(doing string, err error) error {
	err = codes.Wrap(err)
	if errors.Is(err, ErrNoQueue) {
		q.learn(func(f *facts) { *f = facts{} })
	}
	return fmt.Errorf("sqs: %s %s: %w", doing, q.arn.Resource, err)
}
