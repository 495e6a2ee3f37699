package observe

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// Metrics counts what Lambda's event source mapping and function metrics count, by the same rules (AWS: "Types of
// metrics for Lambda functions"), under Prometheus names. Whose metrics there are, only Set and Remove change.
type Metrics struct {
	Registry *prometheus.Registry

	functions map[string]*functionMeters // by name; not changed after NewMetrics
	ofMapping func(Mapping) *mappingMeters
	series    *allSeries // of mappings

	mu       sync.RWMutex
	mappings map[string]*mappingMeters // by UUID

	// Events of others end here: these are not in the registry.
	otherMapping  *mappingMeters
	otherFunction *functionMeters
}

// NewMetrics makes the metrics of mappings and functions, all at zero, in a registry of its own with Go's and the
// process's.
func NewMetrics(mappings []Mapping, functions []string) *Metrics {
	m := &Metrics{
		Registry:      prometheus.NewRegistry(),
		mappings:      map[string]*mappingMeters{},
		functions:     map[string]*functionMeters{},
		series:        &allSeries{},
		otherMapping:  makeMappingMeters(family{promauto.With(nil), &allSeries{}})(Mapping{}),
		otherFunction: makeFunctionMeters(promauto.With(nil))(""),
	}
	m.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.ofMapping = makeMappingMeters(family{promauto.With(m.Registry), m.series})
	ofFunction := makeFunctionMeters(promauto.With(m.Registry))
	for _, x := range mappings {
		m.Set(x)
	}
	m.Registry.MustRegister(shardCollector{m})
	for _, name := range functions {
		m.functions[name] = ofFunction(name)
	}
	return m
}

// Trace is an [trace.Func].
func (m *Metrics) Trace(e trace.Event) {
	switch e := e.(type) {
	case trace.Received:
		m.mapping(e.Mapping).received(e)
	case trace.Filtered:
		x := m.mapping(e.Mapping)
		x.filtered.Add(float64(len(e.Records)))
		x.track(func(s *shards) { s.filtered(e) })
	case trace.Invoking:
		m.mapping(e.Mapping).invoking(e)
	case trace.Invoked:
		m.mapping(e.Mapping).invoked(e)
	case trace.Deleted:
		if !e.Filtered {
			m.mapping(e.Mapping).deleted.Add(float64(len(e.Records)))
		}
	case trace.Left:
		m.mapping(e.Mapping).left.WithLabelValues(string(e.Reason)).Add(float64(len(e.Records)))
	case trace.Scaled:
		m.mapping(e.Mapping).scaled(e)
	case trace.Settled, trace.Dropped, trace.Notified, trace.Reading, trace.Drained, trace.Listed, trace.Failing, trace.State:
		m.stream(e)
	case trace.Environments:
		f := m.function(e.Function)
		f.environments.Set(float64(e.Alive))
		f.concurrent.Set(float64(e.Busy))
	case trace.Started:
		m.function(e.Function).started(e)
	case trace.Ran:
		m.function(e.Function).ran(e)
	}
}

// Set adds a mapping, all at zero. One that is known goes on counting, unless its labels have changed.
func (m *Metrics) Set(x Mapping) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.mappings[x.UUID]
	if known != nil && known.labels != labelTexts(x) {
		m.series.remove(x.UUID)
		known = nil
	}
	m.mappings[x.UUID] = m.ofMapping(x) // of series that go on
	if known != nil {
		known.streamMeters.become(x)
		m.mappings[x.UUID].streamMeters = known.streamMeters
	}
}

// Remove ends the series of a mapping.
func (m *Metrics) Remove(uuid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mappings, uuid)
	m.series.remove(uuid)
}

func (m *Metrics) mapping(uuid string) *mappingMeters {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if x := m.mappings[uuid]; x != nil {
		return x
	}
	return m.otherMapping
}

// streams are the meters of all streams.
func (m *Metrics) streams() (all []*streamMeters) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, x := range m.mappings {
		if x.shards != nil {
			all = append(all, x.streamMeters)
		}
	}
	return all
}

func (m *Metrics) function(name string) *functionMeters {
	if x := m.functions[name]; x != nil {
		return x
	}
	return m.otherFunction
}

func (x *mappingMeters) received(e trace.Received) {
	x.polled.Add(float64(len(e.Records)))
	if e.Err != nil {
		x.pollErrors.Inc()
	}
	x.track(func(s *shards) { s.received(e) })
}

func (x *mappingMeters) invoking(e trace.Invoking) {
	x.inFlight.Inc()
	x.invokedRecords.Add(float64(len(e.Records)))
	x.track(func(s *shards) { s.invoking(e) })
}

func (x *mappingMeters) invoked(e trace.Invoked) {
	x.inFlight.Dec()
	x.failed.Add(float64(failedRecords(e)))
	x.batches.WithLabelValues(result(e)).Inc()
	x.batchRecords.Observe(float64(len(e.Records)))
	x.batchTime.Observe(e.Took.Seconds())
	x.aged(e)
	x.track(func(s *shards) { s.invoked(e) })
}

func (x *mappingMeters) scaled(e trace.Scaled) {
	x.pollers.Set(float64(e.Pollers))
	if x.provisioned != nil {
		x.provisioned.Set(float64((e.Pollers + policy.ProvisionedLoops - 1) / policy.ProvisionedLoops))
	}
}

func (x *functionMeters) started(e trace.Started) {
	x.starts.Inc()
	if e.Err != nil {
		x.startFailures.Inc()
	}
}

func (x *functionMeters) ran(e trace.Ran) {
	switch {
	case e.Throttled:
		x.throttles.Inc()
		return
	case e.Err != nil:
		return
	case e.Fault != "":
		x.errors.Inc()
	}
	x.invocations.Inc()
	x.duration.Observe(e.Took.Seconds())
}
