package async

import (
	"sync"
	"time"
)

// pool is a pool of permits, as far as tries of events hold them: a function's reservation, or what all other functions
// share. It distinguishes an event that waits for its turn from one that is throttled, because invocations that this package
// does not know of hold the permits.
type pool struct {
	mu      sync.Mutex
	running int                           // tries
	waiting map[*time.Timer]time.Duration // of those who wait for a permit, with their patience; stopped while tries run
}

// begin makes note that a try runs.
func (p *pool) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	for timer := range p.waiting {
		timer.Stop()
	}
}

// end makes note that a try has returned its permit.
func (p *pool) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running--; p.running > 0 {
		return
	}
	for timer, patience := range p.waiting {
		timer.Reset(patience)
	}
}

// wait calls cancel when no try has run for as long as patience lasts, unless stop is called before that.
func (p *pool) wait(patience time.Duration, cancel func()) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	timer := time.AfterFunc(patience, cancel)
	if p.running > 0 {
		timer.Stop()
	}
	if p.waiting == nil {
		p.waiting = map[*time.Timer]time.Duration{}
	}
	p.waiting[timer] = patience
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		timer.Stop()
		delete(p.waiting, timer)
	}
}
