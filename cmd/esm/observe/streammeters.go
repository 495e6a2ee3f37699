package observe

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm/trace"
)

// streamMeters are what only streams have.
type streamMeters struct {
	settled, dropped, delivered, undelivered, lost prometheus.Counter

	iteratorAge prometheus.Observer

	mu     sync.Mutex
	of     Mapping
	shards *shards // what is in it is guarded by mu; nil where nobody looks
}

// become notes what has changed of the mapping.
func (x *streamMeters) become(m Mapping) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.of = m
}

var ages = []float64{.1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

func makeStreamMeters(f family) func(Mapping) *streamMeters {
	settled := f.counter("esm_settled_events_total", "Records that are done with, well or badly, and that will not be read again.")
	dropped := f.counter("esm_dropped_events_total", "Records given up because of their age or tries, without those that the on-failure destination was told of (DroppedEventCount).")
	delivered := f.counter("esm_on_failure_destination_delivered_events_total", "Records given up that the on-failure destination was told of (OnFailureDestinationDeliveredEventCount).")
	undelivered := f.counter("esm_destination_delivery_failures_total", "Notices that the on-failure destination did not take, each of which is kept as undelivered (DestinationDeliveryFailures).")
	lost := f.counter("esm_lost_positions_total", "Times that a shard was read on from where records may be missing, or come again.")
	age := f.histogram("esm_iterator_age_seconds", "Age of the last record of a batch when its invocation began (IteratorAge).", ages)

	return func(m Mapping) *streamMeters {
		l := labelsOf(m)
		return &streamMeters{
			settled: settled.With(l), dropped: dropped.With(l), delivered: delivered.With(l), undelivered: undelivered.With(l),
			lost: lost.With(l), iteratorAge: age.With(l), of: m, shards: newShards(),
		}
	}
}

// stream counts an event that only streams have, or that says something of shards.
func (m *Metrics) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Settled:
		x := m.mapping(e.Mapping)
		x.settled.Add(float64(len(e.Records)))
		x.track(func(s *shards) { s.settled(e) })
	case trace.Dropped:
		m.mapping(e.Mapping).gaveUp(e)
	case trace.Notified:
		m.mapping(e.Mapping).notified(e)
	case trace.Reading:
		m.mapping(e.Mapping).reading(e)
	case trace.Drained:
		m.mapping(e.Mapping).track(func(s *shards) { s.end(e) })
	case trace.Listed:
		m.mapping(e.Mapping).track(func(s *shards) { s.listed = e.Shards })
	case trace.Failing:
		m.mapping(e.Mapping).track(func(s *shards) { s.failed(e) })
	case trace.State:
		m.mapping(e.Mapping).track(func(s *shards) { s.changed(e) })
	}
}

// track lets note change what is known of the shards, if anybody looks at that.
func (x *streamMeters) track(note func(*shards)) {
	if x.shards == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	note(x.shards)
}

// aged observes the age of an invocation that took place (AWS: "Types of metrics for Lambda functions").
func (x *streamMeters) aged(e trace.Invoked) {
	n := len(e.Records)
	if n == 0 || e.Verdict == trace.NotRun || e.Verdict == trace.Refused || e.Records[n-1].Arrived.IsZero() {
		return
	}
	x.iteratorAge.Observe(ageOf(e.Records, time.Now().Add(-e.Took), 0).Seconds())
}

func (x *streamMeters) gaveUp(e trace.Dropped) {
	x.track(func(s *shards) {
		s.dropped(e)
		if x.of.Destination == "" {
			x.dropped.Add(float64(len(e.Records)))
		}
	})
}

func (x *streamMeters) notified(e trace.Notified) {
	if e.Err == nil {
		x.delivered.Add(float64(e.Records))
		return
	}
	x.dropped.Add(float64(e.Records))
	x.undelivered.Inc()
}

func (x *streamMeters) reading(e trace.Reading) {
	if e.Lost != nil {
		x.lost.Inc()
	}
	x.track(func(s *shards) { s.begin(e) })
}
