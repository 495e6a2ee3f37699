package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/trace"
)

// EventsStatus is what the asynchronous events of one function do at the moment.
type EventsStatus struct {
	Waiting   int           `json:"Waiting"`  // for their next try, or for a permit
	InFlight  int           `json:"InFlight"` // being tried
	OldestAge time.Duration `json:"OldestAgeNanoseconds"`
	NextDue   time.Time     `json:"NextDue,omitzero"` // of those that wait

	// Events since the start, counted like the AWS metrics AsyncEventsReceived and AsyncEventsDropped.
	Received  int64 `json:"Received"`
	Succeeded int64 `json:"Succeeded"`
	Dropped   int64 `json:"Dropped"`

	LastDropped *Note `json:"LastDropped,omitempty"` // the last event that was given up
}

// eventCounts are counters of a function's asynchronous events that a status does not show.
type eventCounts struct {
	byCondition                   map[esm.Condition]int64 // of events that were given up
	removed                       int64                   // by people
	deliveryFailures, deadLetters int64
	recursive                     int64 // invocations that were stopped, besides those of events
	age                           prometheus.Observer
}

// WatchBacklogs makes the status and the metrics show the backlogs that read returns. It is called once read may be.
func (m *Monitor) WatchBacklogs(read func() []async.Backlog) { m.backlogs.Store(&read) }

// addBacklogs completes the status of functions by their backlogs. A function that is not in the file any more, but has
// events, is added.
func (m *Monitor) addBacklogs(functions []FunctionStatus, now time.Time) []FunctionStatus {
	read := m.backlogs.Load()
	if read == nil {
		return functions
	}
	at := map[string]int{}
	for i, f := range functions {
		at[f.Name] = i
	}
	for _, b := range (*read)() {
		i, known := at[b.Function]
		if !known {
			i = len(functions)
			functions = append(functions, FunctionStatus{Name: b.Function, Missing: true})
		}
		events := &functions[i].Events
		events.Waiting, events.InFlight, events.NextDue = b.Waiting, b.InFlight, b.Next
		if !b.Oldest.IsZero() {
			events.OldestAge = max(now.Sub(b.Oldest), 0)
		}
	}
	return functions
}

// traceEvents handles what is reported of asynchronous events.
func (m *Monitor) traceEvents(event trace.Event) {
	switch e := event.(type) {
	case trace.EventAccepted:
		m.updateEvents(e.Function, func(f *functionState) { f.Events.Received++ })
	case trace.EventTried:
		m.updateEvents(e.Function, func(f *functionState) { f.eventTried(e) })
	case trace.EventEnded:
		m.updateEvents(e.Function, func(f *functionState) { f.eventEnded(e) })
	case trace.EventsRemoved:
		m.updateEvents(e.Function, func(f *functionState) {
			f.Events.Dropped += int64(e.Count)
			f.events.removed += int64(e.Count)
		})
	case trace.EventNotified:
		m.updateEvents(e.Function, func(f *functionState) { f.eventNotified(e) })
	case trace.RecursionStopped:
		m.updateEvents(e.Function, func(f *functionState) { f.events.recursive += int64(e.Count) })
	}
}

// updateEvents changes what is known of the events of a function, which the file need not have any more.
func (m *Monitor) updateEvents(function string, change func(*functionState)) {
	name, _ := config.SplitQualifier(function)
	f := m.function(name)
	if f == nil {
		f = m.missingFunction(name)
	}
	f.update(change)
}

// missingFunction returns the state of a function that the file does not have, which it adds.
func (m *Monitor) missingFunction(name string) *functionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.functions[name] == nil {
		m.functions[name] = newFunctionState(name, m.histograms)
		m.functions[name].Missing = true
	}
	return m.functions[name]
}

func (f *functionState) eventTried(e trace.EventTried) {
	f.events.age.Observe(e.Age.Seconds())
	if e.Reason == trace.ReasonThrottled && !e.Invoked {
		f.Throttles++
	}
}

func (f *functionState) eventEnded(e trace.EventEnded) {
	if e.Condition == esm.Success {
		f.Events.Succeeded++
		return
	}
	f.Events.Dropped++
	f.Events.LastDropped = noteNow(string(e.Condition) + ": " + e.Error)
	if f.events.byCondition == nil {
		f.events.byCondition = map[esm.Condition]int64{}
	}
	f.events.byCondition[e.Condition]++
}

func (f *functionState) eventNotified(e trace.EventNotified) {
	switch {
	case e.Err == nil, e.Destination == "":
	case e.DeadLetter:
		f.events.deadLetters++
	default:
		f.events.deliveryFailures++
	}
}

// Metrics of asynchronous events.
var (
	eventsReceived   = functionDesc("esm_async_events_received_total", "Asynchronous events that were accepted (AsyncEventsReceived).")
	eventsSucceeded  = functionDesc("esm_async_events_succeeded_total", "Asynchronous events whose function succeeded.")
	eventsDropped    = functionDesc("esm_async_events_dropped_total", "Asynchronous events that were given up, or dropped by people (AsyncEventsDropped).", "condition")
	eventsWaiting    = functionDesc("esm_async_events_waiting", "Asynchronous events that wait for their next try.")
	eventsInFlight   = functionDesc("esm_async_events_in_flight", "Asynchronous events that are being tried.")
	eventsOldest     = functionDesc("esm_async_oldest_event_age_seconds", "Age of the oldest asynchronous event that has not ended; 0 when there is none.")
	deliveryFailures = functionDesc("esm_async_destination_delivery_failures_total", "Records that a destination did not accept, each kept as undelivered (DestinationDeliveryFailures).")
	deadLetterErrors = functionDesc("esm_async_dead_letter_errors_total", "Events that a dead-letter queue did not accept, each kept as undelivered (DeadLetterErrors).")
	recursionDropped = functionDesc("esm_recursive_invocations_dropped_total", "Invocations that were stopped as recursive: asynchronous events, synchronous invocations, and messages of queues (RecursiveInvocationsDropped).")
)

// removedByHand is the condition of events that people dropped, in eventsDropped.
const removedByHand = "Removed"

// collectEvents sends the metrics of a function's events. The function's mutex is held.
func (f *functionState) collectEvents(metrics chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, value int64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), append(labels, f.Name)...)
	}
	count(eventsReceived, f.Events.Received)
	count(eventsSucceeded, f.Events.Succeeded)
	for condition, n := range f.events.byCondition {
		count(eventsDropped, n, string(condition))
	}
	if f.events.removed > 0 {
		count(eventsDropped, f.events.removed, removedByHand)
	}
	count(deliveryFailures, f.events.deliveryFailures)
	count(deadLetterErrors, f.events.deadLetters)
	count(recursionDropped, f.events.recursive+f.events.byCondition[esm.RecursiveInvocation])
}

// collectBacklogs sends the metrics of events that have not ended.
func (m *Monitor) collectBacklogs(metrics chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, function string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, function)
	}
	for _, f := range m.functionStatuses() {
		gauge(eventsWaiting, float64(f.Events.Waiting), f.Name)
		gauge(eventsInFlight, float64(f.Events.InFlight), f.Name)
		gauge(eventsOldest, f.Events.OldestAge.Seconds(), f.Name)
	}
}
