package sqs

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/esm-run/esm/sources/internal/awserr"
)

// attemptLives is how long a ReceiveRequestAttemptId means the receive that it was first used for.
const attemptLives = 5 * time.Minute

// attempt is the id under which a FIFO queue is received from.
type attempt struct {
	id    string
	since time.Time // before its first use
	again bool      // it was used before
}

// attempts remembers the receives of a FIFO queue whose answer was lost. Their messages may be in flight, unknown to
// anyone, and hold up their groups until the visibility timeout; received again under the same id they are handed out
// again (API reference: "ReceiveMessage"). The zero attempts is ready for use, by many at once.
type attempts struct {
	mu   sync.Mutex
	lost []attempt // oldest first
}

// next returns a lost attempt that is worth repeating, and a new one when there is none. No two callers get the same
// unless it is lost again. An attempt older than the visibility timeout is not worth it: its messages are back already.
func (a *attempts) next(now time.Time, visibility time.Duration) attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.lost) > 0 {
		first := a.lost[0]
		a.lost = a.lost[1:]
		if now.Sub(first.since) < min(attemptLives, visibility) {
			return first
		}
	}
	return attempt{id: rand.Text(), since: now}
}

// failed remembers try if the answer to it was lost. A repeated attempt that the service fails on is given up, lest it
// fail for ever: its messages may have been changed meanwhile, which ElasticMQ answers with a status of 500.
func (a *attempts) failed(try attempt, err error) {
	if !answerLost(err) || try.again && awserr.Internal(err) {
		return
	}
	try.again = true
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = append(a.lost, try)
}
