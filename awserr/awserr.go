// Package awserr reads the errors of AWS services and of emulators.
package awserr

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// What errors of all services may mean.
var (
	ErrSlowDown = errors.New("slow down")
	ErrDenied   = errors.New("access is denied")
)

// Code returns the error code of a service, without the namespace that some emulators send too. It is empty when the
// service did not answer.
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

// Status returns the HTTP status of the answer, or 0 when there was none.
func Status(err error) int {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return resp.HTTPStatusCode()
	}
	return 0
}

// Internal reports whether the service blames itself.
func Internal(err error) bool { return Status(err) >= http.StatusInternalServerError }

// NotFound reports whether a stream, a shard or a consumer was not found.
func NotFound(err error) bool { return Code(err) == "ResourceNotFoundException" }

// Invalid reports whether the service rejects a parameter, such as a position of another stream.
func Invalid(err error) bool {
	code := Code(err)
	return code == "InvalidArgumentException" || code == "ValidationException"
}

// Throttled reports whether the caller is too fast.
func Throttled(err error) bool { return errors.Is(Codes(nil).meaning(err), ErrSlowDown) }

// Decided reports whether err already says that a stream, a shard or a position is gone.
func Decided(err error) bool {
	return errors.Is(err, esm.ErrNoStream) || errors.Is(err, esm.ErrNoShard) || errors.Is(err, esm.ErrForeign)
}

// Codes are the meanings of error codes that only one service has.
type Codes map[string]error

// denied are the codes of all services for credentials that are refused or lack a permission.
var denied = map[string]bool{
	"AccessDenied": true, "AccessDeniedException": true, "InvalidSecurity": true, "InvalidSignatureException": true,
	"MissingAuthenticationTokenException": true, "UnrecognizedClientException": true,
}

// throttled are the codes for callers that are too fast, besides those that the SDK knows. Services spell a throttled key
// differently.
var throttled = map[string]bool{
	"OverLimit": true, "Throttled": true,
	"KMS.ThrottlingException": true, "KMSThrottling": true, "KMSThrottlingException": true, "KmsThrottled": true,
}

// Wrap wraps err with its meaning, unless it is decided or has none. Nil stays nil.
func (c Codes) Wrap(err error) error {
	if Decided(err) {
		return err
	}
	if meaning := c.meaning(err); meaning != nil {
		return fmt.Errorf("%w: %w", meaning, err)
	}
	return err
}

func (c Codes) meaning(err error) error {
	code, status := Code(err), Status(err)
	if meaning, known := c[code]; known {
		return meaning
	}
	_, known := retry.DefaultThrottleErrorCodes[code]
	switch {
	case known, throttled[code], status == http.StatusTooManyRequests:
		return ErrSlowDown
	case denied[code], status == http.StatusForbidden:
		return ErrDenied
	}
	return nil
}
