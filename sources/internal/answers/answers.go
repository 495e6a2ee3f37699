// Package answers reads what AWS services, and what stands in for them, say when they refuse.
package answers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// Code is the service's name for what went wrong, without its namespace, which some emulators send too; empty when it did
// not answer.
func Code(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	if _, code, found := strings.Cut(api.ErrorCode(), "#"); found {
		return code
	}
	return api.ErrorCode()
}

// Status is the HTTP status of the answer, 0 when there was none.
func Status(err error) int {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return resp.HTTPStatusCode()
	}
	return 0
}

// Internal reports whether the service puts it down to itself.
func Internal(err error) bool { return Status(err) >= http.StatusInternalServerError }

// Kinds says what errors of one service mean.
type Kinds struct {
	Codes    map[string]error // what error codes mean that are the service's own
	SlowDown error            // the caller is too fast
	Denied   error            // the credentials are refused, or lack a permission
}

// Wrap wraps err with what it means, unless it says so already or nothing is known. Nil stays nil.
func (k Kinds) Wrap(err error) error {
	if Decided(err) {
		return err
	}
	if kind := k.of(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

// Decided reports whether err says already what it means for a stream.
func Decided(err error) bool {
	return errors.Is(err, esm.ErrNoStream) || errors.Is(err, esm.ErrNoShard) || errors.Is(err, esm.ErrForeign)
}

// of is what err means; nil when it says nothing that is known.
func (k Kinds) of(err error) error {
	code := Code(err)
	if kind, known := k.Codes[code]; known {
		return kind
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return k.SlowDown
	}
	switch Status(err) {
	case http.StatusForbidden:
		return k.Denied
	case http.StatusTooManyRequests:
		return k.SlowDown
	}
	return nil
}

// Twice keeps the SDK from retrying what its caller decides on: it repeats a call whose connection broke, once and at once,
// and nothing else. Throttling is a matter of the caller's pace, and emulators answer with a status of 500 to what will
// never go well.
var Twice aws.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxAttempts = 2
	o.Retryables = []retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.RetryableConnectionError{}}
	o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	o.RateLimiter = ratelimit.None
})
