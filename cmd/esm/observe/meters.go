package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// mappingMeters are the metrics of one mapping.
type mappingMeters struct {
	polled, filtered, invokedRecords, failed, deleted, pollErrors prometheus.Counter

	left    *prometheus.CounterVec // by reason
	batches *prometheus.CounterVec // by result

	pollers, inFlight       prometheus.Gauge
	provisioned             prometheus.Gauge // nil unless the mapping is in provisioned mode
	batchRecords, batchTime prometheus.Observer
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

// makeMappingMeters registers the metrics of mappings. What it returns makes those of one.
func makeMappingMeters(f promauto.Factory) func(Mapping) *mappingMeters {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(more, mappingLabels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, mappingLabels)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return f.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, mappingLabels)
	}
	polled := counter("esm_polled_events_total", "Records read from the source (PolledEventCount).")
	filtered := counter("esm_filtered_out_events_total", "Records that no filter wanted (FilteredOutEventCount).")
	invoked := counter("esm_invoked_events_total", "Records sent into an invocation, counted at every try (InvokedEventCount).")
	failed := counter("esm_failed_invoke_events_total", "Records whose invocation failed or that it reported as failed, counted at every try (FailedInvokeEventCount).")
	deleted := counter("esm_deleted_events_total", "Records deleted after processing (DeletedEventCount).")
	left := counter("esm_left_events_total", "Records left to come back by themselves.", "reason")
	batches := counter("esm_batches_total", "Invocations with a batch, by what came of them: Done, or the reason why not.", "result")
	pollErrors := counter("esm_poll_errors_total", "Calls to the source that failed.")
	pollers := gauge("esm_pollers", "Loops that poll, each with one batch in hand at a time. In provisioned mode ten of them are one poller.")
	provisioned := gauge("esm_provisioned_pollers", "Pollers of a mapping in provisioned mode, each ten loops (ProvisionedPollers).")
	inFlight := gauge("esm_batches_in_flight", "Batches with the function now.")
	size := histogram("esm_batch_records", "Records in a batch.", perBatch)
	took := histogram("esm_batch_duration_seconds", "Time from sending a batch to the function to its answer.", durations)

	return func(m Mapping) *mappingMeters {
		l := prometheus.Labels{"mapping": m.UUID, "source": m.Source, "function": m.Function}
		x := &mappingMeters{
			polled: polled.With(l), filtered: filtered.With(l), invokedRecords: invoked.With(l), failed: failed.With(l),
			deleted: deleted.With(l), left: left.MustCurryWith(l), batches: batches.MustCurryWith(l),
			pollErrors: pollErrors.With(l), pollers: pollers.With(l), inFlight: inFlight.With(l),
			batchRecords: size.With(l), batchTime: took.With(l),
		}
		if m.Provisioned {
			x.provisioned = provisioned.With(l)
		}
		x.batches.WithLabelValues(verdictDone) // so that it is there, at zero, before the first
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
