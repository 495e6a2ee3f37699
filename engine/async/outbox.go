package async

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// The bounds of the notices in hand for one destination. All others stay on disk.
const (
	maxSenders = 8       // notices that are sent concurrently
	maxQueued  = 64      // notices that wait for a sender
	maxBytes   = 8 << 20 // of these, unless there is only one
)

// outbox sends the notices that ended events owe. Each destination has senders of its own, so that one that does not answer
// delays no other. A notice that does not fit into memory is read from the store when its destination has room.
type outbox struct {
	feed      *Feed
	ctx, work context.Context // of Run
	ended     sync.WaitGroup
	rescan    chan struct{} // holds a value if a route has room for notices on disk

	mu      sync.Mutex
	routes  map[routeKey]*route
	inHand  map[string]bool // IDs of notices that are announced, queued or being sent
	settled map[string]bool // IDs of notices settled during a scan; nil without one
}

// routeKey identifies a route: one destination may serve several purposes.
type routeKey struct {
	arn    string
	origin config.Origin
}

// route is the way to one destination. Its fields are guarded by the outbox's mutex.
type route struct {
	routeKey
	queue   []esm.OwedNotice
	bytes   int             // of the queue
	senders int             // goroutines
	opened  esm.Destination // nil until it is opened
	failing time.Time       // the first failure since the last success; zero without one
	behind  bool            // notices on disk have found no room
}

func newOutbox(f *Feed, ctx, work context.Context) *outbox {
	return &outbox{
		feed: f, ctx: ctx, work: work, rescan: make(chan struct{}, 1),
		routes: map[routeKey]*route{}, inHand: map[string]bool{},
	}
}

// start begins with the notices that are owed from before.
func (o *outbox) start() {
	o.rescan <- struct{}{}
	o.ended.Go(o.scanOn)
}

// wait blocks until nothing is being sent. No notice is offered after it was called.
func (o *outbox) wait() { o.ended.Wait() }

// announce says that notices are about to be stored, which offer then hands over: a scan leaves them alone.
func (o *outbox) announce(owed ...esm.OwedNotice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range owed {
		o.inHand[n.Notice.ID] = true
	}
}

// offer hands over notices that were announced, and are stored now. It does not block.
func (o *outbox) offer(owed ...esm.OwedNotice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range owed {
		delete(o.inHand, n.Notice.ID)
		o.add(n)
	}
}

// found hands over a notice that a scan has found.
func (o *outbox) found(n esm.OwedNotice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(n)
}

// add queues a notice unless it is in hand, or was sent since the scan that found it began. It is called under the lock.
func (o *outbox) add(n esm.OwedNotice) {
	id := n.Notice.ID
	if o.inHand[id] || o.settled[id] {
		return
	}
	key := routeKey{n.Destination, originOf(n.Notice)}
	r := o.routes[key]
	if r == nil {
		r = &route{routeKey: key}
		o.routes[key] = r
	}
	size := sizeOf(n)
	if len(r.queue) >= maxQueued || len(r.queue) > 0 && r.bytes+size > maxBytes {
		r.behind = true
		return
	}
	o.inHand[id] = true
	r.queue, r.bytes = append(r.queue, n), r.bytes+size
	if r.senders < maxSenders {
		r.senders++
		o.ended.Go(func() { o.sendAll(r) })
	}
}

// originOf returns why a notice is sent.
func originOf(n esm.Notice) config.Origin {
	switch {
	case n.Event != nil && n.Event.DeadLetter:
		return config.DeadLetter
	case n.Condition == esm.Success:
		return config.EventSuccess
	}
	return config.EventFailure
}

func sizeOf(n esm.OwedNotice) int {
	size := len(n.Notice.Payload)
	if n.Notice.Event != nil {
		size += len(n.Notice.Event.Response)
	}
	return size
}

// next returns the next notice of a route, or false, which ends a sender. After ctx has ended, notices for a destination
// that fails stay owed.
func (o *outbox) next(r *route) (n esm.OwedNotice, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(r.queue) == 0 || o.work.Err() != nil || o.ctx.Err() != nil && !r.failing.IsZero() {
		r.senders--
		if r.behind {
			select {
			case o.rescan <- struct{}{}:
			default: // it will be looked at
			}
		}
		return n, false
	}
	n, r.queue[0] = r.queue[0], n
	r.queue, r.bytes = r.queue[1:], r.bytes-sizeOf(n)
	return n, true
}

// done makes note that a notice is not in hand any more.
func (o *outbox) done(n esm.OwedNotice, settled bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.inHand, n.Notice.ID)
	if settled && o.settled != nil {
		o.settled[n.Notice.ID] = true
	}
}

// scanOn reads notices from disk at the start, and whenever a route has room for more, until ctx ends.
func (o *outbox) scanOn() {
	for first := true; ; first = false {
		select {
		case <-o.rescan:
		case <-o.ctx.Done():
			return
		}
		o.feed.repeat(o.ctx, "", func() error { return o.scan(first) })
	}
}

// scan offers the notices that are owed, oldest first. It stops when the routes that were behind have no more room, unless it
// is to read all.
func (o *outbox) scan(all bool) error {
	behind := o.beginScan()
	defer o.endScan()
	for n, err := range o.feed.Events.Owed(o.ctx) {
		if err != nil {
			o.markBehind(behind)
			return err
		}
		o.found(n)
		if !all && o.areBehind(behind) {
			break
		}
	}
	return nil
}

// beginScan returns the routes that are behind, which they are not any more unless the scan finds no room for a notice.
func (o *outbox) beginScan() (behind []*route) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled = map[string]bool{}
	for _, r := range o.routes {
		if r.behind {
			behind = append(behind, r)
			r.behind = false
		}
	}
	return behind
}

func (o *outbox) endScan() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled = nil
}

func (o *outbox) markBehind(routes []*route) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range routes {
		r.behind = true
	}
}

func (o *outbox) areBehind(routes []*route) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !slices.ContainsFunc(routes, func(r *route) bool { return !r.behind })
}

// rules are the rules of sending notices.
func (o *outbox) rules() policy.Sending { return policy.Sending{Scale: o.feed.Scale} }
