package queue

import (
	"sync"
	"time"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
)

// refusals pauses all pollers while the function refuses their batches: each refused batch costs its records a receive.
type refusals struct {
	mu    sync.Mutex
	inRow int
	until time.Time
}

var refusalPauses = policy.Backoff{Base: time.Second, Max: time.Minute}

// count counts a batch; scale multiplies the pause after a refused one.
func (r *refusals) count(refused bool, scale float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused {
		r.inRow, r.until = 0, time.Time{}
		return
	}
	r.inRow++
	r.until = time.Now().Add(retry.Scaled(refusalPauses.Delay(r.inRow), scale))
}

// pause returns how long to wait before the next batch.
func (r *refusals) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.until)
}
