// Package skew tells how far a service's clock is from this machine's.
package skew

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// least is what counts: answers tell the time in whole seconds, and take a while.
const least = 3 * time.Second

// Of is how far the clock of the service that has just answered is ahead of this machine's, from the Date of its answer.
// It is 0 when that is not much, or not known.
func Of(answer middleware.Metadata) time.Duration {
	there, known := awsmiddleware.GetServerTime(answer)
	here, answered := awsmiddleware.GetResponseAt(answer)
	if !known || !answered {
		return 0
	}
	if ahead := there.Sub(here); ahead.Abs() >= least {
		return ahead
	}
	return 0
}
