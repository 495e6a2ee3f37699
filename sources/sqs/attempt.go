package sqs

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/esm-run/esm/awserr"
)

// attemptLife is how long a ReceiveRequestAttemptId repeats the receive that it was first used for.
const attemptLife = 5 * time.Minute

// attempt is one receive from a FIFO queue, by its ReceiveRequestAttemptId.
type attempt struct {
	id    string
	since time.Time // before its first use
	again bool      // it was used before
}

// attempts keeps the receives of a FIFO queue whose answers were lost. Their messages may be in flight without a receiver,
// and then block their groups until the visibility timeout. A receive with the same id returns them again (API reference:
// "ReceiveMessage"). The zero attempts is ready for use, and may be used concurrently.
type attempts struct {
	mu   sync.Mutex
	lost []attempt // oldest first
}

// next returns a lost attempt to repeat, or a new one. No two callers get the same attempt unless it is lost again. An
// attempt older than the visibility timeout is not repeated: its messages are visible again.
func (a *attempts) next(now time.Time, visibility time.Duration) attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.lost) > 0 {
		first := a.lost[0]
		a.lost = a.lost[1:]
		if now.Sub(first.since) < min(attemptLife, visibility) {
			return first
		}
	}
	return attempt{id: rand.Text(), since: now}
}

// failed keeps try if its answer was lost. A repeated attempt that fails inside the service is given up, because it might
// fail every time: ElasticMQ answers with a status of 500 if its messages were changed in between.
func (a *attempts) failed(try attempt, err error) {
	if !answerLost(err) || try.again && awserr.Internal(err) {
		return
	}
	try.again = true
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = append(a.lost, try)
}
