package telemetry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Bounds of deliveries.
const (
	tries        = 5
	firstBackoff = 100 * time.Millisecond // doubles with each try
	tryLimit     = 5 * time.Second        // for one try
	backlog      = 4                      // batches, beyond which events are dropped
)

// subscriber collects the events of one subscription and delivers them. run owns the deliveries.
type subscriber struct {
	subscription
	client client
	wake   chan struct{} // holds a value after a change that run has to look at
	stop   context.CancelFunc

	mu      sync.Mutex
	pending []item // in order
	bytes   int    // of pending
	lost    LogsDropped
	held    bool
	flushed chan struct{} // closed when nothing is pending; nil if nobody waits for that
}

// item is an event as JSON.
type item struct {
	text []byte
	at   time.Time // when it was added
}

func newSubscriber(s subscription, dial Dial) *subscriber {
	return &subscriber{subscription: s, client: newClient(s, dial), wake: make(chan struct{}, 1)}
}

// add takes an event, if the extension has subscribed to it and there is room.
func (s *subscriber) add(at time.Time, r Record) {
	if !slices.Contains(s.types, category(r.Type())) {
		return
	}
	text := s.schema.encode(at, r)
	if text == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= backlog*s.maxItems || s.bytes+len(text) > backlog*s.maxBytes {
		s.lose("the subscriber is slower than its events", 1, len(text))
		return
	}
	s.push(text)
}

// push appends an event. The caller holds mu.
func (s *subscriber) push(text []byte) {
	s.pending = append(s.pending, item{text, time.Now()})
	s.bytes += len(text)
	if len(s.pending) == 1 || s.full() {
		s.signal()
	}
}

// lose counts events that are not delivered. The caller holds mu.
func (s *subscriber) lose(reason string, records, bytes int) {
	s.lost.Reason = reason
	s.lost.Records += records
	s.lost.Bytes += bytes
}

// settleLoss reports what was lost, now that there is room. The caller holds mu.
func (s *subscriber) settleLoss() {
	if s.lost.Records == 0 {
		return
	}
	if slices.Contains(s.types, platform) {
		if text := s.schema.encode(time.Now(), s.lost); text != nil {
			s.push(text)
		}
	}
	s.lost = LogsDropped{}
}

func (s *subscriber) full() bool {
	return len(s.pending) >= s.maxItems || s.bytes >= s.maxBytes
}

func (s *subscriber) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscriber) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.signal()
}

// flush makes everything due, and returns a channel that is closed when it has been delivered.
func (s *subscriber) flush() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	if s.flushed == nil {
		s.flushed = make(chan struct{})
	}
	s.signal()
	return s.flushed
}

// run delivers batches until ctx ends.
func (s *subscriber) run(ctx context.Context) {
	defer s.client.close()
	for number := 1; ctx.Err() == nil; {
		batch, wait := s.next(time.Now())
		if batch == nil {
			s.sleep(ctx, wait)
			continue
		}
		s.deliver(ctx, number, batch)
		number++
	}
}

// next returns the batch that is due, or how long there will be none; negative means until something changes.
func (s *subscriber) next(now time.Time) ([]item, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.pending) == 0:
		if s.flushed != nil {
			close(s.flushed)
			s.flushed = nil
		}
		return nil, -1
	case s.held:
		return nil, -1
	case !s.full() && s.flushed == nil:
		if wait := s.pending[0].at.Add(s.timeout).Sub(now); wait > 0 {
			return nil, wait
		}
	}
	return s.take(), 0
}

// take removes the first batch: it has at most as many bytes as were asked for, and one event more. The caller holds mu.
func (s *subscriber) take() []item {
	n, size := 0, 0
	for n < len(s.pending) && n < s.maxItems && size < s.maxBytes {
		size += len(s.pending[n].text)
		n++
	}
	batch := slices.Clone(s.pending[:n])
	s.pending = slices.Delete(s.pending, 0, n)
	s.bytes -= size
	s.settleLoss()
	return batch
}

// sleep waits for a change, for at most d unless d is negative.
func (s *subscriber) sleep(ctx context.Context, d time.Duration) {
	var due <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-s.wake:
	case <-due:
	case <-ctx.Done():
	}
}

// deliver sends a batch, again after a failure. Tries count only if the environment is not on hold.
func (s *subscriber) deliver(ctx context.Context, number int, batch []item) {
	for try := 1; ; {
		for s.onHold() && ctx.Err() == nil {
			s.sleep(ctx, -1)
		}
		err := s.try(ctx, number, batch)
		if err == nil || ctx.Err() != nil {
			return
		}
		if try == tries {
			s.giveUp(batch, err)
			return
		}
		t := time.NewTimer(firstBackoff << (try - 1))
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if !s.onHold() {
			try++
		}
	}
}

func (s *subscriber) onHold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *subscriber) try(ctx context.Context, number int, batch []item) error {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	return s.client.send(ctx, number, batch)
}

// giveUp drops a batch that could not be delivered.
func (s *subscriber) giveUp(batch []item, err error) {
	size := 0
	for _, i := range batch {
		size += len(i.text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose(fmt.Sprintf("events could not be delivered: %v", err), len(batch), size)
	s.settleLoss()
}
