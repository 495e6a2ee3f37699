// Package polling reads shards by GetShardIterator and GetRecords, which Kinesis and DynamoDB Streams have in common. It has
// no knowledge of either service.
package polling

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/esm-run/esm/awserr"
)

// maxThrottled is how many reads in a row may be throttled before the error is returned.
const maxThrottled = 10

var errNoIterator = errors.New("an answer without an iterator")

// ErrNoContent says that an answer was empty, as from a proxy or from a service that is shutting down. For the SDK that is a
// success, and would mean that the shard is at its end.
var ErrNoContent = errors.New("an answer without content")

// Shard is one shard of a service. It keeps the position of the next record.
type Shard[R any] interface {
	// Iterator asks for an iterator at the next record.
	Iterator(ctx context.Context) (string, error)

	// Get makes one GetRecords, no sooner than notBefore.
	Get(ctx context.Context, iterator string, notBefore time.Time) (Page[R], error)
}

// Page is the answer to a GetRecords.
type Page[R any] struct {
	Records   []R
	Next      string    // the iterator of the next page; empty at the end of the shard
	NotBefore time.Time // when to ask for the next page; zero is at once
}

// Reader reads a shard. It belongs to one goroutine.
type Reader[R any] struct {
	Buffer[R]

	Shard Shard[R]
	Life  time.Duration // of iterators

	iterator  string
	since     time.Time // of iterator
	notBefore time.Time // of the next GetRecords
	throttled int       // reads in a row
}

// Open asks for the first iterator.
func (r *Reader[R]) Open(ctx context.Context) error {
	since := time.Now()
	it, err := r.Shard.Iterator(ctx)
	r.iterator, r.since = it, since
	return err
}

// Fetch makes one GetRecords, and a second one with a new iterator if the old one is of no use. A read that is throttled
// finds nothing, and delays the next one by a second.
func (r *Reader[R]) Fetch(ctx context.Context) error {
	err := r.get(ctx)
	if stale(err) {
		err = r.get(ctx)
	}
	if !awserr.Throttled(err) {
		r.throttled = 0
		return err
	}
	r.notBefore = time.Now().Add(ThrottledDelay())
	if r.throttled++; r.throttled < maxThrottled {
		return nil
	}
	return err
}

// ThrottledDelay is how long a shard is left alone after a throttled read.
func ThrottledDelay() time.Duration { return time.Second + rand.N(time.Second/4) }

// stale reports whether another iterator may help: the old one has expired, or is of a stream or of records that are gone.
func stale(err error) bool {
	if awserr.Decided(err) {
		return false
	}
	switch awserr.Code(err) {
	case "ExpiredIteratorException", "TrimmedDataAccessException":
		return true
	}
	return awserr.NotFound(err) || awserr.Invalid(err)
}

func (r *Reader[R]) get(ctx context.Context) error {
	if r.iterator == "" || time.Since(r.since) >= r.Life {
		if err := r.Open(ctx); err != nil {
			return err
		}
	}
	page, err := r.Shard.Get(ctx, r.iterator, r.notBefore)
	if awserr.Code(err) != "" && !awserr.Throttled(err) {
		r.iterator = "" // the service may not know it any more
	}
	if err != nil {
		return err
	}
	r.Records, r.Closed = page.Records, page.Next == ""
	r.iterator, r.since, r.notBefore = page.Next, time.Now(), page.NotBefore
	return nil
}

// RetryBroken lets the SDK repeat a call once, at once, when its connection broke. All else is for the caller to decide:
// throttling concerns its pace, and emulators answer with a status of 500 to what never succeeds.
var RetryBroken aws.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxAttempts = 2
	o.Retryables = []retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.RetryableConnectionError{}}
	o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	o.RateLimiter = ratelimit.None
})
