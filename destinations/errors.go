package destinations

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
)

// failed adds to the error of a request what was tried, and [esm.ErrUndeliverable] if another try will not help.
func failed(action, name string, err error) error {
	if permanent(err) && !errors.Is(err, esm.ErrUndeliverable) {
		err = fmt.Errorf("%w: %w", esm.ErrUndeliverable, err)
	}
	return fmt.Errorf("destinations: %s %s: %w", action, name, err)
}

// temporary lists error codes that may go away although the service blames the caller, besides those that
// [awserr.Throttled] knows.
var temporary = map[string]bool{
	"RequestTimeout":          true,
	"RequestTimeoutException": true,
	"RequestExpired":          true,
	"RequestTimeTooSkewed":    true,

	"ExpiredToken":          true, // the credentials are being renewed
	"ExpiredTokenException": true,

	"OperationAborted":  true, // S3: another change is in progress
	"TemporaryRedirect": true, // S3: the bucket is new
	"ConcurrentAccess":  true, // SNS

	"InternalFailure":                 true, // EventBridge, of an entry
	"InternalException":               true,
	"ConcurrentModificationException": true,

	"ResourceConflictException":  true, // Lambda: the function is being created or updated
	"ENINotReadyException":       true,
	"SnapStartNotReadyException": true,
}

// passes reports whether an error may go away, by its code.
func passes(err error) bool { return awserr.Throttled(err) || temporary[awserr.Code(err)] }

// permanent reports whether the service blamed the caller: the destination does not exist, access to it or to its key is
// denied, it is in another Region, or the notice is too large or invalid.
func permanent(err error) bool {
	if passes(err) {
		return false
	}
	status := awserr.Status(err)
	return status >= 300 && status < 500 && status != http.StatusRequestTimeout
}
