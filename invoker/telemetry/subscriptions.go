package telemetry

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Dial connects to a port inside the environment.
type Dial func(ctx context.Context, port int) (net.Conn, error)

// maxHistory is how much of Init is kept for extensions that subscribe later, in bytes.
const maxHistory = 512 << 10

// envelope is what an event of Init counts for besides its line, in bytes.
const envelope = 128

// Subscriptions are those of the extensions beside one runtime. Calls may be concurrent; none but Flush and Stop blocks.
// New makes one, and Stop ends it.
type Subscriptions struct {
	dial   Dial
	json   bool
	active atomic.Bool // somebody has subscribed, or still may
	work   sync.WaitGroup
	ctx    context.Context // of the subscribers, until Stop
	stop   context.CancelFunc

	mu          sync.Mutex
	closed      bool // nobody may subscribe any more
	held        bool
	history     []event // of Init, until closed
	kept        int     // bytes of history
	lost        LogsDropped
	subscribers []*subscriber
}

type event struct {
	at     time.Time
	record Record
}

// New returns the Subscriptions of an environment to whose ports dial connects. JSON says whether the function's log format
// is JSON.
func New(dial Dial, json bool) *Subscriptions {
	s := &Subscriptions{dial: dial, json: json, lost: LogsDropped{Reason: "the events of Init exceed 512 KB"}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.active.Store(true)
	return s
}

// Subscribe takes the subscription of a registered extension, whose request has this body. It replaces an earlier one of the
// extension. The subscriber receives the events of Init from the beginning.
func (s *Subscriptions) Subscribe(name string, api API, body []byte) (Subscribed, *Problem) {
	asked, p := parse(name, api, body, s.json)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return Subscribed{}, &Problem{http.StatusForbidden, string(api) + ".SubscriptionClosed", string(api) + " API subscription is closed"}
	case p != nil:
		return Subscribed{}, p
	case slices.ContainsFunc(s.subscribers, func(o *subscriber) bool { return o.api != api }):
		return Subscribed{}, invalid("a function uses either the Telemetry API or the Logs API, and it has subscribed to the other one")
	}
	sub := newSubscriber(asked, s.dial)
	if i := slices.IndexFunc(s.subscribers, func(o *subscriber) bool { return o.name == name }); i >= 0 {
		s.subscribers[i].stop()
		s.subscribers = slices.Delete(s.subscribers, i, i+1)
	}
	for _, e := range s.history {
		sub.add(e.at, e.record)
	}
	if s.lost.Records > 0 {
		sub.add(time.Now(), s.lost)
	}
	s.subscribers = append(s.subscribers, sub)
	sub.hold(s.held)
	var ctx context.Context
	ctx, sub.stop = context.WithCancel(s.ctx)
	s.work.Go(func() { sub.run(ctx) })
	return Subscribed{Name: name, State: "Subscribed", Types: asked.types, API: api}, nil
}

// Close ends the time to subscribe, which is Init.
func (s *Subscriptions) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.history = true, nil
	s.active.Store(len(s.subscribers) > 0)
}

// Active reports whether anybody receives events, or may yet. While nobody does, Emit does nothing.
func (s *Subscriptions) Active() bool { return s.active.Load() }

// Emit sends an event to those who have subscribed to it.
func (s *Subscriptions) Emit(at time.Time, r Record) {
	if !s.active.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.remember(at, r)
	}
	for _, sub := range s.subscribers {
		sub.add(at, r)
	}
}

func (s *Subscriptions) remember(at time.Time, r Record) {
	size := envelope
	if l, ok := r.(Line); ok {
		size += len(l.Text)
	}
	if s.kept+size > maxHistory {
		s.lost.Records++
		s.lost.Bytes += size
		return
	}
	s.kept += size
	s.history = append(s.history, event{at, r})
}

// Hold stops deliveries while the environment is idle and perhaps frozen; events are kept. Release resumes them.
func (s *Subscriptions) Hold() { s.setHeld(true) }

// Release resumes deliveries.
func (s *Subscriptions) Release() { s.setHeld(false) }

func (s *Subscriptions) setHeld(held bool) {
	if !s.active.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	for _, sub := range s.subscribers {
		sub.hold(held)
	}
}

// Flush delivers everything that was emitted, also if deliveries are on hold. It blocks until that is done, or until ctx ends.
func (s *Subscriptions) Flush(ctx context.Context) {
	s.mu.Lock()
	subscribers := slices.Clone(s.subscribers)
	s.mu.Unlock()
	var flushed []<-chan struct{}
	for _, sub := range subscribers {
		flushed = append(flushed, sub.flush())
	}
	for _, done := range flushed {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// Stop ends all subscriptions. What was not delivered is lost. It blocks until no delivery is in progress.
func (s *Subscriptions) Stop() {
	s.Close()
	s.active.Store(false)
	s.stop()
	s.work.Wait()
}
