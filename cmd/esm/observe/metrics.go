package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/esm-run/esm"
)

// Metrics counts what Lambda's event source mapping and function metrics count, by the same rules (AWS: "Types of
// metrics for Lambda functions"), under Prometheus names.
type Metrics struct {
	Registry *prometheus.Registry

	mappings map[string]*mappingMetrics // by UUID; not changed after NewMetrics

	invocations, errors, throttles, starts, startFailures *prometheus.CounterVec
	environments, concurrent                              *prometheus.GaugeVec
	duration                                              *prometheus.HistogramVec
}

type mappingMetrics struct {
	polled, filtered, invoked, failed, deleted, left, pollErrors prometheus.Counter
	pollers, inFlight                                            prometheus.Gauge
	batchSize, batchTime                                         prometheus.Observer
}

var mappingLabels = []string{"mapping", "source", "function"}

// NewMetrics makes the metrics of mappings, all at zero, in a registry of its own with Go's and the process's.
func NewMetrics(mappings []Mapping) *Metrics {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Metrics{Registry: reg, mappings: map[string]*mappingMetrics{}}
	m.ofMappings(mappings)
	m.ofFunctions()
	return m
}

func (m *Metrics) ofMappings(mappings []Mapping) {
	counter := func(name, help string) *prometheus.CounterVec {
		return registered(m.Registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, mappingLabels))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return registered(m.Registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, mappingLabels))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
		return registered(m.Registry, prometheus.NewHistogramVec(opts, mappingLabels))
	}
	polled := counter("esm_polled_events_total", "Records read from the source (PolledEventCount).")
	filtered := counter("esm_filtered_out_events_total", "Records that no filter wanted (FilteredOutEventCount).")
	invoked := counter("esm_invoked_events_total", "Records sent into an invocation, counted at every try (InvokedEventCount).")
	failed := counter("esm_failed_invoke_events_total", "Records whose invocation failed, at every try (FailedInvokeEventCount).")
	deleted := counter("esm_deleted_events_total", "Records deleted after processing (DeletedEventCount).")
	left := counter("esm_left_events_total", "Records left to come back by themselves.")
	pollErrors := counter("esm_poll_errors_total", "Calls to the source that failed.")
	pollers := gauge("esm_pollers", "Pollers that run.")
	inFlight := gauge("esm_batches_in_flight", "Batches with the function now.")
	size := histogram("esm_batch_records", "Records in a batch.", []float64{1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000})
	took := histogram("esm_batch_duration_seconds", "Time from sending a batch to the function to its answer.", durations)
	for _, x := range mappings {
		l := prometheus.Labels{"mapping": x.UUID, "source": x.Source, "function": x.Function}
		m.mappings[x.UUID] = &mappingMetrics{
			polled: polled.With(l), filtered: filtered.With(l), invoked: invoked.With(l), failed: failed.With(l),
			deleted: deleted.With(l), left: left.With(l), pollErrors: pollErrors.With(l),
			pollers: pollers.With(l), inFlight: inFlight.With(l), batchSize: size.With(l), batchTime: took.With(l),
		}
	}
}

var durations = []float64{.001, .005, .01, .05, .1, .5, 1, 3, 10, 30, 60, 300, 900}

func (m *Metrics) ofFunctions() {
	label := []string{"function"}
	counter := func(name, help string) *prometheus.CounterVec {
		return registered(m.Registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, label))
	}
	m.invocations = counter("esm_function_invocations_total", "Invocations that ran (Invocations).")
	m.errors = counter("esm_function_errors_total", "Invocations that ended in a function error, timeouts included (Errors).")
	m.throttles = counter("esm_function_throttles_total", "Invocations for which no concurrency was free (Throttles).")
	m.starts = counter("esm_environment_starts_total", "Environments started.")
	m.startFailures = counter("esm_environment_start_failures_total", "Environments that could not be started.")
	m.concurrent = registered(m.Registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "esm_function_concurrent_executions", Help: "Environments that are busy (ConcurrentExecutions).",
	}, label))
	m.environments = registered(m.Registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "esm_function_environments", Help: "Environments that exist, busy and idle.",
	}, label))
	m.duration = registered(m.Registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "esm_function_duration_seconds", Help: "Time that invocations took (Duration).", Buckets: durations,
	}, label))
}

func registered[C prometheus.Collector](reg *prometheus.Registry, c C) C {
	reg.MustRegister(c)
	return c
}

// Trace counts.
func (m *Metrics) Trace(e esm.Event) {
	switch e := e.(type) {
	case esm.Environments:
		m.environments.WithLabelValues(e.Function).Set(float64(e.Alive))
		m.concurrent.WithLabelValues(e.Function).Set(float64(e.Busy))
	case esm.Started:
		m.starts.WithLabelValues(e.Function).Inc()
		if e.Err != nil {
			m.startFailures.WithLabelValues(e.Function).Inc()
		}
	case esm.Ran:
		m.ran(e)
	default:
		m.ofMapping(e)
	}
}

func (m *Metrics) ran(e esm.Ran) {
	switch {
	case e.Throttled:
		m.throttles.WithLabelValues(e.Function).Inc()
		return
	case e.Err != nil:
		return
	case e.Fault != "":
		m.errors.WithLabelValues(e.Function).Inc()
	}
	m.invocations.WithLabelValues(e.Function).Inc()
	m.duration.WithLabelValues(e.Function).Observe(e.Took.Seconds())
}

func (m *Metrics) ofMapping(e esm.Event) {
	switch e := e.(type) {
	case esm.Received:
		m.with(e.Mapping, func(x *mappingMetrics) {
			x.polled.Add(float64(len(e.Records)))
			if e.Err != nil {
				x.pollErrors.Inc()
			}
		})
	case esm.Filtered:
		m.with(e.Mapping, func(x *mappingMetrics) { x.filtered.Add(float64(len(e.Records))) })
	case esm.Invoking:
		m.with(e.Mapping, func(x *mappingMetrics) {
			x.invoked.Add(float64(len(e.Records)))
			x.inFlight.Inc()
		})
	case esm.Invoked:
		m.with(e.Mapping, func(x *mappingMetrics) {
			x.inFlight.Dec()
			x.failed.Add(float64(failedRecords(e)))
			x.batchSize.Observe(float64(len(e.Records)))
			x.batchTime.Observe(e.Took.Seconds())
		})
	case esm.Deleted:
		m.with(e.Mapping, func(x *mappingMetrics) {
			if !e.Filtered {
				x.deleted.Add(float64(len(e.Records)))
			}
		})
	case esm.Left:
		m.with(e.Mapping, func(x *mappingMetrics) { x.left.Add(float64(len(e.Records))) })
	case esm.Scaled:
		m.with(e.Mapping, func(x *mappingMetrics) { x.pollers.Set(float64(e.Pollers)) })
	}
}

func (m *Metrics) with(uuid string, change func(*mappingMetrics)) {
	if x := m.mappings[uuid]; x != nil {
		change(x)
	}
}
