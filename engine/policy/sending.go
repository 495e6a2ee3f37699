package policy

import (
	"errors"
	"time"

	"github.com/esm-run/esm"
)

// Sending decides how often a notice about an asynchronous event's end is sent. AWS gives up after an unknown number of
// tries, and loses the notice; here it is kept as undelivered then.
type Sending struct {
	// Scale multiplies the pauses; 0 means 1.
	Scale float64
}

// The bounds of sending a notice, in which one try may itself be several requests.
const (
	maxSends    = 10
	maxSendTime = 15 * time.Minute
)

// After decides after the try with a number, from 1, whose result is err. Again means to try again after a pause. It is false
// after a success and where a further try does not help: after [esm.ErrUndeliverable], ten tries, or if the destination has
// accepted no notice for 15 minutes.
func (s Sending) After(tries int, failing time.Duration, err error) (pause time.Duration, again bool) {
	if err == nil || errors.Is(err, esm.ErrUndeliverable) || tries >= maxSends || failing >= maxSendTime {
		return 0, false
	}
	pauses := Backoff{Base: time.Second, Max: time.Minute}
	return Async{Scale: s.Scale}.scaled(pauses.Delay(tries)), true
}
