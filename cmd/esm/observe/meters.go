package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/esm-run/esm/trace"
)

// mappingMeters are the metrics of one mapping: those of all mappings, and those of its kind.
type mappingMeters struct {
	labels [3]string

	polled, filtered, invokedRecords, failed, pollErrors prometheus.Counter

	batches                 *prometheus.CounterVec // by result
	inFlight                prometheus.Gauge
	batchRecords, batchTime prometheus.Observer

	// Of the other kind they are there, and not in the registry.
	*queueMeters
	*streamMeters
}

// queueMeters are what only queues have.
type queueMeters struct {
	deleted     prometheus.Counter
	left        *prometheus.CounterVec // by reason
	pollers     prometheus.Gauge
	provisioned prometheus.Gauge // nil unless the mapping is in provisioned mode
}

// functionMeters are the metrics of one function.
type functionMeters struct {
	invocations, errors, throttles, starts, startFailures prometheus.Counter

	environments, concurrent prometheus.Gauge
	duration                 prometheus.Observer
}

// Labels, and the bounds of histograms.
var (
	durations     = []float64{.001, .005, .01, .05, .1, .5, 1, 3, 10, 30, 60, 300, 900}
	perBatch      = []float64{1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000}
	mappingLabels = []string{"mapping", "source", "function"}
)

// family registers metrics of mappings: a series for each mapping, or for each mapping and value of further labels.
type family struct {
	promauto.Factory
	all *allSeries
}

// allSeries are the metrics of mappings, whose series can be removed.
type allSeries []interface {
	DeletePartialMatch(prometheus.Labels) int
}

func (s *allSeries) remove(uuid string) {
	for _, vec := range *s {
		vec.DeletePartialMatch(prometheus.Labels{"mapping": uuid})
	}
}

func (f family) counter(name, help string, more ...string) *prometheus.CounterVec {
	vec := f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(more, mappingLabels...))
	*f.all = append(*f.all, vec)
	return vec
}

func (f family) gauge(name, help string) *prometheus.GaugeVec {
	vec := f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, mappingLabels)
	*f.all = append(*f.all, vec)
	return vec
}

func (f family) histogram(name, help string, buckets []float64) *prometheus.HistogramVec {
	vec := f.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, mappingLabels)
	*f.all = append(*f.all, vec)
	return vec
}

func labelsOf(m Mapping) prometheus.Labels {
	return prometheus.Labels{"mapping": m.UUID, "source": m.Source, "function": m.Function}
}

// labelTexts are the values of mappingLabels.
func labelTexts(m Mapping) [3]string { return [3]string{m.UUID, m.Source, m.Function} }

// makeMappingMeters registers the metrics of mappings. What it returns makes those of one.
func makeMappingMeters(f family) func(Mapping) *mappingMeters {
	polled := f.counter("esm_polled_events_total", "Records read from the source (PolledEventCount).")
	filtered := f.counter("esm_filtered_out_events_total", "Records that no filter wanted (FilteredOutEventCount).")
	invoked := f.counter("esm_invoked_events_total", "Records sent into an invocation, counted at every try (InvokedEventCount).")
	failed := f.counter("esm_failed_invoke_events_total", "Records whose invocation failed or that it reported as failed, counted at every try (FailedInvokeEventCount).")
	batches := f.counter("esm_batches_total", "Invocations with a batch, by what came of them: Done, or the reason why not.", "result")
	pollErrors := f.counter("esm_poll_errors_total", "Calls to the source that failed.")
	inFlight := f.gauge("esm_batches_in_flight", "Batches with the function now.")
	size := f.histogram("esm_batch_records", "Records in a batch.", perBatch)
	took := f.histogram("esm_batch_duration_seconds", "Time from sending a batch to the function to its answer.", durations)
	ofQueue, ofStream := makeQueueMeters(f), makeStreamMeters(f)
	unregistered := family{promauto.With(nil), &allSeries{}}
	noQueue, noStream := makeQueueMeters(unregistered)(Mapping{}), makeStreamMeters(unregistered)(Mapping{})
	noStream.shards = nil

	return func(m Mapping) *mappingMeters {
		l := labelsOf(m)
		x := &mappingMeters{
			labels: labelTexts(m),
			polled: polled.With(l), filtered: filtered.With(l), invokedRecords: invoked.With(l), failed: failed.With(l),
			batches: batches.MustCurryWith(l), pollErrors: pollErrors.With(l), inFlight: inFlight.With(l),
			batchRecords: size.With(l), batchTime: took.With(l), queueMeters: noQueue, streamMeters: noStream,
		}
		if m.Stream {
			x.streamMeters = ofStream(m)
		} else {
			x.queueMeters = ofQueue(m)
		}
		x.batches.WithLabelValues(trace.Done.String()) // so that it is there, at zero, before the first
		return x
	}
}

func makeQueueMeters(f family) func(Mapping) *queueMeters {
	deleted := f.counter("esm_deleted_events_total", "Records deleted after processing (DeletedEventCount).")
	left := f.counter("esm_left_events_total", "Records left to come back by themselves.", "reason")
	pollers := f.gauge("esm_pollers", "Loops that poll, each with one batch in hand at a time. In provisioned mode ten of them are one poller.")
	provisioned := f.gauge("esm_provisioned_pollers", "Pollers of a mapping in provisioned mode, each ten loops (ProvisionedPollers).")

	return func(m Mapping) *queueMeters {
		l := labelsOf(m)
		x := &queueMeters{deleted: deleted.With(l), left: left.MustCurryWith(l), pollers: pollers.With(l)}
		if m.Provisioned {
			x.provisioned = provisioned.With(l)
		}
		return x
	}
}

// makeFunctionMeters registers the metrics of functions. What it returns makes those of one.
func makeFunctionMeters(f promauto.Factory) func(name string) *functionMeters {
	label := []string{"function"}
	counter := func(name, help string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, label)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, label)
	}
	invocations := counter("esm_function_invocations_total", "Invocations that ran (Invocations).")
	errors := counter("esm_function_errors_total", "Invocations that ended in a function error, timeouts included (Errors).")
	throttles := counter("esm_function_throttles_total", "Invocations for which no concurrency was free (Throttles).")
	starts := counter("esm_environment_starts_total", "Starts of environments, those that failed included.")
	startFailures := counter("esm_environment_start_failures_total", "Environments that could not be started.")
	concurrent := gauge("esm_function_concurrent_executions", "Environments that are busy (ConcurrentExecutions).")
	environments := gauge("esm_function_environments", "Environments that exist, busy and idle.")
	duration := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "esm_function_duration_seconds", Help: "Time that invocations took (Duration).", Buckets: durations,
	}, label)

	return func(name string) *functionMeters {
		return &functionMeters{
			invocations: invocations.WithLabelValues(name), errors: errors.WithLabelValues(name),
			throttles: throttles.WithLabelValues(name), starts: starts.WithLabelValues(name),
			startFailures: startFailures.WithLabelValues(name), concurrent: concurrent.WithLabelValues(name),
			environments: environments.WithLabelValues(name), duration: duration.WithLabelValues(name),
		}
	}
}
