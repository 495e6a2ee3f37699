// Package skew measures how far a service's clock is from this machine's.
package skew

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// least is the smallest difference that counts: answers give the time in whole seconds, and take a while.
const least = 3 * time.Second

// Of returns how far the clock of the service that has just answered is ahead of this machine's, from the Date of the answer.
// It is 0 if the difference is small or unknown.
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
