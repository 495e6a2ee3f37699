package sqs

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What an error of a [Queue] may be, besides trouble with the network or the service.
var (
	// ErrNoQueue says that the queue does not exist, not yet or no longer.
	ErrNoQueue = errors.New("the queue does not exist")

	// ErrSlowDown says that the caller is too fast: it was throttled, or too many messages are in flight (OverLimit).
	ErrSlowDown = errors.New("slow down")

	// ErrDenied says that the credentials are refused or lack a permission: sqs:ReceiveMessage, sqs:DeleteMessage and
	// sqs:GetQueueAttributes are needed, and kms:Decrypt for an encrypted queue.
	ErrDenied = errors.New("access is denied")

	// ErrChecksum says that the body of a message was damaged on its way.
	ErrChecksum = errors.New("the body does not fit its MD5")
)

// Error codes by what they mean. Those of the older query protocol, which some services still use, stand beside those
// of the JSON protocol.
var kinds = map[string]error{
	"QueueDoesNotExist":                           ErrNoQueue,
	"AWS.SimpleQueueService.NonExistentQueue":     ErrNoQueue,
	"QueueDeletedRecently":                        ErrNoQueue,
	"AWS.SimpleQueueService.QueueDeletedRecently": ErrNoQueue,

	"OverLimit":               ErrSlowDown,
	"KmsThrottled":            ErrSlowDown,
	"KMS.ThrottlingException": ErrSlowDown,

	"AccessDenied":              ErrDenied,
	"AccessDeniedException":     ErrDenied,
	"KmsAccessDenied":           ErrDenied,
	"KMS.AccessDeniedException": ErrDenied,
	"InvalidSecurity":           ErrDenied,
}

// kindOf wraps err with the sentinel that says what it is, if there is one. Nil stays nil.
func kindOf(err error) error {
	if kind := sentinel(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func sentinel(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		_, code, found := strings.Cut(api.ErrorCode(), "#") // ElasticMQ's come with their namespace
		if !found {
			code = api.ErrorCode()
		}
		if kind, known := kinds[code]; known {
			return kind
		}
		if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
			return ErrSlowDown
		}
	}
	switch status(err) {
	case http.StatusForbidden:
		return ErrDenied
	case http.StatusTooManyRequests:
		return ErrSlowDown
	}
	return nil
}

// answerLost reports whether a call that failed with err may have taken effect all the same: whatever the service did
// not itself refuse.
func answerLost(err error) bool {
	_, answered := errors.AsType[smithy.APIError](err)
	return !answered || status(err) >= http.StatusInternalServerError
}

// status is the HTTP status of the answer, 0 when there was none.
func status(err error) int {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return resp.HTTPStatusCode()
	}
	return 0
}
