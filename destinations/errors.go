package destinations

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

// failed says what was tried, and whether trying again may help.
func failed(doing, name string, err error) error {
	if final(err) && !errors.Is(err, esm.ErrUndeliverable) {
		err = fmt.Errorf("%w: %w", esm.ErrUndeliverable, err)
	}
	return fmt.Errorf("destinations: %s %s: %w", doing, name, err)
}

// Error codes that pass by themselves although the service puts them down to the caller, besides those of throttling that
// the SDK knows.
var passing = map[string]bool{
	"OverLimit":               true,
	"KmsThrottled":            true, // SQS
	"KMS.ThrottlingException": true,
	"KMSThrottling":           true, // SNS
	"KMSThrottlingException":  true,
	"Throttled":               true,

	"RequestTimeout":          true,
	"RequestTimeoutException": true,
	"RequestExpired":          true,
	"RequestTimeTooSkewed":    true,

	"ExpiredToken":          true, // the credentials are being renewed
	"ExpiredTokenException": true,

	"OperationAborted":  true, // S3: another change is under way
	"TemporaryRedirect": true, // S3: the bucket is young
	"ConcurrentAccess":  true, // SNS
}

// final reports whether the service answered, and put it down to the caller: what is named does not exist, access to it
// or to its key is denied, it is in another Region, the notice is too large or not valid.
func final(err error) bool {
	code := codeOf(err)
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	if throttled || passing[code] {
		return false
	}
	status := statusOf(err)
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// codeOf is the service's name for what went wrong; empty when it did not answer.
func codeOf(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	if _, code, found := strings.Cut(api.ErrorCode(), "#"); found { // some emulators send the namespace too
		return code
	}
	return api.ErrorCode()
}

// statusOf is the HTTP status of the answer, 0 when there was none.
func statusOf(err error) int {
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return resp.HTTPStatusCode()
	}
	return 0
}
