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

// Config is what a [Queue] is made from.
type Config struct {
	// Client speaks to the queue's Region or, when it has a BaseEndpoint, to an emulator or a VPC endpoint.
	Client *sdk.Client

	// ARN names the queue. Its Region and account are those of the records.
	ARN string

	// Windowed says that the mapping has a batching window of a second or more. Lambda's records then show members
	// that have no value as null, and leave them out otherwise.
	Windowed bool
}

// Queue is one SQS queue, standard or FIFO. It keeps no messages, and retries nothing beyond what the SDK's client does.
type Queue struct {
	client   *sdk.Client
	protocol protocol
	arn      config.ARN
	shape    shape
	attempts attempts
	decoders sync.Pool // of *decoder

	mu    sync.Mutex // guards what follows; never held during a call
	url   string     // empty until it is known
	attrs Attributes
	asked time.Time // when attrs were last asked for; zero while they are unknown
}

var _ esm.Queue = (*Queue)(nil)

// New makes a Queue. It does not talk to the network: the queue need not exist yet.
func New(c Config) (*Queue, error) {
	a, err := parseARN(c.ARN)
	if err != nil {
		return nil, err
	}
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	options.DisableMessageChecksumValidation = true // the SDK would refuse all messages of a receive because of one
	q := &Queue{protocol: newProtocol(), arn: a, shape: newShape(a, c.Windowed)}
	q.client = sdk.New(options, func(o *sdk.Options) { o.Protocol = q.protocol })
	q.decoders.New = func() any { return &decoder{shape: q.shape} }
	return q, nil
}

// Receive is [esm.Queue].Receive by one ReceiveMessage. The first call also asks for the queue's address and attributes.
//
// A message whose body does not fit its checksum is not handed out: it comes back by itself. When it is all there was,
// the error is [ErrChecksum]. Other errors may be [ErrNoQueue], [ErrSlowDown] or [ErrDenied].
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
	var beside sync.WaitGroup
	if q.stale(time.Now()) {
		beside.Go(func() { q.refresh(ctx, url) })
	}
	recs, err := q.poll(ctx, request(url, limit, wait), visibility)
	received := time.Now() // visibility runs from here: a long poll's messages are taken just before it answers
	beside.Wait()
	for i := range recs {
		recs[i].Until = received.Add(visibility)
		if recs[i].Arrived.IsZero() {
			recs[i].Arrived = received
		}
	}
	return recs, err
}

// waitSlack is how much longer than its wait a receive may take to be answered.
const waitSlack = 5 * time.Second

// request asks for all that there is to know of up to limit messages.
func request(url string, limit int, wait time.Duration) *sdk.ReceiveMessageInput {
	return &sdk.ReceiveMessageInput{
		QueueUrl:                    &url,
		MaxNumberOfMessages:         int32(min(limit, esm.MaxReceived)),
		WaitTimeSeconds:             int32(max(0, min(wait, esm.MaxWait)) / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
}

// poll is one ReceiveMessage. On a FIFO queue it takes up a receive whose answer was lost, if there is one.
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

// failed names the queue and says what kind of trouble err is. After it the queue is looked up anew if it was gone.
func (q *Queue) failed(doing string, err error) error {
	err = codes.Wrap(err)
	if errors.Is(err, ErrNoQueue) {
		q.forget()
	}
	return fmt.Errorf("sqs: %s %s: %w", doing, q.arn.Resource, err)
}
